"""ptype/o: a structure with the offset and the size of each member, and its holes."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import drgn
from drgn import TypeKind

from pycrash.cexpr.eval.kinds import size_of
from pycrash.cexpr.printing.ctype import AGGREGATES
from pycrash.cexpr.printing.typetext import format_type, format_type_name

#: The width of the column in front of the declarations.
COLUMN = 27
HEAD = "/* offset      |    size */  "
_MASK = (1 << 32) - 1


@dataclass
class Place:
    """Where the members of one structure lie: `offset` is that of the structure itself in the
    outermost one, `end` where the last member ended, in bits. gdb counts in 32 bits, and so
    finds padding in unions where there is none.
    """

    offset: int = 0
    end: int = 0


def with_offsets(type_: drgn.Type, hexadecimal: bool = False) -> str:
    """The text of `ptype/o` behind `type = `, of a structure or union."""
    return "\n".join(_Layout(hexadecimal).lines(type_, "", 0, Place()))


class _Layout:
    def __init__(self, hexadecimal: bool) -> None:
        self._hexadecimal = hexadecimal

    def lines(self, type_: drgn.Type, name: str, level: int, place: Place) -> Iterator[str]:
        """A structure's lines, the first and the last without what stands around them."""
        yield format_type_name(type_).removesuffix(" {...}") + " {"
        margin = " " * (COLUMN + level + 4)
        if not type_.is_complete():
            yield f"{margin}<incomplete type>"
        elif not type_.members:
            yield f"{margin}<no data fields>"
        for member in type_.members or ():
            yield from self._member(type_, member, level, place)
        yield from _hole(place, 8 * size_of(type_), "padding")
        yield ""
        yield f"{' ' * (COLUMN + level + 4)}/* total size (bytes): {size_of(type_):4} */"
        indent = COLUMN + level + (0 if level else 2)
        yield f"{' ' * indent}}}" + (f" {name}" if name else "")

    def _member(
        self, outer: drgn.Type, member: drgn.TypeMember, level: int, place: Place
    ) -> Iterator[str]:
        column = yield from self._column(outer, member, place)
        margin = " " * (level + 4)
        if member.type.kind not in AGGREGATES:
            yield f"{column}{margin}{_declaration(member)}"
            return
        size = 8 * size_of(member.type)
        inner = Place(place.offset + member.bit_offset, (place.end - size) & _MASK)
        first, *rest = self.lines(member.type, member.name or "", level + 4, inner)
        yield f"{column}{margin}{first}"
        yield from rest[:-1]
        yield rest[-1] + ";"

    def _column(
        self, outer: drgn.Type, member: drgn.TypeMember, place: Place
    ) -> Generator[str, None, str]:
        """Yields the hole before a member; returns what stands in front of its declaration."""
        size = size_of(member.type)
        if outer.kind == TypeKind.UNION:
            return f"/*{'':16}{self._number(size)} */"
        yield from _hole(place, member.bit_offset, "hole")
        bits = member.bit_field_size
        at = place.offset + member.bit_offset
        if bits is not None or place.offset % 8:
            bit = f"0x{at % 8:x}" if self._hexadecimal else f"{at % 8}  "
            where = f"{self._number(at // 8)}: {bit} "
        else:
            where = f"{self._number(at // 8)}      "
        place.end = member.bit_offset + (8 * size if bits is None else bits)
        return f"/* {where}|  {self._number(size)} */"

    def _number(self, value: int) -> str:
        return f"0x{value:04x}" if self._hexadecimal else f"{value:6}"


def _declaration(member: drgn.TypeMember) -> str:
    """A member that is no structure itself, on one line."""
    name = member.name or ""
    bits = f" : {member.bit_field_size}" if member.bit_field_size else ""
    if member.type.kind == TypeKind.ENUM and not member.type.tag:
        return f"{format_type(member.type)} {name}{bits};"
    return f"{format_type_name(member.type, name)}{bits};"


def _hole(place: Place, bit: int, what: str) -> Iterator[str]:
    """The lines that tell of unused room before a place."""
    if not 0 < place.end < bit:
        return
    size, bits = divmod(bit - place.end, 8)
    if bits:
        yield f"/* XXX {bits:2}-bit {what:7}    */"
    if size:
        yield f"/* XXX {size:2}-byte {what:7}   */"
