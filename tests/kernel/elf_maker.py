"""Writes small object files (ET_REL, 64 bits, little-endian) for tests."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA = 1, 2, 3, 4
SHF_WRITE, SHF_ALLOC, SHF_EXEC, SHF_COMPRESSED = 1, 2, 4, 0x800


@dataclass
class ObjectMaker:
    """Sections by name with their contents and flags; symbols (name, section, value, info)."""

    sections: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    symbols: list[tuple[str, str, int, int]] = field(default_factory=list)
    #: Section to (offset, symbol's index, relocation type, addend).
    relocations: dict[str, list[tuple[int, int, int, int]]] = field(default_factory=dict)

    def compressed(self, data: bytes) -> bytes:
        return struct.pack("<IIQQ", 1, 0, len(data), 1) + zlib.compress(data)

    def build_id(self, value: bytes) -> None:
        note = struct.pack("<III", 4, len(value), 3) + b"GNU\0" + value
        self.sections[".note.gnu.build-id"] = (note, SHF_ALLOC)

    def write(self, path: Path) -> Path:
        names = ["", *self.sections, *(f".rela{n}" for n in self.relocations)]
        names += [".symtab", ".strtab", ".shstrtab"]
        strings, table = b"\0", bytes(24)
        for name, section, value, info in self.symbols:
            index = names.index(section) if section else 0
            table += struct.pack("<IBBHQQ", len(strings), info, 0, index, value, 0)
            strings += name.encode() + b"\0"
        shstrings = b"".join(name.encode() + b"\0" for name in names)
        rows: list[tuple[int, int, bytes, int, int]] = []
        for data, flags in self.sections.values():
            rows.append((SHT_PROGBITS, flags, data, 0, 0))
        for name, entries in self.relocations.items():
            packed = b"".join(struct.pack("<QQq", o, s << 32 | t, a) for o, s, t, a in entries)
            rows.append((SHT_RELA, 0, packed, names.index(".symtab"), names.index(name)))
        rows.append((SHT_SYMTAB, 0, table, names.index(".strtab"), 1))
        rows += [(SHT_STRTAB, 0, strings, 0, 0), (SHT_STRTAB, 0, shstrings, 0, 0)]
        body, headers, at = b"", bytes(64), 64
        for name, (kind, flags, data, link, info) in zip(names[1:], rows, strict=True):
            place = shstrings.index(b"\0" + name.encode() + b"\0") + 1
            each = {SHT_SYMTAB: 24, SHT_RELA: 24}.get(kind, 0)
            headers += struct.pack(
                "<IIQQQQIIQQ", place, kind, flags, 0, at, len(data), link, info, 1, each
            )
            body, at = body + data, at + len(data)
        head = struct.pack(
            "<16sHHIQQQIHHHHHH",
            b"\x7fELF\x02\x01\x01",
            *(1, 62, 1, 0, 0, at, 0, 64, 0, 0, 64, len(names), len(names) - 1),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(head + body + headers)
        return path
