"""Line programs, read as gdb reads them."""

from __future__ import annotations

import struct
from typing import cast

import pytest

from pycrash.objects.dwarf import CompileUnit, Dwarf, DwarfError, Unit, sleb, uleb
from pycrash.objects.linetable import LineTable, close

UNIT = Unit(0, 12, 100, 5, 8, 4, 0, 1)
COPY, ADVANCE_PC, ADVANCE_LINE, SET_FILE, NEGATE = 1, 2, 3, 4, 6


class Sections:
    """The sections of a file, as Dwarf gives them."""

    def __init__(self, lines: bytes) -> None:
        self._lines = lines

    def span(self, name: str, start: int, size: int) -> bytes:
        assert name == ".debug_line"
        return self._lines[start : start + size]


def program(*steps: bytes) -> bytes:
    """A DWARF 5 line program over two files: a.c, and b.h in a folder."""
    lengths = bytes([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1])
    tables = b"\1\1\x08\2/src\0inc\0" + b"\2\1\x08\2\x0b\2a.c\0\0b.h\0\1"
    head = struct.pack("<BBBbBB", 1, 1, 1, -5, 14, 13) + lengths + tables
    body = struct.pack("<HBBI", 5, 8, 0, len(head)) + head + b"".join(steps)
    return struct.pack("<I", len(body)) + body


def at(address: int) -> bytes:
    return b"\0\x09\2" + struct.pack("<Q", address)


def row(line: int, pc: int = 0, file: int | None = None) -> bytes:
    """Advance by lines and bytes, and emit a row."""
    steps = bytes([ADVANCE_LINE, line & 0x7F, ADVANCE_PC, pc])
    return steps + (bytes([SET_FILE, file]) if file is not None else b"") + bytes([COPY])


END = b"\0\1\1"


def discriminator(number: int) -> bytes:
    return bytes([0, 2, 4, number])


def table(*steps: bytes) -> LineTable:
    unit = CompileUnit("a.c", "/src", 0, UNIT)
    return LineTable(cast("Dwarf", Sections(program(*steps))), unit, "<")


def test_lines_of_one_file() -> None:
    # The first row's file is number 1, b.h; number 0 is a.c.
    lines = table(at(0x1000), row(9, 0, 0), row(2, 4), bytes([ADVANCE_PC, 8]), END)
    assert lines.find(0xFFF) is None
    assert lines.find(0x1000) == ("a.c", 10)
    assert lines.find(0x1003) == ("a.c", 10)
    assert lines.find(0x1004) == ("a.c", 12)
    assert lines.find(0x100C) is None


def test_an_inlined_file_ends_where_the_other_goes_on() -> None:
    lines = table(at(0x1000), row(9, 0, 0), row(5, 4, 1), row(1, 4, 0), bytes([ADVANCE_PC, 4]), END)
    assert lines.find(0x1005) == ("inc/b.h", 15)
    assert lines.find(0x1009) == ("a.c", 16)


def test_entries_without_extent_give_way_to_the_next_file() -> None:
    lines = table(at(0x1000), row(9, 0, 0), row(5, 0, 1), bytes([ADVANCE_PC, 4]), END)
    assert lines.find(0x1000) == ("inc/b.h", 15)


def test_a_line_with_discriminators_is_one_entry() -> None:
    lines = table(
        at(0x1000),
        discriminator(3) + row(9, 0, 0),
        discriminator(4) + row(0, 4),
        bytes([ADVANCE_PC, 4]),
        END,
    )
    assert [file.entries for file in lines._files.values() if file.entries] == [
        [(0x1000, 10, True), (0x1008, 0, True)]
    ]


def test_a_statement_is_better_than_what_follows_it_at_its_address() -> None:
    lines = table(
        at(0x1000), row(9, 0, 0), bytes([NEGATE]) + row(7, 0), bytes([ADVANCE_PC, 4]), END
    )
    assert lines.find(0x1002) == ("a.c", 10)


def test_what_is_no_statement_goes_on_with_its_line() -> None:
    lines = table(
        at(0x1000),
        row(9, 0, 0),
        bytes([NEGATE]) + row(0, 4) + row(0, 4) + row(1, 4) + row(0, 4),
        bytes([ADVANCE_PC, 4]),
        END,
    )
    assert lines.stretch(0x1000) == (0x1000, 0x100C)
    assert lines.stretch(0x1005) == (0x1004, 0x100C)
    assert lines.stretch(0x100C) == (0x100C, 0x1014)
    assert lines.stretch(0x1014) is None


def test_a_statement_of_the_same_line_begins_anew() -> None:
    lines = table(at(0x1000), row(9, 0, 0), row(0, 4), bytes([ADVANCE_PC, 4]), END)
    assert lines.stretch(0x1000) == (0x1000, 0x1004)


def test_code_the_linker_dropped_has_no_lines() -> None:
    lines = table(at(0), row(9, 0, 0), bytes([ADVANCE_PC, 4]), END)
    assert lines.find(1) is None


def test_a_program_that_is_cut_short() -> None:
    with pytest.raises(DwarfError):
        table(at(0x1000), bytes([ADVANCE_LINE, 0x80]))


@pytest.mark.parametrize("at_byte", range(60))
def test_damage_is_an_error_or_other_lines_never_a_crash(at_byte: int) -> None:
    steps = (at(0x1000), row(9, 0, 0), row(5, 4, 1), bytes([ADVANCE_PC, 4]), END)
    for value in (0, 0xFF):
        damaged = bytearray(program(*steps))
        damaged[at_byte] = value
        unit = CompileUnit("a.c", "/src", 0, UNIT)
        try:
            lines = LineTable(cast("Dwarf", Sections(bytes(damaged))), unit, "<")
        except DwarfError:
            continue
        lines.find(0x1000)


def test_close() -> None:
    entries = [(1, 5, True), (4, 6, True), (4, 7, True)]
    close(entries, 4)
    assert entries == [(1, 5, True), (4, 0, True)]
    empty: list[tuple[int, int, bool]] = [(4, 0, True)]
    close(empty, 9)
    assert empty == [(4, 0, True)]


def test_numbers() -> None:
    assert uleb(b"\xe5\x8e\x26", 0) == (624485, 3)
    assert sleb(b"\x7f", 0) == (-1, 1)
    assert sleb(b"\x80\x7f", 0) == (-128, 2)
