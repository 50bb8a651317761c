"""Source lines of instructions, from the line programs of the debug information."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycrash.errors import CrashError
from pycrash.kernel.dwarf import Dwarf
from pycrash.kernel.elf import ElfFile
from pycrash.kernel.linetable import LineTable

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


class SourceLines:
    """Where an address of the kernel or of a loaded module's debug file was written."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._tables: dict[int, LineTable | None] = {}
        self._dwarf: Dwarf | None = None
        self._elf: ElfFile | None = None
        if kernel.vmlinux is not None:
            self._elf = ElfFile(kernel.vmlinux)
            self._dwarf = Dwarf(self._elf)

    def at(self, address: int) -> str:
        """ "FILE: LINE" of an instruction as crash shows it, or nothing where it is unknown."""
        symbols = self._kernel.symbols
        if self._dwarf is None or not symbols.is_text(address) or symbols.module_of(address):
            return ""
        table = self._table(address - symbols.kernel_symbols.bias)
        if table is None:
            return ""
        found = table.find(address - symbols.kernel_symbols.bias)
        if found is None:
            return ""
        name, line = found
        if not name.startswith("/"):
            directory = table.directory
            name = f"{directory}{'' if directory.endswith('/') else '/'}{name}"
        while "//" in name:
            name = name.replace("//", "/")
        return f"{name}: {line}"

    def _table(self, address: int) -> LineTable | None:
        assert self._dwarf is not None
        assert self._elf is not None
        start = self._dwarf.unit_at(address)
        if start is None:
            return None
        if start not in self._tables:
            try:
                unit = self._dwarf.compile_unit(start)
                self._tables[start] = LineTable(self._dwarf, unit, self._elf.order)
            except CrashError:
                self._tables[start] = None
        return self._tables[start]
