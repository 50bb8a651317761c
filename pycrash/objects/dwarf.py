"""DWARF read in small parts: one unit's header, one line program, without an index of it all.

What needs types or variables asks drgn. This serves what must answer before drgn has read
everything, and what must come out as gdb has it: the source line of an address.
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError
from pycrash.objects.elf import SHF_COMPRESSED, ElfFile, number

DW_AT_NAME = 0x03
DW_AT_STMT_LIST = 0x10
DW_AT_COMP_DIR = 0x1B

DW_UT_SKELETON, DW_UT_SPLIT_COMPILE = 4, 5
DW_UT_TYPE, DW_UT_SPLIT_TYPE = 2, 6

#: Forms of a fixed number of bytes; "address" and "offset" are those of the unit.
FIXED_FORMS: dict[int, int] = {
    0x05: 2,
    0x06: 4,
    0x07: 8,
    0x0B: 1,
    0x0C: 1,
    0x11: 1,
    0x12: 2,
    0x13: 4,
    0x14: 8,
    0x19: 0,
    0x1C: 4,
    0x1E: 16,
    0x20: 8,
    0x24: 8,
    0x25: 1,
    0x26: 2,
    0x27: 3,
    0x28: 4,
    0x29: 1,
    0x2A: 2,
    0x2B: 3,
    0x2C: 4,
}
ADDRESS_FORM = 0x01
OFFSET_FORMS = frozenset({0x0E, 0x10, 0x17, 0x1D, 0x1F, 0x1F20, 0x1F21})
LEB_FORMS = frozenset({0x0D, 0x0F, 0x15, 0x1A, 0x1B, 0x22, 0x23, 0x1F01, 0x1F02})
BLOCK_SIZES = {0x03: "H", 0x04: "I", 0x0A: "B"}
STRING, STRP, LINE_STRP, IMPLICIT_CONST, INDIRECT = 0x08, 0x0E, 0x1F, 0x21, 0x16
ULEB_BLOCKS = (0x09, 0x18)


class DwarfError(CrashError):
    """Debug information that is cut short or of an unknown form."""


def uleb(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and the place behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def sleb(data: bytes, at: int) -> tuple[int, int]:
    """A signed LEB128 number and the place behind it."""
    start = at
    value, at = uleb(data, at)
    bits = 7 * (at - start)
    return (value - (1 << bits) if value >> (bits - 1) else value), at


def attributes_at(data: bytes, at: int) -> tuple[list[tuple[int, int, int]], int]:
    """The (attribute, form, implied value) list of an abbreviation, and what is behind it."""
    found: list[tuple[int, int, int]] = []
    while True:
        attribute, at = uleb(data, at)
        form, at = uleb(data, at)
        implied = 0
        if form == IMPLICIT_CONST:
            implied, at = sleb(data, at)
        if not attribute and not form:
            return found, at
        found.append((attribute, form, implied))


class Unit(NamedTuple):
    """The head of a unit: `start` in .debug_info, `die` the place of its first entry."""

    start: int
    die: int
    end: int
    version: int
    address_size: int
    offset_size: int
    abbrevs: int
    kind: int


@dataclass(frozen=True)
class CompileUnit:
    """What a unit says of itself: its `name`, where it was compiled, and its line program."""

    name: str
    directory: str
    lines: int | None
    unit: Unit


class Dwarf:
    """The debug sections of one ELF file, each unpacked only as far as it is needed."""

    def __init__(self, elf: ElfFile) -> None:
        self._elf = elf
        self._contents: dict[str, bytes] = {}
        self._streams: dict[str, tuple[bytearray, zlib._Decompress, bytes]] = {}

    def contents(self, name: str) -> bytes:
        """A whole section; empty where the file has none of that name."""
        if name not in self._contents:
            section = self._elf.section(name)
            self._contents[name] = self._elf.contents(section) if section else b""
        return self._contents[name]

    def span(self, name: str, start: int, size: int) -> bytes:
        """A part of a section; of a compressed one no more is unpacked than lies before it."""
        section = self._elf.section(name)
        if section is None or start < 0:
            return b""
        if not section.flags & SHF_COMPRESSED:
            end = min(start + size, section.size)
            return self._elf.data[section.offset + start : section.offset + end]
        if name in self._contents or not self._is_zlib(section.offset):
            return self.contents(name)[start : start + size]
        return bytes(self._unpacked(name, start + size)[start : start + size])

    def _is_zlib(self, offset: int) -> bool:
        (kind,) = struct.unpack_from(self._elf.order + "I", self._elf.data, offset)
        return bool(kind == 1)

    def _unpacked(self, name: str, until: int) -> bytearray:
        section = self._elf.section(name)
        assert section is not None
        if name not in self._streams:
            header = 24 if self._elf.wide else 12
            packed = self._elf.data[section.offset + header : section.offset + section.size]
            self._streams[name] = (bytearray(), zlib.decompressobj(), packed)
        done, stream, rest = self._streams[name]
        try:
            while len(done) < until and rest and not stream.eof:
                done += stream.decompress(rest, max(until - len(done), 1 << 20))
                rest = stream.unconsumed_tail
        except zlib.error as error:
            raise DwarfError(f"{self._elf.path}: {name}: {error}") from error
        self._streams[name] = (done, stream, rest)
        return done

    def string(self, section: str, at: int) -> str:
        """The text at an offset of a string section."""
        data = self.contents(section)
        end = data.find(b"\0", at)
        return data[at : end if end >= 0 else len(data)].decode("utf-8", "replace")

    @cached_property
    def _ranges(self) -> tuple[list[int], list[tuple[int, int]]]:
        """Starts of address ranges, sorted, and for each its end and its unit."""
        data = self.contents(".debug_aranges")
        found: list[tuple[int, int, int]] = []
        at = 0
        while at + 12 <= len(data):
            length, head, wide = self._length(data, at)
            end = head + length
            offset_code, offset_size = ("Q", 8) if wide else ("I", 4)
            if not length or end > len(data):
                break
            (unit,) = struct.unpack_from(self._elf.order + offset_code, data, head + 2)
            size = data[head + 2 + offset_size]
            here = head + 4 + offset_size
            here += -(here - at) % (2 * size) if size else 0
            if size in (4, 8):
                count = max(0, end - here) // (2 * size)
                code = f"{self._elf.order}{2 * count}{'Q' if size == 8 else 'I'}"
                row = struct.unpack_from(code, data, here)
                found += [(a, a + n, unit) for a, n in zip(row[::2], row[1::2], strict=True) if n]
            at = end
        found.sort()
        return [f[0] for f in found], [(f[1], f[2]) for f in found]

    def _length(self, data: bytes, at: int) -> tuple[int, int, bool]:
        """A unit's length, the place behind it, and whether its offsets have 8 bytes."""
        (length,) = struct.unpack_from(self._elf.order + "I", data, at)
        if length == 0xFFFFFFFF:
            (length,) = struct.unpack_from(self._elf.order + "Q", data, at + 4)
            return length, at + 12, True
        return length, at + 4, False

    def unit_at(self, address: int) -> int | None:
        """The offset of the unit an address of the file belongs to, or None."""
        starts, rest = self._ranges
        at = bisect_right(starts, address) - 1
        if at < 0 or address >= rest[at][0]:
            return None
        return rest[at][1]

    def unit(self, start: int) -> Unit:
        """The head of the unit at an offset of .debug_info. Raises DwarfError."""
        data = self.span(".debug_info", start, 40)
        try:
            length, at, wide = self._length(data, 0)
            offset_size = 8 if wide else 4
            offset = self._elf.order + ("Q" if wide else "I")
            (version,) = struct.unpack_from(self._elf.order + "H", data, at)
            at += 2
            kind = 1
            end = start + (12 if wide else 4) + length
            if version >= 5:
                kind, address_size = data[at], data[at + 1]
                (abbrevs,) = struct.unpack_from(offset, data, at + 2)
                at += 2 + offset_size
                at += {DW_UT_SKELETON: 8, DW_UT_SPLIT_COMPILE: 8}.get(kind, 0)
                if kind in (DW_UT_TYPE, DW_UT_SPLIT_TYPE):
                    at += 8 + offset_size
            else:
                (abbrevs,) = struct.unpack_from(offset, data, at)
                address_size = data[at + offset_size]
                at += offset_size + 1
        except (struct.error, IndexError) as error:
            raise DwarfError(f"{self._elf.path}: no unit at {start:x} of .debug_info") from error
        return Unit(start, start + at, end, version, address_size, offset_size, abbrevs, kind)

    def compile_unit(self, start: int) -> CompileUnit:
        """The first entry of the unit at an offset of .debug_info. Raises DwarfError."""
        unit = self.unit(start)
        data = self.span(".debug_info", unit.die, min(unit.end - unit.die, 4096))
        found: dict[int, int | str] = {}
        try:
            code, at = uleb(data, 0)
            for attribute, form, implied in self._attributes(unit, code):
                value, at = self.value(unit, data, at, form, implied)
                if value is not None:
                    found[attribute] = value
        except (IndexError, ValueError, struct.error) as error:
            raise DwarfError(f"{self._elf.path}: damaged unit at {start:x}") from error
        lines = found.get(DW_AT_STMT_LIST)
        return CompileUnit(
            str(found.get(DW_AT_NAME, "")),
            str(found.get(DW_AT_COMP_DIR, "")),
            lines if isinstance(lines, int) else None,
            unit,
        )

    def _attributes(self, unit: Unit, wanted: int) -> list[tuple[int, int, int]]:
        """The (attribute, form, implied value) of an abbreviation. Raises DwarfError."""
        data = self.contents(".debug_abbrev")
        at = unit.abbrevs
        while True:
            code, at = uleb(data, at)
            if not code:
                raise DwarfError(f"{self._elf.path}: no abbreviation {wanted}")
            _, at = uleb(data, at)
            found, at = attributes_at(data, at + 1)
            if code == wanted:
                return found

    def value(
        self, unit: Unit, data: bytes, at: int, form: int, implied: int
    ) -> tuple[int | str | None, int]:
        """An attribute's number or text, None for others, and the place behind it."""
        if form == INDIRECT:
            form, at = uleb(data, at)
        if form == IMPLICIT_CONST:
            return implied, at
        if form == STRING:
            end = data.index(b"\0", at)
            return data[at:end].decode("utf-8", "replace"), end + 1
        if form in OFFSET_FORMS or form == ADDRESS_FORM:
            size = unit.address_size if form == ADDRESS_FORM else unit.offset_size
            if form == 0x10 and unit.version == 2:
                size = unit.address_size
            value = number(data[at : at + size], self._elf.order)
            if form == STRP:
                return self.string(".debug_str", value), at + size
            if form == LINE_STRP:
                return self.string(".debug_line_str", value), at + size
            return value, at + size
        if form in FIXED_FORMS:
            size = FIXED_FORMS[form]
            return number(data[at : at + size], self._elf.order), at + size
        if form in LEB_FORMS:
            return sleb(data, at) if form == 0x0D else uleb(data, at)
        if form in BLOCK_SIZES:
            code = self._elf.order + BLOCK_SIZES[form]
            (size,) = struct.unpack_from(code, data, at)
            return None, at + struct.calcsize(code) + size
        if form in ULEB_BLOCKS:
            size, at = uleb(data, at)
            return None, at + size
        raise DwarfError(f"{self._elf.path}: unknown form {form:x}")
