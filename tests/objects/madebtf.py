"""BTF made for tests."""

from __future__ import annotations

import struct


class MadeBtf:
    """A block of BTF that grows type by type; each call gives the type's number."""

    def __init__(self, order: str = "<") -> None:
        self.order = order
        self.types, self.strings, self.count = b"", b"\0", 0

    def text(self, name: str) -> int:
        if not name:
            return 0
        self.strings += name.encode() + b"\0"
        return len(self.strings) - len(name) - 1

    def add(
        self, kind: int, name: str, size: int, *behind: int, vlen: int = 0, flag: bool = False
    ) -> int:
        info = flag << 31 | kind << 24 | vlen
        words = (self.text(name), info, size, *(word & 0xFFFFFFFF for word in behind))
        self.types += struct.pack(f"{self.order}{len(words)}I", *words)
        self.count += 1
        return self.count

    def integer(self, name: str, size: int, encoding: int = 0) -> int:
        return self.add(1, name, size, encoding << 24 | size * 8)

    def structure(
        self,
        name: str,
        size: int,
        *members: tuple[str, int, int],
        kind: int = 4,
        flag: bool = False,
    ) -> int:
        words = [word for each, type_, bit in members for word in (self.text(each), type_, bit)]
        return self.add(kind, name, size, *words, vlen=len(members), flag=flag)

    def block(self) -> bytes:
        sizes = (0, len(self.types), len(self.types), len(self.strings))
        head = struct.pack(f"{self.order}HBBI4I", 0xEB9F, 1, 0, 24, *sizes)
        return head + self.types + self.strings
