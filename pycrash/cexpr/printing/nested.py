"""C values as nested plain data, as JSON shows them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import drgn
from drgn import TypeKind

from pycrash.cexpr.printing import numbers
from pycrash.cexpr.printing.ctype import CType, Member
from pycrash.cexpr.printing.places import Place, place_of, unpack
from pycrash.cexpr.printing.values import MAX_DEPTH

if TYPE_CHECKING:
    from pycrash.kernel.core.reader import Reader

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

#: Values that one nested value is made of, and characters of one string; the rest is left out.
MOST = 1 << 18
#: Stands for what is left out: last in a list, behind a string, or in a value's place.
LEFT_OUT = "..."


class NestedValue:
    """A value of a C type, turned into plain data when asked for, and not before.

    `place` reads its bytes: None where it has none (optimized out).

    What C has becomes:

    - a structure or union: a dict of its members in their order, those of anonymous
      structures and unions among them; nameless bit-fields are left out
    - an array of `char`: the string up to its NUL; bytes that are not UTF-8 stand as `\\xff`
    - any other array, those of `unsigned char` and u8 too: a list; one whose length is not
      known, of `char` too, is empty
    - an integer, a character and a bit-field: an int, however large
    - `_Bool`: a bool, or an int where memory holds neither 0 nor 1
    - an enumeration: the enumerator's name, or an int where there is none
    - a pointer and a function: `"0x..."`, what it points to is not read
    - a floating-point number: a float, or `"inf"` and its like as text where it is not finite
    - void and a type that is only declared: None

    A value of more than MOST parts has lists cut short, each then ends with `"..."`; so does
    a string of more than MOST characters. What lies deeper than MAX_DEPTH is `"..."`. Print
    settings (radix, elements) have no say.
    """

    __slots__ = ("_ctype", "_place")

    def __init__(self, ctype: CType, place: Callable[[], Place | None]) -> None:
        self._ctype = ctype
        self._place = place

    @classmethod
    def of(cls, kernel: Reader, value: drgn.Object) -> NestedValue:
        """A value of the evaluator's, or any other object of drgn's."""
        ctype = CType(value.type_)
        return cls(ctype, lambda: None if value.absent_ else place_of(kernel, value, ctype))

    def plain(self) -> Plain:
        """The value in what JSON knows. Raises ReadError where its memory cannot be read."""
        place = self._place()
        return None if place is None else _Builder().value(self._ctype, place, 0)


class _Builder:
    """Makes plain data of one value, and counts what it is made of."""

    def __init__(self) -> None:
        self._left = MOST

    def value(self, ctype: CType, place: Place, depth: int) -> Plain:
        self._left -= 1
        if not ctype.complete or ctype.kind == TypeKind.VOID:
            return None
        if ctype.kind == TypeKind.FUNCTION:
            return f"{place.at:#x}"
        if ctype.aggregate or ctype.kind == TypeKind.ARRAY:
            if depth >= MAX_DEPTH:
                return LEFT_OUT
            if ctype.aggregate:
                return self._members(ctype, place, depth)
            return self._array(ctype, place, depth)
        return _scalar(ctype, unpack(ctype, place))

    def _members(self, ctype: CType, place: Place, depth: int) -> dict[str, Plain]:
        found: dict[str, Plain] = {}
        for member in ctype.members:
            inner = _inside(member, place)
            if member.name:
                found[member.name] = self.value(member.ctype, inner, depth + 1)
            elif member.ctype.aggregate:
                found |= self._members(member.ctype, inner, depth)
        return found

    def _array(self, ctype: CType, place: Place, depth: int) -> Plain:
        element, first = ctype.element, place.bit // 8
        if ctype.length and element.kind == TypeKind.INT and element.real.name == "char":
            return _string(place.data[first : first + ctype.length])
        found: list[Plain] = []
        for index in range(ctype.length if element.size else 0):
            if self._left <= 0:
                return [*found, LEFT_OUT]
            at = 8 * (first + index * element.size)
            found.append(self.value(element, Place(place.data, place.address, at), depth + 1))
        return found


def _inside(member: Member, place: Place) -> Place:
    return Place(place.data, place.address, place.bit + member.bit, member.bits)


def _string(data: bytes) -> str:
    text = data.partition(b"\0")[0]
    cut = LEFT_OUT if len(text) > MOST else ""
    return text[:MOST].decode("utf-8", "backslashreplace") + cut


def _scalar(ctype: CType, value: int | float) -> Plain:
    if isinstance(value, float):
        return value if math.isfinite(value) else numbers.floating(value, ctype.size)
    if ctype.kind == TypeKind.POINTER:
        return f"{value:#x}"
    if ctype.kind == TypeKind.ENUM:
        return ctype.names.get(value, value)
    if ctype.kind == TypeKind.BOOL and value in (0, 1):
        return bool(value)
    return value
