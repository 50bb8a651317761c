"""A small ELF file made by hand: 64 bits, little endian."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ALLOC, WRITE, CODE = 2, 1, 4
PROGBITS, SYMTAB, STRTAB, NOBITS = 1, 2, 3, 8

LOCAL, GLOBAL, WEAK = 0, 1, 2
NOTYPE, OBJECT, FUNC, SECTION = 0, 1, 2, 3
ABSOLUTE = 0xFFF1


class Symbol(NamedTuple):
    """An entry of the symbol table; `section` is a name, or the number of a special one."""

    name: str
    value: int
    section: str | int
    binding: int = GLOBAL
    kind: int = NOTYPE


class Part(NamedTuple):
    """A section."""

    name: str
    address: int = 0
    flags: int = 0
    data: bytes = b""
    kind: int = PROGBITS
    size: int | None = None


#: A kernel's sections, a little of each.
PARTS = (
    Part(".text", 0x1000, ALLOC | CODE, bytes(0x1000)),
    Part(".rodata", 0x2000, ALLOC, bytes(0x100)),
    Part(".data", 0x3000, ALLOC | WRITE, bytes(0x100)),
    Part(".bss", 0x4000, ALLOC | WRITE, kind=NOBITS, size=0x100),
    Part(".data..percpu", 0, ALLOC | WRITE, bytes(0x100)),
)


def make_elf(path: Path, symbols: Sequence[Symbol], parts: Sequence[Part] = PARTS) -> Path:
    """Write the file and return its path."""
    names = [part.name for part in parts]
    strings = bytearray(b"\0")
    entries = bytearray(24)
    for symbol in symbols:
        section = symbol.section
        number = section if isinstance(section, int) else names.index(section) + 1
        start = 0
        if symbol.name:
            raw = symbol.name.encode() + b"\0"
            start = strings.find(raw)
            if start < 0:
                start = len(strings)
                strings += raw
        info = symbol.binding << 4 | symbol.kind
        entries += struct.pack("<IBBHQQ", start, info, 0, number, symbol.value, 0)
    table = [
        *parts,
        Part(".symtab", data=bytes(entries), kind=SYMTAB),
        Part(".strtab", data=bytes(strings), kind=STRTAB),
    ]
    headings = bytearray(b"\0")
    body = bytearray(64)
    headers = bytearray(64)
    for part in table:
        link = len(table) if part.kind == SYMTAB else 0
        size = len(part.data) if part.size is None else part.size
        headers += struct.pack(
            "<IIQQQQIIQQ",
            *(len(headings), part.kind, part.flags, part.address, len(body), size, link, 0, 1, 0),
        )
        headings += part.name.encode() + b"\0"
        body += part.data
    headers += struct.pack("<IIQQQQIIQQ", 0, STRTAB, 0, 0, len(body), len(headings), 0, 0, 1, 0)
    body += headings
    start = len(body)
    body += headers
    body[:64] = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        *(2, 62, 1, 0, 0, start, 0, 64, 0, 0, 64, len(table) + 2, len(table) + 1),
    )
    path.write_bytes(body)
    return path
