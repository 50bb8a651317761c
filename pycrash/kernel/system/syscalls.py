"""The system call table (sys_call_table), and where each call is in the source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import drgn

from pycrash.errors import MissingFeature
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.symbols.table import SymbolTable
from pycrash.kernel.text.sources import SourceLines

#: Entries taken where neither a type nor a following symbol tells how many there are.
DEFAULT_COUNT = 256
#: No architecture has had as many.
MAX_COUNT = 65536
#: Bytes of a function looked through for a line of its own.
MAX_FUNCTION = 1 << 16


@dataclass(frozen=True, slots=True)
class SystemCall:
    """One entry: `name` is the symbol at its address, None where there is none."""

    number: int
    address: int
    name: str | None


class SystemCallTable:
    """The table of one kernel. `sized` tells that its length is known from its type."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._symbols = kernel.part(SymbolTable)
        self.sized = False

    def entries(self) -> Iterator[SystemCall]:
        """Every entry, by number. Raises MissingFeature, ReadError."""
        kernel, symbols = self._kernel, self._symbols
        start = symbols.address("sys_call_table")
        missing = symbols.by_name("sys_ni_syscall")
        width, count = self._shape(start)
        data = kernel.read(start, width * count, "sys_call_table")
        for number in range(count):
            address = kernel.unsigned(data[number * width : (number + 1) * width])
            found = symbols.lookup(address)
            name = found[0].name if found is not None and not found[1] else None
            if missing is not None and address == missing.address:
                name = missing.name
            yield SystemCall(number, address, name)

    def source(self, call: SystemCall) -> str:
        """ "../fs/read_write.c: 720", or empty.

        It is the first line of the function that lies in the kernel's own tree and not in a
        header, from which its first instruction may have been inlined.
        """
        symbols = self._symbols
        found = symbols.lookup(call.address)
        following = symbols.next(found[0]) if found is not None else None
        if following is None or not self._tree:
            return ""
        end = min(following.address, call.address + MAX_FUNCTION)
        for address in range(call.address, end):
            line = self._sources.at(address)
            if self._tree in line and not (".h: " in line and "include/" in line):
                return f"..{line.partition(self._tree)[2]}"
        return ""

    @cached_property
    def _sources(self) -> SourceLines:
        return self._kernel.part(SourceLines)

    @cached_property
    def _tree(self) -> str:
        """The directory the kernel was built in, told by where schedule() was written."""
        line = self._sources.at(self._symbols.address("schedule"))
        for below in ("/kernel/", "/./arch/"):
            if below in line:
                return line.partition(below)[0]
        return ""

    def _shape(self, start: int) -> tuple[int, int]:
        """Bytes of an entry, and their number."""
        width = self._kernel.word_size
        try:
            kind = self._kernel.variable("sys_call_table").type_
        except MissingFeature:
            kind = None
        if kind is not None and kind.kind == drgn.TypeKind.ARRAY:
            width = drgn.sizeof(kind.type)
            if kind.length:
                self.sized = True
                return width, min(kind.length, MAX_COUNT)
        symbol = self._symbols.by_name("sys_call_table")
        while symbol is not None and symbol.address <= start:
            symbol = self._symbols.next(symbol)
        if symbol is None:
            return width, DEFAULT_COUNT
        return width, min((symbol.address - start) // width, MAX_COUNT)
