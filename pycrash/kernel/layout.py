"""Where the members of a structure lie, as one struct.unpack of one read."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import drgn

from pycrash.errors import MissingFeature

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
    return f"{drgn.sizeof(type_)}s"


class Layout:
    """The chosen members of one structure.

    `fields` pairs each member path ("sched_info.last_arrival") with nothing else; a path may
    be a tuple of spellings, the first that exists is taken; where none does, the value is
    None. Members that are numbers or pointers unpack to int, a structure to its first number,
    arrays to bytes. `start` and `size` give the span to read, counted from the structure.
    """

    def __init__(
        self, prog: drgn.Program, type_name: str, fields: Sequence[str | tuple[str, ...]]
    ) -> None:
        try:
            self.type = prog.type(type_name)
        except LookupError:
            raise MissingFeature(f"no {type_name} in this kernel") from None
        places: list[tuple[int, str] | None] = [self._find(field) for field in fields]
        ordered = sorted({place for place in places if place is not None})
        order = "<" if self._little(prog) else ">"
        code, end = order, ordered[0][0] if ordered else 0
        self.start = end
        for offset, form in ordered:
            code += f"{offset - end}x{form}"
            end = offset + struct.calcsize(order + form)
        self.size = end - self.start
        self._struct = struct.Struct(code)
        #: The offset of each field in the structure, in the order asked for; None where missing.
        self.offsets = [None if place is None else place[0] for place in places]
        positions = [len(ordered) if p is None else ordered.index(p) for p in places]
        self._pick: Callable[[Any], tuple[Any, ...]] = (
            itemgetter(*positions) if len(positions) > 1 else lambda row: (row[positions[0]],)
        )

    @staticmethod
    def _little(prog: drgn.Program) -> bool:
        platform = prog.platform
        return platform is None or bool(platform.flags & drgn.PlatformFlags.IS_LITTLE_ENDIAN)

    def _find(self, field: str | tuple[str, ...]) -> tuple[int, str] | None:
        for path in (field,) if isinstance(field, str) else field:
            try:
                offset, type_ = 0, self.type
                for name in path.split("."):
                    while type_.kind == drgn.TypeKind.TYPEDEF:
                        type_ = type_.type
                    member = type_.member(name)
                    offset, type_ = offset + member.bit_offset // 8, member.type
                return offset, _format(type_)
            except (LookupError, TypeError):
                continue
        return None

    def unpack(self, span: bytes, at: int = 0) -> tuple[Any, ...]:
        """The fields, in the order asked for, of the span that begins at `start`."""
        return self._pick((*self._struct.unpack_from(span, at), None))
