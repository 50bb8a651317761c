"""The names and sizes of every type in a vmlinux, gathered from its DWARF in one pass.

drgn finds types by name only; what has to go through all of them asks here. Only the entries
directly below each unit are looked at, which is where C types stand.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from pycrash.objects.dwarf import (
    ADDRESS_FORM,
    FIXED_FORMS,
    IMPLICIT_CONST,
    OFFSET_FORMS,
    STRING,
    Dwarf,
    DwarfError,
    Unit,
    attributes_at,
    uleb,
)
from pycrash.objects.elf import ElfFile

#: Called on the way: what is done, how much of it, how much in all.
Progress = Callable[[str, int, int], None]

DW_TAG_ARRAY = 0x01
KINDS = {0x02: "class", 0x04: "enum", 0x13: "struct", 0x16: "typedef", 0x17: "union", 0x24: "base"}

#: Compilers' names of C's types that gdb has otherwise.
CANONICAL = {
    "long int": "long",
    "long unsigned int": "unsigned long",
    "long long int": "long long",
    "long long unsigned int": "unsigned long long",
    "short int": "short",
    "short unsigned int": "unsigned short",
}

DW_AT_SIBLING, DW_AT_NAME, DW_AT_BYTE_SIZE = 0x01, 0x03, 0x0B
DW_AT_DECLARATION, DW_AT_TYPE = 0x3C, 0x49
_REF4, _STRP = 0x13, 0x0E


@dataclass(frozen=True)
class NamedType:
    """A type's name, its kind ("struct", "base", ...) and its size in bytes.

    A typedef's size is None unless some array is made of it: gdb learns it no earlier.
    """

    name: str
    kind: str
    size: int | None


class Shape(NamedTuple):
    """How entries of one abbreviation lie. Places are counted from behind the code or, where
    the entry begins with its name, from behind the name; -1 where they are unknown.

    `kind` is one of KINDS, "array" or empty. `skip` leads over a childless entry; `sibling` is
    where the reference to the next entry stands. `size` of `size_bytes` bytes is the place of
    the type's size, `given_size` a size that the abbreviation itself holds.
    """

    kind: str
    children: bool
    skip: int
    sibling: int
    name: int
    name_inline: bool
    size: int
    size_bytes: int
    given_size: int
    type: int
    forms: tuple[tuple[int, int], ...]

    @property
    def wanted(self) -> bool:
        """Whether entries of this shape have something to tell."""
        if self.kind == "array":
            return self.type >= 0
        sized = self.kind == "typedef" or self.size >= 0 or self.given_size >= 0
        return bool(self.kind) and sized and self.name >= 0


class AllTypes:
    """Every named type of a file's debugging information: `types`. Raises DwarfError."""

    def __init__(self, elf: ElfFile, progress: Progress | None = None) -> None:
        self._progress = progress
        self._dwarf = Dwarf(elf)
        self._info = self._dwarf.contents(".debug_info")
        self._abbrevs = self._dwarf.contents(".debug_abbrev")
        self._known: dict[bytes, tuple[Shape, int] | None] = {}
        self._seen: set[tuple[int | bytes, int]] = set()
        self._typedefs: dict[int | bytes, bool] = {}
        self._typedef_places: dict[int, int | bytes] = {}
        self._elements: list[int] = []
        self.types: list[NamedType] = []
        try:
            self._scan()
        except (IndexError, KeyError, ValueError, struct.error) as error:
            raise DwarfError("damaged .debug_info") from error
        del self._info, self._abbrevs, self._known, self._seen
        del self._typedef_places, self._elements

    def _scan(self) -> None:
        at = 0
        while at < len(self._info):
            unit = self._dwarf.unit(at)
            if unit.end <= at:
                raise DwarfError(f"damaged unit at {at:x}")
            # Units that dwz shares among others have types as well as compiled ones.
            if unit.offset_size == 4:
                self._scan_unit(unit)
            at = unit.end
            if self._progress is not None:
                self._progress("reading types", at, len(self._info))
        for name, sized in self._typedefs.items():
            self.types.append(NamedType(self._text(name), "typedef", 0 if sized else None))

    def _scan_unit(self, unit: Unit) -> None:
        table, steps = self._table(unit)
        data, start = self._info, unit.start
        code, at = uleb(data, unit.die)
        if code not in table:
            return
        at, _ = self._attributes(table[code], at, unit)
        self._typedef_places = {}
        self._elements = []
        while True:
            code = data[at]
            step = steps[code]
            # Most entries are of no interest and of one size: this is nearly all of the time.
            if step > 0:
                at += step
                continue
            if step < 0:
                # A reference to the next entry stands -step bytes on.
                here = at
                at = start + int.from_bytes(data[at - step : at - step + 4], "little")
                if at <= here:
                    raise DwarfError(f"damaged unit at {start:x}")
                continue
            here = at
            if code >= 0x80:
                code, at = uleb(data, at)
            else:
                at += 1
            if not code or here >= unit.end:
                break
            at = self._entry(table, table[code], here, at, unit)
            if at <= here:
                raise DwarfError(f"damaged unit at {start:x}")
        self._note()

    def _entry(self, table: dict[int, Shape], shape: Shape, here: int, at: int, unit: Unit) -> int:
        """Take what one entry tells; returns the place of the next one."""
        data, start = self._info, unit.start
        behind = at
        name: int | bytes = b""
        if shape.name_inline:
            end = data.index(b"\0", at + shape.name)
            name = data[at + shape.name : end]
            at = at if shape.name else end + 1
        elif shape.name >= 0:
            name = int.from_bytes(data[at + shape.name : at + shape.name + 4], "little")
        if shape.wanted:
            if shape.kind == "array":
                place = at + shape.type
                self._elements.append(int.from_bytes(data[place : place + 4], "little"))
            elif shape.kind == "typedef":
                self._typedef_places[here - start] = name
            else:
                size = shape.given_size
                if size < 0:
                    place = at + shape.size
                    size = int.from_bytes(data[place : place + shape.size_bytes], "little")
                if (name, size) not in self._seen:
                    self._seen.add((name, size))
                    self.types.append(NamedType(self._text(name), shape.kind, size))
        if shape.skip >= 0:
            return at + shape.skip
        if shape.sibling >= 0:
            place = at + shape.sibling
            return start + int.from_bytes(data[place : place + 4], "little")
        at, sibling = self._attributes(shape, behind, unit)
        if sibling:
            return start + sibling
        return self._over_children(table, at, unit) if shape.children else at

    def _note(self) -> None:
        places = self._typedef_places
        for name in places.values():
            self._typedefs.setdefault(name, False)
        for place in self._elements:
            if place in places:
                self._typedefs[places[place]] = True

    def _text(self, name: int | bytes) -> str:
        if isinstance(name, bytes):
            text = name.decode("utf-8", "replace")
        else:
            text = self._dwarf.string(".debug_str", name)
        return CANONICAL.get(text, text)

    # --- entries whose next one has to be walked to

    def _attributes(self, shape: Shape, at: int, unit: Unit) -> tuple[int, int]:
        """The place behind an entry's attributes, and its reference to the next entry or 0."""
        sibling = 0
        for attribute, form in shape.forms:
            if form == IMPLICIT_CONST:
                continue
            value, at = self._dwarf.value(unit, self._info, at, form, 0)
            if attribute == DW_AT_SIBLING and form == _REF4 and isinstance(value, int):
                sibling = value
        return at, sibling

    def _over_children(self, table: dict[int, Shape], at: int, unit: Unit) -> int:
        depth = 1
        while depth and at < unit.end:
            code, at = uleb(self._info, at)
            if not code:
                depth -= 1
                continue
            shape = table[code]
            at, _ = self._attributes(shape, at, unit)
            depth += shape.children
        return at

    # --- abbreviations

    def _table(self, unit: Unit) -> tuple[dict[int, Shape], list[int]]:
        """The shapes of a unit's abbreviations by their codes; and for each first byte of an
        entry how far the next entry is, or minus the place of a reference to it, or 0 where
        the entry itself has to be looked at."""
        data, known = self._abbrevs, self._known
        table: dict[int, Shape] = {}
        steps = [0] * 256
        at = unit.abbrevs
        while True:
            code = data[at]
            at += 1
            if code >= 0x80:
                code, at = uleb(data, at - 1)
            if not code:
                return table, steps
            # The same abbreviations return in every unit: they are read once.
            key = data[at : data.find(b"\0\0", at + 1) + 2]
            found = known.get(key)
            if found is None:
                found = _shape(data, at, unit)
                # A constant of 0 looks like the end: such ones are read each time.
                if found[1] == len(key):
                    known[key] = found
            shape = table[code] = found[0]
            at += found[1]
            if code < 0x80 and not shape.wanted and not shape.name_inline:
                if shape.skip >= 0:
                    steps[code] = 1 + shape.skip
                elif shape.sibling >= 0:
                    steps[code] = -1 - shape.sibling


def _shape(data: bytes, start: int, unit: Unit) -> tuple[Shape, int]:
    """The shape of the abbreviation whose tag stands at `start`, and its length."""
    tag, at = uleb(data, start)
    children = bool(data[at])
    attributes, at = attributes_at(data, at + 1)
    forms: list[tuple[int, int]] = []
    places: dict[int, tuple[int, int]] = {}
    place, given = 0, -1
    inline = declared = False
    for attribute, form, implied in attributes:
        declared = declared or attribute == DW_AT_DECLARATION
        if attribute == DW_AT_BYTE_SIZE and form == IMPLICIT_CONST:
            given = implied
        forms.append((attribute, form))
        places[attribute] = (place, form)
        if attribute == DW_AT_NAME and form == STRING and place >= 0:
            inline = True
            # Behind a name that stands first places count from its end.
            place = 0 if place == 0 else -1
        else:
            size = _form_size(form, unit)
            place = place + size if place >= 0 and size is not None else -1
    name, name_form = places.get(DW_AT_NAME, (-1, 0))
    size_place, size_form = places.get(DW_AT_BYTE_SIZE, (-1, 0))
    sibling, sibling_form = places.get(DW_AT_SIBLING, (-1, 0))
    type_place, type_form = places.get(DW_AT_TYPE, (-1, 0))
    kind = "array" if tag == DW_TAG_ARRAY else KINDS.get(tag, "")
    shape = Shape(
        kind="" if declared else kind,
        children=children,
        skip=-1 if children else place,
        sibling=sibling if sibling_form == _REF4 else -1,
        name=name if name_form in (_STRP, STRING) else -1,
        name_inline=inline,
        size=size_place if FIXED_FORMS.get(size_form, 0) else -1,
        size_bytes=FIXED_FORMS.get(size_form, 0),
        given_size=given,
        type=type_place if type_form == _REF4 else -1,
        forms=tuple(forms),
    )
    return shape, at - start


def _form_size(form: int, unit: Unit) -> int | None:
    """Bytes of an attribute, None where they differ from entry to entry."""
    if form == IMPLICIT_CONST:
        return 0
    if form == ADDRESS_FORM or (form == 0x10 and unit.version == 2):
        return unit.address_size
    if form in OFFSET_FORMS:
        return unit.offset_size
    return FIXED_FORMS.get(form)
