"""Where the members of a structure lie, as one struct.unpack of one read."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import drgn

from pycrash.errors import MissingFeature
from pycrash.kernel.core.answers import answers_of

_CODES = {(1, False): "B", (2, False): "H", (4, False): "I", (8, False): "Q"}
_CODES |= {(size, True): code.lower() for (size, _), code in _CODES.items()}


def _number_code(type_: drgn.Type) -> str | None:
    """The struct code of an integer, enum, bool or pointer type; None for any other."""
    while type_.kind == drgn.TypeKind.TYPEDEF:
        type_ = type_.type
    if type_.kind == drgn.TypeKind.ENUM and type_.type is not None:
        type_ = type_.type
    if type_.kind in (drgn.TypeKind.POINTER, drgn.TypeKind.BOOL):
        return _CODES[drgn.sizeof(type_), False]
    if type_.kind == drgn.TypeKind.INT:
        return _CODES[drgn.sizeof(type_), type_.is_signed]
    return None


def _format(type_: drgn.Type) -> str:
    """Numbers as themselves, a structure of one number first as that number, the rest as bytes."""
    code = _number_code(type_)
    if code is not None:
        return code
    bare = type_
    while bare.kind == drgn.TypeKind.TYPEDEF:
        bare = bare.type
    if bare.kind == drgn.TypeKind.STRUCT and bare.members:
        first = _number_code(bare.members[0].type)
        if first is not None:
            return first
    if bare.kind == drgn.TypeKind.ARRAY and bare.length is None:
        return "0s"  # as struct pid.numbers since 6.5
    return f"{drgn.sizeof(type_)}s"


class Place(NamedTuple):
    """Where a member lies: bytes before it, and bytes of what it unpacks to."""

    offset: int
    size: int


class Layout:
    """The chosen members of one structure.

    Each field is a path of members ("sched_info.last_arrival"), or a tuple of such spellings,
    of which the first that exists is taken; the first of a tuple is the field's name. A field
    that this kernel lacks is an error, unless it is named in `optional`: then it unpacks to
    None. Members that are numbers or pointers unpack to int, a structure to its first number,
    arrays to bytes. `start` and `size` give the span to read, counted from the structure;
    `whole` the bytes of all of the structure. Raises MissingFeature.
    """

    def __init__(
        self,
        prog: drgn.Program,
        type_name: str,
        fields: Sequence[str | tuple[str, ...]],
        optional: Collection[str] = (),
    ) -> None:
        self._type_name = type_name
        kept, question = answers_of(prog), f"{type_name}: {fields!r}"
        if question not in kept:
            kept[question] = _ask(prog, type_name, fields)
        if kept[question] is None:
            raise MissingFeature(f"no {type_name} in this kernel")
        self.whole: int = kept[question][0]
        places = [None if place is None else (place[0], place[1]) for place in kept[question][1]]
        order = "<" if self._little(prog) else ">"
        ordered = sorted({place for place in places if place is not None})
        code, end = order, ordered[0][0] if ordered else 0
        self.start = end
        for offset, form in ordered:
            code += f"{offset - end}x{form}"
            end = offset + struct.calcsize(order + form)
        self.size = end - self.start
        self._struct = struct.Struct(code)
        self._places = {
            name: None if place is None else Place(place[0], struct.calcsize(order + place[1]))
            for name, place in zip(map(_name, fields), places, strict=True)
        }
        for name, found in self._places.items():
            if found is None and name not in optional:
                raise self._missing(name)
        positions = [len(ordered) if p is None else ordered.index(p) for p in places]
        self._pick: Callable[[Any], tuple[Any, ...]] = (
            itemgetter(*positions)
            if len(positions) > 1
            else lambda row: tuple(row[position] for position in positions)
        )

    def __contains__(self, name: str) -> bool:
        """Whether this kernel has the field."""
        return self._places[name] is not None

    def at(self, name: str) -> int:
        """Bytes before the field. Raises MissingFeature."""
        return self._place(name).offset

    def width(self, name: str) -> int:
        """Bytes of the field. Raises MissingFeature."""
        return self._place(name).size

    def _place(self, name: str) -> Place:
        place = self._places[name]
        if place is None:
            raise self._missing(name)
        return place

    def _missing(self, name: str) -> MissingFeature:
        return MissingFeature(f"no {self._type_name}.{name} in this kernel")

    @staticmethod
    def _little(prog: drgn.Program) -> bool:
        platform = prog.platform
        return platform is None or bool(platform.flags & drgn.PlatformFlags.IS_LITTLE_ENDIAN)

    def unpack(self, span: bytes, at: int = 0) -> tuple[Any, ...]:
        """The fields, in the order asked for, of the span that begins at `start`."""
        return self._pick((*self._struct.unpack_from(span, at), None))


def _name(field: str | tuple[str, ...]) -> str:
    return field if isinstance(field, str) else field[0]


def member_offset(prog: drgn.Program, type_name: str, member: str) -> int:
    """Bytes before a member of a structure. Raises MissingFeature."""
    return Layout(prog, type_name, (member,)).at(member)


def find_member(prog: drgn.Program, type_name: str, *spellings: str) -> Place | None:
    """Where the first of these members that exists lies; None where this kernel has none."""
    try:
        layout = Layout(prog, type_name, (spellings,))
    except MissingFeature:
        return None
    return Place(layout.start, layout.size)


def has_member(prog: drgn.Program, type_name: str, member: str) -> bool:
    """Whether a type exists in this kernel and has the member, a path of names."""
    return find_member(prog, type_name, member) is not None


def type_size(prog: drgn.Program, type_name: str) -> int | None:
    """Bytes of a type, None where this kernel has none of that name."""
    try:
        return Layout(prog, type_name, ()).whole
    except MissingFeature:
        return None


def bit_places(prog: drgn.Program, type_name: str) -> dict[str, tuple[int, int]] | None:
    """The first bit and the width in bits of each member of a structure; None without the type."""
    kept, question = answers_of(prog), f"bits of {type_name}"
    if question not in kept:
        kept[question] = _ask_bits(prog, type_name)
    if kept[question] is None:
        return None
    return {name: (offset, width) for name, (offset, width) in kept[question].items()}


def _ask_bits(prog: drgn.Program, type_name: str) -> dict[str, tuple[int, int]] | None:
    try:
        members = prog.type(type_name).members or ()
    except LookupError:
        return None
    return {
        member.name: (member.bit_offset, member.bit_field_size or _bits(member.type))
        for member in members
        if member.name
    }


def _bits(type_: drgn.Type) -> int:
    """The width of a type; 0 of an array without a length at a structure's end."""
    open_ended = type_.kind == drgn.TypeKind.ARRAY and type_.length is None
    return 0 if open_ended else 8 * drgn.sizeof(type_)


def constant(prog: drgn.Program, name: str) -> int | None:
    """The value of an enumerator, None where this kernel has none of that name."""
    kept, question = answers_of(prog), f"constant {name}"
    if question not in kept:
        try:
            kept[question] = int(prog.constant(name).value_())
        except LookupError:
            kept[question] = None
    value: int | None = kept[question]
    return value


def enumerators(prog: drgn.Program, type_name: str) -> list[tuple[str, int]]:
    """The names and values of an enumeration in its order; none without the type."""
    kept, question = answers_of(prog), f"enumerators of {type_name}"
    if question not in kept:
        try:
            found = prog.type(type_name).enumerators or ()
        except LookupError:
            found = ()
        kept[question] = [(each.name, each.value) for each in found]
    return [(name, value) for name, value in kept[question]]


def _ask(
    prog: drgn.Program, type_name: str, fields: Sequence[str | tuple[str, ...]]
) -> tuple[int, list[tuple[int, str] | None]] | None:
    """The size of a type, and for each field its offset and struct code; None without the type."""
    try:
        type_ = prog.type(type_name)
    except LookupError:
        return None
    while type_.kind == drgn.TypeKind.TYPEDEF:
        type_ = type_.type
    return type_.size or 0, [_find(type_, field) for field in fields]


def _find(type_: drgn.Type, field: str | tuple[str, ...]) -> tuple[int, str] | None:
    for path in (field,) if isinstance(field, str) else field:
        try:
            offset, here = 0, type_
            for name in path.split("."):
                while here.kind == drgn.TypeKind.TYPEDEF:
                    here = here.type
                member = here.member(name)
                offset, here = offset + member.bit_offset // 8, member.type
            return offset, _format(here)
        except (LookupError, TypeError):
            continue
    return None
