"""Structures at an address, whole or by member, laid out as crash's commands lay them out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.cexpr.eval.arith import reading
from pycrash.cexpr.printing.nested import NestedValue
from pycrash.cexpr.printing.places import Place
from pycrash.cexpr.printing.values import Printer, ValueOptions
from pycrash.cexpr.structures.innermembers import MemberNotFound, extended_member
from pycrash.cexpr.structures.namedtypes import Found, NamedType
from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.space import Space, kernel_space

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


class NotKernelMemory(ReadError):
    """An address that is not the kernel's, at which crash reads nothing and says nothing."""

    @property
    def quiet(self) -> bool:
        return True


@dataclass(frozen=True)
class Shown:
    """A structure, or the member of it that `path` names, once its memory has been read.

    `lines` makes the lines that crash prints. It raises MemberNotFound where crash loses its way
    in what gdb printed, and where pointers are followed also ReadError and CrashError.
    """

    path: str
    lines: Callable[[], Iterable[str]]
    value: NestedValue


@dataclass(frozen=True)
class Trouble:
    """What could not be shown, and why; of `quiet` trouble crash does not say why.

    `line` is the text that had begun on its line, `behind` a line that follows; `gap` tells of an
    empty line behind; `cause` is the failed read.
    """

    text: str
    line: str = ""
    quiet: bool = False
    gap: bool = False
    cause: ReadError | None = None
    behind: str = ""

    @classmethod
    def of(cls, error: CrashError, line: str = "", gap: bool = False) -> Trouble:
        cause = error if isinstance(error, ReadError) else None
        return cls(str(error), line, error.quiet, gap, cause)


class StructReader:
    """Reads structures of one kernel and prints them under one set of options.

    They lie in `space`; what they point to is always kernel memory.
    """

    def __init__(self, kernel: Kernel, options: ValueOptions, space: Space | None = None) -> None:
        self.kernel = kernel
        self.printer = Printer(kernel, options)
        self.space = space or kernel_space(kernel)

    def place(self, datatype: NamedType, address: int) -> Place:
        """The bytes of a structure. Raises ReadError."""
        size, space = datatype.size, self.space
        # crash's name for a read of gdb's has a slip in one form, which it has not for the file.
        what = reading(0 if space.word == "FILEADDR" else size)
        if space.is_kernel and not self.kernel.memory.is_kernel(address):
            raise NotKernelMemory(address, what, "invalid")
        return Place(space.read(address, size, what) if size else b"", address)

    def whole(self, datatype: NamedType, address: int) -> Shown | Trouble:
        """A structure: `struct name {...}`; what is no union is called a struct."""
        word = "union" if datatype.kind == "union" else "struct"
        begun = f"{word} {datatype.name} "
        try:
            place = self.place(datatype, address)
        except ReadError as error:
            if error.quiet:
                return Trouble.of(error, f"{begun}\n")
            return Trouble.of(error, begun, gap=word == "struct")

        def lines() -> list[str]:
            return f"{begun}{self.printer.value(datatype.ctype, place)}".split("\n")

        return Shown("", lines, NestedValue(datatype.ctype, lambda: place))

    def member(self, datatype: NamedType, path: str, address: int) -> Shown | Trouble:
        """One member: `  name = value`, with the comma that stands behind it in the structure."""
        try:
            return self.read_member(datatype, path, address)
        except (ReadError, MemberNotFound) as error:
            return Trouble.of(error)

    def read_member(self, datatype: NamedType, path: str, address: int) -> Shown:
        """As `member`. Raises ReadError, MemberNotFound."""
        found = datatype.find(path)
        if found is None:
            raise MemberNotFound(path)
        place = self.place(datatype, address)
        if not found.inside:
            raise MemberNotFound(path)

        def lines() -> Iterable[str]:
            top = self._top_lines(datatype, found, place)
            inner = "." in path or "[" in path
            return extended_member(datatype.name, top, path) if inner else top

        own = Place(place.data, address, found.bit, found.bits)
        return Shown(path, lines, NestedValue(found.ctype, lambda: own))

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
