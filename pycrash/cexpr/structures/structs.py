"""Structures at an address, whole or by member, laid out as crash's commands lay them out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pycrash.cexpr.printing.nested import NestedValue
from pycrash.cexpr.printing.places import Place
from pycrash.cexpr.printing.values import Printer, ValueOptions
from pycrash.cexpr.structures.innermembers import MemberNotFound, extended_member
from pycrash.cexpr.structures.namedtypes import Found, NamedType
from pycrash.errors import ReadError

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

#: Reads memory: address, size, what is read. Raises ReadError.
Reader = Callable[[int, int, str], bytes]


class NotKernelMemory(ReadError):
    """An address that is not the kernel's, at which crash reads nothing and says nothing."""

    @property
    def quiet(self) -> bool:
        return True


def _reading(size: int) -> str:
    """crash's name for a read of gdb's, which has a slip in one of its forms."""
    return "gdb_readmem callback" if size == 4 else "gdb_readmem_callback"


class StructReader:
    """Reads structures of one kernel and prints them under one set of options.

    `read` fetches the structures themselves where they are not kernel memory; what they point
    to always is.
    """

    def __init__(self, kernel: Kernel, options: ValueOptions, read: Reader | None = None) -> None:
        self.kernel = kernel
        self.printer = Printer(kernel, options)
        self._read = read

    def place(self, datatype: NamedType, address: int) -> Place:
        """The bytes of a structure. Raises ReadError."""
        size = datatype.size
        if self._read is None and not self.kernel.memory.is_kernel(address):
            raise NotKernelMemory(address, _reading(size), "invalid")
        read = self._read or self.kernel.read
        return Place(read(address, size, _reading(size)) if size else b"", address)

    def whole(self, datatype: NamedType, address: int) -> Iterator[str]:
        """`struct name {...}` as lines; what is no union is called a struct. Raises ReadError."""
        text = self.printer.value(datatype.ctype, self.place(datatype, address))
        word = "union" if datatype.kind == "union" else "struct"
        yield from f"{word} {datatype.name} {text}".split("\n")

    def member(self, datatype: NamedType, path: str, address: int) -> Iterator[str]:
        """`  name = value` as lines, with the comma that stands behind it in the structure.

        Raises ReadError, and CrashError where crash loses its way in what gdb printed.
        """
        found = datatype.find(path)
        if found is None:
            return
        place = self.place(datatype, address)
        lines = self._top_lines(datatype, found, place)
        if "." in path or "[" in path:
            yield from extended_member(datatype.name, lines, path)
        else:
            yield from lines

    def nested(self, datatype: NamedType, address: int, path: str = "") -> NestedValue:
        """A structure, or the member of it that a path names, as nested plain data.

        Nothing is read yet. Raises MemberNotFound.
        """
        if not path:
            return NestedValue(datatype.ctype, lambda: self.place(datatype, address))
        found = datatype.find(path)
        if found is None:
            raise MemberNotFound(path)
        bit, bits = found.bit, found.bits

        def member() -> Place:
            return Place(self.place(datatype, address).data, address, bit, bits)

        return NestedValue(found.ctype, member)

    def _top_lines(self, datatype: NamedType, found: Found, place: Place) -> list[str]:
        """The lines of the member a path begins with, indented as in the whole structure."""
        ctype = datatype.ctype
        bit = 0
        for member in found.top[:-1]:
            bit += member.bit
            ctype = member.ctype
        last = found.top[-1]
        depth = len(found.top) - 1
        inner = Place(place.data, place.address, place.bit + bit)
        text = self.printer.member(last, inner, depth, depth)
        comma = "" if last is ctype.members[-1] else ","
        return f"{' ' * (2 * depth + 2)}{text}{comma}".split("\n")


def split_members(text: str) -> tuple[str, list[str]]:
    """`name.member,member` as the name and its members."""
    name, _, rest = text.partition(".")
    return name, [m for m in re.split(r"[,\s]+", rest) if m]
