"""Types of variables that C code declares but does not define: symbols of linker scripts and
of assembly, such as `_text` and `phys_base`.

drgn knows only variables that are defined. Here the declaration is looked for in the DWARF by
its name, and its type is rebuilt from drgn's types.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import drgn

from pycrash.errors import CrashError
from pycrash.objects.dwarf import Dwarf, Unit, attributes_at, uleb
from pycrash.objects.elf import ElfFile

DW_TAG_ARRAY, DW_TAG_POINTER, DW_TAG_FUNCTION, DW_TAG_PARAMETER = 0x01, 0x0F, 0x15, 0x05
DW_TAG_SUBRANGE, DW_TAG_VARIABLE, DW_TAG_VARIADIC = 0x21, 0x34, 0x18
NAMED = {0x13: "struct ", 0x17: "union ", 0x04: "enum ", 0x16: "", 0x24: ""}
QUALIFIERS = {
    0x26: drgn.Qualifiers.CONST,
    0x35: drgn.Qualifiers.VOLATILE,
    0x37: drgn.Qualifiers.RESTRICT,
    0x47: drgn.Qualifiers.ATOMIC,
}

DW_AT_SIBLING, DW_AT_NAME, DW_AT_UPPER_BOUND, DW_AT_COUNT = 0x01, 0x03, 0x2F, 0x37
DW_AT_DECLARATION, DW_AT_TYPE = 0x3C, 0x49
_REFERENCES = (0x11, 0x12, 0x13, 0x14, 0x15)

#: Places looked at for one name, and types one inside the other.
MAX_PLACES, MAX_DEPTH = 256, 16
#: Bytes of .debug_info looked through at a time.
PIECE = 1 << 20


#: What comes of bytes that are no entry, or of a type that drgn does not find.
_UNFIT = (CrashError, LookupError, SyntaxError, ValueError, TypeError, struct.error)


class Abbreviation(NamedTuple):
    """What entries of one abbreviation have: (attribute, form, implied value) each."""

    tag: int
    children: bool
    attributes: tuple[tuple[int, int, int], ...]


class Entry(NamedTuple):
    """One entry: `attributes` by number; references to entries are offsets in .debug_info."""

    tag: int
    children: bool
    attributes: dict[int, int | str | None]
    end: int


class Declarations:
    """The declared variables of one vmlinux."""

    def __init__(self, prog: drgn.Program, elf: ElfFile) -> None:
        self._prog = prog
        self._order = elf.order
        self._dwarf = Dwarf(elf)
        self._tables: dict[int, dict[int, Abbreviation]] = {}

    def type(self, name: str) -> drgn.Type | None:
        """The type a variable is declared with, None where no declaration is found."""
        try:
            for unit, place in self._mentions(name):
                found = self._declared_at(unit, place)
                if found is not None:
                    return found
        except (CrashError, IndexError, struct.error):
            return None
        return None

    def _declared_at(self, unit: Unit, place: int) -> drgn.Type | None:
        """The type of a declaration whose name may stand at a place."""
        try:
            entry = self._declaration(unit, place)
            return None if entry is None else self._type(unit, entry, 0)
        except _UNFIT:
            return None

    @cached_property
    def _info(self) -> bytes:
        return self._dwarf.contents(".debug_info")

    @cached_property
    def _starts(self) -> list[int]:
        """Where units begin."""
        starts = []
        at = 0
        while at < len(self._info):
            starts.append(at)
            end = self._dwarf.unit(at).end
            if end <= at:
                break
            at = end
        return starts

    def _mentions(self, name: str) -> Iterator[tuple[Unit, int]]:
        """Places that may refer to a name's string, with their units."""
        strings = self._dwarf.contents(".debug_str")
        wanted = name.encode("utf-8", "surrogateescape") + b"\0"
        # The linker may keep a name as the end of a longer one, so any place of it may be
        # meant. The right one is mostly met early: all are looked for piece by piece.
        found = [match.start() for match in re.finditer(re.escape(wanted), strings)]
        patterns = [struct.pack(f"{self._order}I", offset) for offset in found[:MAX_PLACES]]
        count = 0
        for begin in range(0, len(self._info), PIECE):
            end = begin + PIECE + 3
            for pattern in patterns:
                place = self._info.find(pattern, begin, end)
                while place >= 0:
                    start = self._starts[bisect_right(self._starts, place) - 1]
                    yield self._dwarf.unit(start), place
                    count += 1
                    if count == MAX_PLACES:
                        return
                    place = self._info.find(pattern, place + 1, end)

    def _declaration(self, unit: Unit, place: int) -> int | None:
        """The type of the variable that is declared by the entry whose name stands at a place,
        as an offset; None where something else stands there."""
        table = self._table(unit)
        for at in (place - 1, place - 2):
            code, behind = uleb(self._info, at)
            abbreviation = table.get(code)
            if (
                behind == place
                and abbreviation is not None
                and abbreviation.tag == DW_TAG_VARIABLE
                and abbreviation.attributes[0][0] == DW_AT_NAME
            ):
                found = self._entry(unit, at).attributes
                type_ = found.get(DW_AT_TYPE)
                if DW_AT_DECLARATION in found and isinstance(type_, int):
                    return type_
        return None

    def _next(self, unit: Unit, entry: Entry) -> int:
        """The entry behind one and all that lies in it."""
        sibling = entry.attributes.get(DW_AT_SIBLING)
        if isinstance(sibling, int) and sibling > entry.end - 1:
            return sibling
        at = entry.end
        depth = int(entry.children)
        while depth:
            if not self._info[at]:
                at, depth = at + 1, depth - 1
                continue
            inner = self._entry(unit, at)
            at, depth = inner.end, depth + inner.children
        return at

    def _children(self, unit: Unit, entry: Entry) -> list[Entry]:
        found = []
        at = entry.end
        while entry.children and self._info[at]:
            child = self._entry(unit, at)
            found.append(child)
            at = self._next(unit, child)
        return found

    def _entry(self, unit: Unit, at: int) -> Entry:
        code, at = uleb(self._info, at)
        abbreviation = self._table(unit)[code]
        found: dict[int, int | str | None] = {}
        for attribute, form, implied in abbreviation.attributes:
            value, at = self._dwarf.value(unit, self._info, at, form, implied)
            if form in _REFERENCES and isinstance(value, int):
                value += unit.start
            found[attribute] = value
        return Entry(abbreviation.tag, abbreviation.children, found, at)

    def _table(self, unit: Unit) -> dict[int, Abbreviation]:
        if unit.abbrevs not in self._tables:
            self._tables[unit.abbrevs] = _abbreviations(
                self._dwarf.contents(".debug_abbrev"), unit.abbrevs
            )
        return self._tables[unit.abbrevs]

    # --- types

    def _type(self, unit: Unit, at: int, depth: int) -> drgn.Type:
        """The drgn type of the entry at an offset. Raises LookupError for a nameless one."""
        if depth > MAX_DEPTH or not unit.start <= at < unit.end:
            raise LookupError("a type outside of its unit")
        entry = self._entry(unit, at)
        name = entry.attributes.get(DW_AT_NAME)
        if entry.tag in NAMED:
            if not isinstance(name, str):
                raise LookupError("a type without a name")
            return self._prog.type(NAMED[entry.tag] + name)
        inner = self._inner(unit, entry, depth)
        if entry.tag in QUALIFIERS:
            return inner.qualified(inner.qualifiers | QUALIFIERS[entry.tag])
        if entry.tag == DW_TAG_POINTER:
            return self._prog.pointer_type(inner)
        if entry.tag == DW_TAG_ARRAY:
            for length in reversed(self._lengths(unit, entry)):
                inner = self._prog.array_type(inner, length)
            return inner
        if entry.tag == DW_TAG_FUNCTION:
            return self._function(unit, entry, inner, depth)
        raise LookupError("an unknown kind of type")

    def _inner(self, unit: Unit, entry: Entry, depth: int) -> drgn.Type:
        target = entry.attributes.get(DW_AT_TYPE)
        if not isinstance(target, int):
            return self._prog.void_type()
        return self._type(unit, target, depth + 1)

    def _lengths(self, unit: Unit, entry: Entry) -> list[int | None]:
        lengths: list[int | None] = []
        for child in self._children(unit, entry):
            if child.tag != DW_TAG_SUBRANGE:
                continue
            count, bound = (
                child.attributes.get(number) for number in (DW_AT_COUNT, DW_AT_UPPER_BOUND)
            )
            if isinstance(count, int):
                lengths.append(count)
            else:
                lengths.append(bound + 1 if isinstance(bound, int) else None)
        return lengths

    def _function(self, unit: Unit, entry: Entry, returns: drgn.Type, depth: int) -> drgn.Type:
        parameters = []
        variadic = False
        for child in self._children(unit, entry):
            if child.tag == DW_TAG_PARAMETER:
                parameters.append(drgn.TypeParameter(self._inner(unit, child, depth)))
            variadic = variadic or child.tag == DW_TAG_VARIADIC
        return self._prog.function_type(returns, parameters, variadic)


def _abbreviations(data: bytes, at: int) -> dict[int, Abbreviation]:
    table: dict[int, Abbreviation] = {}
    while True:
        code, at = uleb(data, at)
        if not code:
            return table
        tag, at = uleb(data, at)
        children = bool(data[at])
        attributes, at = attributes_at(data, at + 1)
        table[code] = Abbreviation(tag, children, tuple(attributes))
