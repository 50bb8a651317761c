"""BTF: the kernel's own short description of its types (struct btf_header, struct btf_type).

It lies in the vmlinux and in the kernel's memory. It has the types, the enumerators, the
functions' parameters and the per-CPU variables; lines of source and other variables it has not.
"""

from __future__ import annotations

import struct
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF = 1, 2, 3, 4, 5, 6, 7, 8
VOLATILE, CONST, RESTRICT, FUNC, FUNC_PROTO, VAR, DATASEC = 9, 10, 11, 12, 13, 14, 15
FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = 16, 17, 18, 19

#: BTF_INT_SIGNED and BTF_INT_BOOL of an integer's encoding.
INT_SIGNED, INT_BOOL = 1, 4

_MAGIC = 0xEB9F
_HEADER, _TYPE = "HBBIIIII", "III"
#: Bytes behind struct btf_type: the same for each of a kind, and for each of its `vlen`.
_FIXED = {INT: 4, ARRAY: 12, VAR: 4, DECL_TAG: 4}
_EACH = {STRUCT: 12, UNION: 12, ENUM: 8, FUNC_PROTO: 8, DATASEC: 12, ENUM64: 12}
#: A vmlinux of all drivers has some 200,000.
MOST_TYPES = 1 << 22


class BtfType(NamedTuple):
    """One type. `size` is in bytes, or the number of the type it refers to, as its kind has it.

    `flag` says of a structure that it has bit fields, of an enumeration that it is signed, of a
    declaration that it is a union. `vlen` things follow at `at`.
    """

    kind: int
    name: str
    flag: bool
    vlen: int
    size: int
    at: int


class Member(NamedTuple):
    """A member of a structure: places in bits; `width` is 0 where it is no bit field."""

    name: str
    type: int
    bit: int
    width: int


class Btf:
    """The types in one block of BTF, by their numbers; 0 is void. Raises CrashError.

    A type is read when it is asked for: of a damaged block the rest can be used.
    """

    def __init__(self, data: bytes, order: str, name: str = ".BTF") -> None:
        self._data, self._order, self._name = data, order, name
        try:
            magic, _, _, size, types, type_bytes, strings, string_bytes = struct.unpack_from(
                order + _HEADER, data
            )
        except struct.error as error:
            raise self._damaged("cut short") from error
        if magic != _MAGIC:
            raise self._damaged("no BTF")
        self._begin, self._end = size + types, size + types + type_bytes
        self._strings = size + strings
        self._strings_end = self._strings + string_bytes
        if max(self._end, self._strings_end) > len(data):
            raise self._damaged("cut short")

    def _damaged(self, why: str) -> CrashError:
        return CrashError(f"{self._name}: {why}")

    @cached_property
    def _places(self) -> list[int]:
        """Where each type begins."""
        places, at = [0], self._begin
        info = struct.Struct(self._order + "I")
        while at + 12 <= self._end:
            places.append(at)
            (word,) = info.unpack_from(self._data, at + 4)
            kind = word >> 24 & 0x1F
            if not INT <= kind <= ENUM64:
                raise self._damaged(f"type {len(places) - 1} is of no known kind: {kind}")
            at += 12 + _FIXED.get(kind, 0) + _EACH.get(kind, 0) * (word & 0xFFFF)
            if len(places) > MOST_TYPES:
                raise self._damaged("more types than any kernel has")
        return places

    def type(self, number: int) -> BtfType:
        """The type of a number other than 0."""
        if not 0 < number < len(self._places):
            raise self._damaged(f"no type {number}")
        at = self._places[number]
        name, info, size = struct.unpack_from(self._order + _TYPE, self._data, at)
        kind = info >> 24 & 0x1F
        return BtfType(kind, self.text(name), bool(info >> 31), info & 0xFFFF, size, at + 12)

    def text(self, offset: int) -> str:
        """The string at an offset, empty where there is none."""
        begin = self._strings + offset
        if not self._strings <= begin < self._strings_end:
            return ""
        end = self._data.find(b"\0", begin, self._strings_end)
        return self._data[begin:end].decode("ascii", "replace")

    @cached_property
    def numbers(self) -> dict[tuple[int, str], list[int]]:
        """The numbers of all types that have a name, by kind and name."""
        found: dict[tuple[int, str], list[int]] = {}
        for number in range(1, len(self._places)):
            type_ = self.type(number)
            if type_.name:
                found.setdefault((type_.kind, type_.name), []).append(number)
        return found

    @cached_property
    def enumerators_by_name(self) -> dict[str, tuple[int, int]]:
        """The enumeration's number and the value of each enumerator."""
        found: dict[str, tuple[int, int]] = {}
        for number in range(1, len(self._places)):
            type_ = self.type(number)
            if type_.kind in (ENUM, ENUM64):
                for name, value in self.enumerators(type_):
                    found.setdefault(name, (number, value))
        return found

    def _items(self, type_: BtfType, form: str) -> list[tuple[int, ...]]:
        form = self._order + form
        end = type_.at + type_.vlen * struct.calcsize(form)
        if end > self._end:
            raise self._damaged(f"{type_.name or 'a type'} is cut short")
        return list(struct.iter_unpack(form, self._data[type_.at : end]))

    def members(self, type_: BtfType) -> list[Member]:
        """The members of a structure or union."""
        return [
            Member(self.text(name), number, place & 0xFFFFFF, place >> 24)
            if type_.flag
            else Member(self.text(name), number, place, 0)
            for name, number, place in self._items(type_, "III")
        ]

    def enumerators(self, type_: BtfType) -> list[tuple[str, int]]:
        """The names and values of an enumeration."""
        if type_.kind == ENUM:
            form = "Ii" if type_.flag else "II"
            return [(self.text(name), value) for name, value in self._items(type_, form)]
        wide = self._items(type_, "IIi" if type_.flag else "III")
        return [(self.text(name), high << 32 | low) for name, low, high in wide]

    def parameters(self, type_: BtfType) -> list[tuple[str, int]]:
        """The names and types of a prototype's parameters; an ellipsis has type 0 and no name."""
        return [(self.text(name), number) for name, number in self._items(type_, "II")]

    def integer(self, type_: BtfType) -> tuple[int, int, int]:
        """The encoding of an integer, its first bit and its width in bits."""
        (word,) = self._behind(type_, "I")
        return word >> 24 & 0xF, word >> 16 & 0xFF, word & 0xFF

    def array(self, type_: BtfType) -> tuple[int, int]:
        """The type of an array's elements and how many there are."""
        element, _, count = self._behind(type_, "III")
        return element, count

    def _behind(self, type_: BtfType, form: str) -> tuple[int, ...]:
        try:
            return struct.unpack_from(self._order + form, self._data, type_.at)
        except struct.error as error:
            raise self._damaged(f"{type_.name or 'a type'} is cut short") from error
