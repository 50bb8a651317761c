"""Faults of the debug vmlinux: its headers, its symbols, every section of debug information."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from pathlib import Path

from pycrash.objects.elf import ElfFile

#: Fields of Elf64_Ehdr and Elf64_Shdr: where, how many bytes.
_HEADER = {
    "class": (4, 1), "order": (5, 1), "type": (16, 2), "machine": (18, 2), "segments": (32, 8),
    "sections": (40, 8), "segment size": (54, 2), "segment count": (56, 2),
    "section size": (58, 2), "section count": (60, 2), "names": (62, 2),
}  # fmt: skip
_SECTION = {
    "name": (0, 4), "type": (4, 4), "flags": (8, 8), "address": (16, 8), "offset": (24, 8),
    "size": (32, 8), "link": (40, 4), "info": (44, 4), "align": (48, 8), "entry size": (56, 8),
}  # fmt: skip
_NUMBERS = (0, 1, 3, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, 1 << 63, (1 << 64) - 1)
_NAMES = (
    b"task_struct\0",
    b"comm\0",
    b"mm_struct\0",
    b"list_head\0",
    b"pid\0",
    b"next\0",
    b"module\0",
)
_KINDS = ("cut", "header", "section header", "section", "section", "section", "names")


class DebugFile:
    """A vmlinux to make damaged copies of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        elf = ElfFile(path)
        self._sections = [s for s in elf.sections if s.size]
        with open(path, "rb") as file:
            head = file.read(64)
        self._table: int = struct.unpack_from("<Q", head, 40)[0]
        self._count: int = struct.unpack_from("<H", head, 60)[0]
        self._size = path.stat().st_size

    def damage(self, copy: Path, chance: random.Random, number: int) -> list[str]:
        """Damage a copy, the kinds of damage in turn; gives what is wrong with it."""
        kind = _KINDS[number % len(_KINDS)]
        with open(copy, "r+b") as file:
            if kind == "cut":
                places = [0, 64, self._table, self._table + 64 * self._count, self._size]
                places += [s.offset for s in self._sections]
                at = chance.choice(places) + chance.choice((0, 1, -1, 100, -100))
                at = max(0, min(at, self._size - 1))
                file.truncate(at)
                return [f"cut at {at}"]
            if kind == "header":
                changes = self._fields(0, _HEADER, chance)
            elif kind == "section header":
                changes = []
                for _ in range(chance.choice((1, 1, 4))):
                    at = self._table + 64 * chance.randrange(1, self._count)
                    changes += self._fields(at, _SECTION, chance)
            elif kind == "names":
                changes = self._renamed(chance)
            else:
                changes = self._spoilt(chance, number)
            for _, at, data in changes:
                file.seek(at)
                file.write(data)
        return [f"{what}: byte {at} = {data[:16].hex()}" for what, at, data in changes]

    def _fields(
        self, base: int, fields: dict[str, tuple[int, int]], chance: random.Random
    ) -> list[tuple[str, int, bytes]]:
        name = chance.choice([*fields])
        at, size = fields[name]
        number = chance.choice((*_NUMBERS, chance.getrandbits(64)))
        return [(f"{name} of the header at {base}", base + at, number.to_bytes(8, "little")[:size])]

    def _renamed(self, chance: random.Random) -> list[tuple[str, int, bytes]]:
        """Names of types and members, or of symbols, that are others."""
        section = chance.choice([s for s in self._sections if s.name in (".debug_str", ".strtab")])
        content = self._content(section.offset, section.size)
        found = []
        for name in _NAMES:
            at = content.find(b"\0" + name)
            if at >= 0 and chance.random() < 0.5:
                other = chance.choice((b"\xff\xfe", b"zz", b"\x1b["))
                found.append((f"name {name!r} in {section.name}", section.offset + at + 1, other))
        return found or self._spoilt(chance, 0)

    def _spoilt(self, chance: random.Random, number: int) -> list[tuple[str, int, bytes]]:
        """A section with bits turned, cleared, or written over."""
        debug = [
            s
            for s in self._sections
            if s.name.startswith(
                (".debug", ".symtab", ".strtab", ".note", ".shstrtab", ".orc", ".eh")
            )
        ]
        section = (
            debug[number // len(_KINDS) % len(debug)]
            if chance.random() < 0.7
            else chance.choice(debug)
        )
        found = []
        for _ in range(chance.choice((1, 10, 1000))):
            at = section.offset + chance.randrange(section.size)
            size = min(chance.choice((1, 1, 8, 4096)), section.offset + section.size - at)
            data = chance.choice((bytes(size), chance.randbytes(size), b"\xff" * size))
            found.append((section.name, at, data))
        return found

    def _content(self, offset: int, size: int) -> bytes:
        with open(self.path, "rb") as file:
            file.seek(offset)
            return file.read(size)

    @property
    def sections(self) -> Sequence[str]:
        """The names of its sections."""
        return [s.name for s in self._sections]
