"""Members read by themselves and shown as plain numbers, as `list -S` and `tree -S` do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from drgn import TypeKind

from pycrash.cexpr.printing.ctype import CType
from pycrash.cexpr.printing.nested import NestedValue
from pycrash.cexpr.printing.places import Place
from pycrash.cexpr.printing.values import read_string
from pycrash.cexpr.structures.namedtypes import NamedType
from pycrash.cexpr.structures.structs import Shown
from pycrash.errors import CrashError, ReadError

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

_WORD = 8
_STRING = 1500


@dataclass(frozen=True)
class DirectMember:
    """A member to read by itself.

    `width` is its size, 0 where gdb cannot tell (bit-fields, nameless types). `string` says
    that its declaration has "char" in front of the name.
    """

    name: str
    ctype: CType
    offset: int
    width: int
    pointer: bool
    string: bool

    @property
    def direct(self) -> bool:
        """Whether the value is shown as a number or string; others are shown as gdb does."""
        return self.width > 0 and (self.width <= _WORD or self.string)

    def shown(self, kernel: Kernel, address: int, radix: int) -> Shown:
        """The member of the structure at an address, as `  name = value`. Raises ReadError."""
        at = address + self.offset
        place: Place | None = None
        try:
            place = Place(kernel.read(at, self.width, "structure value"), at)
        except ReadError:
            # A string is shown as far as it can be read.
            if self.width <= _WORD:
                raise
        line = partial(self._line, kernel, at, place, radix)
        return Shown(self.name, line, NestedValue(self.ctype, lambda: place))

    def _line(self, kernel: Kernel, at: int, place: Place | None, radix: int) -> tuple[str]:
        value = 0
        text = ""
        if place is not None and self.width <= _WORD:
            value = kernel.unsigned(place.data)
        if self.width in (1, 2, 4, 8):
            number = f"{value:#x}" if self.pointer or radix == 16 else str(value)
            text = f"  {self.name} = {number}"
        if self.string and self.pointer:
            return (f'{text}  "{_text(kernel, value, _STRING)}"',)
        if self.string:
            return (f'{text}  {self.name} = "{_text(kernel, at, self.width)}"',)
        return (text + _function(kernel, value),)


def _text(kernel: Kernel, address: int, limit: int) -> str:
    data, error = read_string(kernel, address, 1, limit)
    # One read of the whole buffer fails as a whole: a string at unreadable memory is empty.
    return "" if error == address else data.split(b"\0")[0].decode("utf-8", "surrogateescape")


def _function(kernel: Kernel, value: int) -> str:
    found = kernel.symbols.lookup(value) if value else None
    if found is None or not kernel.symbols.is_text_symbol(found[0]):
        return ""
    return f" <{found[0].name}>"


def direct_members(
    datatype: NamedType | None, name: str, members: Iterable[str]
) -> list[DirectMember]:
    """The members of a structure by their names. Raises CrashError for one that is not there."""
    found = []
    for member in members:
        at = datatype.find(member) if datatype is not None else None
        if datatype is None or at is None:
            raise CrashError(f"Can't get offset of '{name}.{member}'")
        width = 0 if at.bits or datatype.typedef else at.ctype.size
        simple = "." not in member and "[" not in member
        found.append(
            DirectMember(
                member,
                at.ctype,
                at.bit // 8,
                width,
                simple and at.ctype.type.kind == TypeKind.POINTER,
                _is_string(datatype, member),
            )
        )
    return found


def _is_string(datatype: NamedType, member: str) -> bool:
    pattern = re.compile(rf"(?:(?!char ).)*char \*?{re.escape(member)}[;\[]")
    return any(pattern.match(line) for line in datatype.lines)
