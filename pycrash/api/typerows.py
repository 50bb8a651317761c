"""How a type is declared, as struct, union, * and whatis show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, overload

from pycrash.api.fields import Address, Bytes, Hidden
from pycrash.api.rows import Row
from pycrash.cexpr.printing.ctype import CType, Member
from pycrash.cexpr.printing.numbers import plain
from pycrash.cexpr.printing.typetext import format_type_name
from pycrash.cexpr.structures.declaration import declaration
from pycrash.cexpr.structures.namedtypes import Kind, NamedType
from pycrash.errors import CrashError


class MemberFact(NamedTuple):
    """A member of a structure or union; one inside of a nameless one stands among the others.

    `offset` is that of the first byte it is in. `bit` is where a bit-field begins, counted from
    the structure, and `bits` its width; of other members both are None. `address` is where it
    lies in the structure whose address was given.
    """

    name: str
    type: str
    offset: Bytes
    size: Bytes
    bit: int | None
    bits: int | None
    address: Address | None


class Members(Sequence[MemberFact]):
    """The members of a type, worked out when somebody looks at them.

    With `only` that one alone; with `address` with the places they have there.
    """

    def __init__(self, ctype: CType, only: str = "", address: int | None = None) -> None:
        self._ctype = ctype
        self._only = only
        self._address = address

    @cached_property
    def _facts(self) -> tuple[MemberFact, ...]:
        found = _named(self._ctype, 0)
        return tuple(self._fact(m, bit) for m, bit in found if self._only in ("", m.name))

    def _fact(self, member: Member, bit: int) -> MemberFact:
        at = None if self._address is None else self._address + bit // 8
        type_ = format_type_name(member.ctype.type)
        place, width = (bit, member.bits) if member.bits else (None, None)
        return MemberFact(member.name, type_, bit // 8, member.ctype.size, place, width, at)

    @overload
    def __getitem__(self, at: int) -> MemberFact: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[MemberFact]: ...
    def __getitem__(self, at: int | slice) -> MemberFact | Sequence[MemberFact]:
        return self._facts[at]

    def __len__(self) -> int:
        return len(self._facts)


def _named(ctype: CType, base: int) -> Iterator[tuple[Member, int]]:
    """The members that a name can reach, with their bits from the outermost structure on."""
    for member in ctype.members:
        if member.name:
            yield member, base + member.bit
        elif member.ctype.aggregate:
            yield from _named(member.ctype, base + member.bit)


@dataclass(frozen=True)
class TypeRow(Row, kind="type"):
    """A type by its name. `form` is what is behind typedefs; `typedef` tells that the name is one.

    `members` are those of a structure or union, or the one asked for; `enumerators` the names of
    an enumeration with their values. `declaration` is the type in C.
    """

    name: str
    form: Kind
    typedef: bool
    size: Bytes
    members: Sequence[MemberFact]
    enumerators: dict[str, int]
    declaration: str
    datatype: Hidden[NamedType]
    member: Hidden[str]
    offsets: Hidden[bool]
    address: Hidden[int]


def type_row(
    datatype: NamedType, member: str = "", *, offsets: bool = False, address: int = 0
) -> TypeRow:
    """The row of a type, or of one member of it.

    `offsets` are shown in front of members, or the addresses they have in a structure at
    `address`. Raises CrashError for a path of members.
    """
    if "." in member:
        raise CrashError(f"invalid data structure reference: {datatype.name}.{member}")
    return TypeRow(
        datatype.name,
        datatype.kind,
        datatype.typedef,
        datatype.size,
        Members(datatype.ctype, member, address or None),
        {e.name: e.value for e in datatype.ctype.real.enumerators or ()}
        if datatype.kind == "enum"
        else {},
        "\n".join(datatype.lines),
        datatype,
        member,
        offsets,
        address,
    )


def type_lines(row: TypeRow, radix: int) -> Iterator[str]:
    """The lines of a type's declaration."""
    if row.form == "enum":
        yield from _enumeration(row)
    elif row.typedef or row.form in ("struct", "union"):
        yield from declaration(
            row.datatype, row.member, offsets=row.offsets, address=row.address, radix=radix
        )
    else:
        yield f"SIZE: {plain(row.size, radix)}"


def _enumeration(row: TypeRow) -> Iterator[str]:
    """An enumeration with the value of each of its names."""
    tag = row.datatype.ctype.real.tag
    head = "typedef enum" if row.typedef else "enum"
    yield f"{head} {tag} {{" if tag else f"{head} {{"
    for name, value in row.enumerators.items():
        yield f"  {name} = {value}"
    yield "};" if tag else f"}} {row.name};"
