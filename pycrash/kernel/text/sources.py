"""Source lines of instructions, from the line programs of the debug information."""

from __future__ import annotations

from pycrash.errors import CrashError
from pycrash.kernel.core.reader import Lasting, Reader
from pycrash.kernel.modules.table import Module, ModuleTable
from pycrash.kernel.symbols.table import SymbolTable
from pycrash.objects.dwarf import Dwarf
from pycrash.objects.elf import ElfFile
from pycrash.objects.linetable import LineTable


class SourceLines(Lasting):
    """Where an address of the kernel or of a loaded module's debug file was written."""

    def __init__(self, kernel: Reader) -> None:
        self._symbols = kernel.part(SymbolTable)
        self._modules = kernel.part(ModuleTable)
        self._tables: dict[tuple[int, int], LineTable | None] = {}
        self._module_dwarf: dict[int, Dwarf] = {}
        self._modules.watch(self._forget_modules)
        #: What was said of the kernel's own instructions: a module's change as files are loaded.
        self._known: dict[int, str] = {}
        self._dwarf: Dwarf | None = None
        self._elf: ElfFile | None = None
        if kernel.vmlinux is not None:
            self._elf = ElfFile(kernel.vmlinux)
            self._dwarf = Dwarf(self._elf)

    def _forget_modules(self) -> None:
        self._module_dwarf.clear()
        self._tables.clear()  # a table goes by its Dwarf's id, which another may get

    def at(self, address: int) -> str:
        """ "FILE: LINE" of an instruction as crash shows it, or nothing where it is unknown."""
        if address not in self._known:
            text = self._text(address)
            if self._symbols.module_of(address) is not None:
                return text
            self._known[address] = text
        return self._known[address]

    def _text(self, address: int) -> str:
        place = self._place(address)
        found = place[0].find(place[1]) if place is not None else None
        if place is None or found is None:
            return ""
        name, line = found
        if not name.startswith("/"):
            directory = place[0].directory
            name = f"{directory}{'' if directory.endswith('/') else '/'}{name}"
        while "//" in name:
            name = name.replace("//", "/")
        return f"{name}: {line}"

    def stretch(self, address: int) -> tuple[str, int, int, int] | None:
        """File, line, and the first and last address (not in it) of an instruction's line."""
        place = self._place(address)
        if place is None:
            return None
        table, inside = place
        found, span = table.find(inside), table.stretch(inside)
        if found is None or span is None:
            return None
        bias = address - inside
        return found[0], found[1], span[0] + bias, span[1] + bias

    def unit(self, address: int) -> str:
        """The file whose compilation made an instruction, or nothing where it is unknown."""
        place = self._place(address)
        return "" if place is None else place[0].name

    def _place(self, address: int) -> tuple[LineTable, int] | None:
        """The line table of an instruction, and its address as that table counts it."""
        symbols = self._symbols
        if self._elf is None or not symbols.is_text(address):
            return None
        dwarf, inside = self._dwarf, address - symbols.kernel_symbols.bias
        name = symbols.module_of(address)
        if name is not None:
            dwarf, inside = self._of_module(self._modules.by_name[name]), address
        if dwarf is None:
            return None
        table = self._table(dwarf, inside)
        return None if table is None else (table, inside)

    def _of_module(self, module: Module) -> Dwarf | None:
        """The debug information of a module's object file, where one is loaded."""
        file = self._modules.loaded.get(module.address)
        if file is None:
            return None
        if module.address not in self._module_dwarf:
            from pycrash.objects.relocated import RelocatedDwarf, RelocatedFile

            self._module_dwarf[module.address] = RelocatedDwarf(
                RelocatedFile(file.unpacked, file.places)
            )
        return self._module_dwarf[module.address]

    def _table(self, dwarf: Dwarf, address: int) -> LineTable | None:
        assert self._elf is not None
        try:
            start = dwarf.unit_at(address)
            if start is None:
                return None
            key = id(dwarf), start
            if key not in self._tables:
                self._tables[key] = None
                unit = dwarf.compile_unit(start)
                self._tables[key] = LineTable(dwarf, unit, self._elf.order)
            return self._tables[key]
        except CrashError:
            return None
