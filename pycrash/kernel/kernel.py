"""One dead kernel: its drgn program, and each subsystem built when first asked for."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import drgn

from pycrash.errors import MissingFeature

if TYPE_CHECKING:
    from pycrash.kernel.clock import Clock
    from pycrash.kernel.cpus import Cpus
    from pycrash.kernel.dumpfile import DumpFile
    from pycrash.kernel.memory import Memory
    from pycrash.kernel.modulefiles import ModuleFinder
    from pycrash.kernel.modules import ModuleTable
    from pycrash.kernel.panic import Panic
    from pycrash.kernel.printk import KernelLog
    from pycrash.kernel.slab import Slab
    from pycrash.kernel.sources import SourceLines
    from pycrash.kernel.stacks import Stacks
    from pycrash.kernel.symbols import SymbolTable
    from pycrash.kernel.system import SystemFacts
    from pycrash.kernel.taskmem import TaskMemory
    from pycrash.kernel.tasks import TaskTable
    from pycrash.kernel.unwind import Unwinder
    from pycrash.kernel.vmcoreinfo import Vmcoreinfo


class Kernel:
    """A kernel image: `prog` is the drgn Program, `vmlinux` and `dump` the files it came from.

    Those are the files as they can be read; where a compressed one was given, `given` names it.
    """

    def __init__(self, prog: drgn.Program, vmlinux: Path | None, dump: Path | None) -> None:
        self.prog = prog
        self.vmlinux = vmlinux
        self.dump = dump
        #: The files as they were named or found, compressed or not; what `sys` shows.
        self.given = (vmlinux, dump)
        #: Set before the first use of `modules` to leave them alone (--no_modules).
        self.no_modules = False
        #: Set before the first use of `tasks` to know only what each CPU ran (--active).
        self.active_only = False
        #: The directory that object files of modules are looked for in (--mod).
        self.module_tree: str | None = None
        #: How often types of modules were added to those of the vmlinux.
        self.type_changes = 0
        #: What opening found wrong with a dump that can still be used, one line each.
        self.notes: list[str] = []

    @cached_property
    def dump_file(self) -> DumpFile | None:
        """What the dump's file says of itself: its format, dump level, and what it lacks."""
        from pycrash.kernel.dumpfile import DumpFile

        return None if self.dump is None else DumpFile(self.dump)

    @cached_property
    def memory(self) -> Memory:
        """Memory of every kind, and why what cannot be read cannot."""
        from pycrash.kernel.memory import Memory

        return Memory(self)

    @cached_property
    def tasks(self) -> TaskTable:
        """Every task of the kernel."""
        from pycrash.kernel.tasks import TaskTable

        return TaskTable(self)

    @cached_property
    def stacks(self) -> Stacks:
        """Where the stacks of tasks and CPUs lie."""
        from pycrash.kernel.stacks import Stacks

        return Stacks(self)

    @cached_property
    def slab(self) -> Slab:
        """The slab caches."""
        from pycrash.kernel.slab import Slab

        return Slab(self)

    @cached_property
    def unwinder(self) -> Unwinder:
        """What follows stacks on this architecture."""
        from pycrash.kernel.unwind import make_unwinder

        return make_unwinder(self)

    @cached_property
    def log(self) -> KernelLog:
        """The message log of printk."""
        from pycrash.kernel.printk import KernelLog

        return KernelLog(self)

    @cached_property
    def system(self) -> SystemFacts:
        """What the machine and its kernel are, and the state they died in."""
        from pycrash.kernel.system import SystemFacts

        return SystemFacts(self)

    @cached_property
    def modules(self) -> ModuleTable:
        """The loaded modules."""
        from pycrash.kernel.modules import ModuleTable

        return ModuleTable(self)

    @cached_property
    def symbols(self) -> SymbolTable:
        """The symbols of the kernel and its modules."""
        from pycrash.kernel.symbols import SymbolTable

        return SymbolTable(self)

    @cached_property
    def sources(self) -> SourceLines:
        """The source lines of instructions."""
        from pycrash.kernel.sources import SourceLines

        return SourceLines(self)

    @cached_property
    def module_files(self) -> ModuleFinder:
        """Where the object files of modules are."""
        from pycrash.kernel.modulefiles import ModuleFinder

        return ModuleFinder(self, self.module_tree)

    @cached_property
    def vmcoreinfo(self) -> Vmcoreinfo:
        """The VMCOREINFO note, which needs no debug information. Raises MissingFeature."""
        from pycrash.kernel.vmcoreinfo import read_vmcoreinfo

        return read_vmcoreinfo(self.prog)

    @cached_property
    def cpus(self) -> Cpus:
        """The processors and their per-CPU memory."""
        from pycrash.kernel.cpus import Cpus

        return Cpus(self)

    @cached_property
    def clock(self) -> Clock:
        """Ticks a second, time since boot, run queue clocks."""
        from pycrash.kernel.clock import Clock

        return Clock(self)

    @cached_property
    def task_memory(self) -> TaskMemory:
        """How much memory each task has."""
        from pycrash.kernel.taskmem import TaskMemory

        return TaskMemory(self)

    @cached_property
    def panic(self) -> Panic:
        """Which task crashed, and which task each CPU ran."""
        from pycrash.kernel.panic import Panic

        return Panic(self)

    @cached_property
    def word_size(self) -> int:
        """Bytes of an unsigned long."""
        platform = self.prog.platform
        wide = platform is None or platform.flags & drgn.PlatformFlags.IS_64_BIT
        return 8 if wide else 4

    def struct_format(self, codes: str) -> str:
        """A struct format in the kernel's byte order, unpadded; "P" is a pointer of its width."""
        return self.byte_order + codes.replace("P", self.word)

    @cached_property
    def word(self) -> str:
        """The struct code of an unsigned long."""
        return "Q" if self.word_size == 8 else "I"

    @cached_property
    def word_mask(self) -> int:
        """Every bit of an unsigned long: what arithmetic on addresses wraps to."""
        return (1 << 8 * self.word_size) - 1

    @cached_property
    def page_size(self) -> int:
        """Bytes of a page."""
        noted = self.vmcoreinfo.get("PAGESIZE") or ""
        return int(noted) if noted.isdigit() else int(self.prog["PAGE_SIZE"].value_())

    @cached_property
    def byte_order(self) -> str:
        """The struct code of the kernel's byte order."""
        platform = self.prog.platform
        little = platform is None or platform.flags & drgn.PlatformFlags.IS_LITTLE_ENDIAN
        return "<" if little else ">"

    def index_types(self) -> None:
        """Have drgn index the debug information now, which lets other threads run meanwhile."""
        self.has_member("struct task_struct", "pid")

    def read(self, address: int, size: int, what: str = "kernel memory") -> bytes:
        """Read kernel virtual memory. Raises ReadError, which names `what`."""
        try:
            return self.prog.read(address, size)
        except (drgn.FaultError, OverflowError):
            return self.memory.read_slowly(address, size, what)

    def read_word(self, address: int, what: str = "kernel memory") -> int:
        """Read one unsigned long or pointer. Raises ReadError, which names `what`."""
        return self.unsigned(self.read(address, self.word_size, what))

    def unsigned(self, data: bytes) -> int:
        """Bytes of the kernel as one unsigned number."""
        return int.from_bytes(data, "little" if self.byte_order == "<" else "big")

    def symbol_address(self, name: str) -> int | None:
        """The address of a symbol of the kernel proper, None where there is none."""
        span = self.symbol_span(name)
        return None if span is None else span[0]

    def symbol_span(self, name: str) -> tuple[int, int] | None:
        """The address and the bytes of a symbol of the kernel proper, None where there is none."""
        from pycrash.kernel.typestore import store_of

        store, question = store_of(self.prog), f"symbol {name}"
        if question in store:
            if store[question] is None:
                return None
            address, size, moves = store[question]
            return address + (self._moved if moves else 0), size
        try:
            symbol = self.prog.symbol(name)
        except LookupError:
            store[question] = None
            return None
        # What is kept must hold for every boot: the image moves, and per-CPU variables, which
        # are offsets where they are small, do not. Anything else is not the image's.
        if self._in_image(symbol.address):
            store[question] = (symbol.address - self._moved, symbol.size, True)
        elif symbol.address <= self.word_mask >> 1:
            store[question] = (symbol.address, symbol.size, False)
        return symbol.address, symbol.size

    def _in_image(self, address: int) -> bool:
        try:
            ranges = self.prog.main_module().address_ranges or ()
        except LookupError:
            return False
        return any(low <= address < high for low, high in ranges)

    @cached_property
    def _moved(self) -> int:
        """How far address space randomization moved the kernel."""
        try:
            return int(self.vmcoreinfo.get("KERNELOFFSET") or "0", 16)
        except (MissingFeature, ValueError):
            return 0

    def variable(self, name: str) -> drgn.Object:
        """A kernel variable. Raises MissingFeature where this kernel has none of that name."""
        try:
            return self.prog[name]
        except KeyError:
            raise MissingFeature(f"no symbol {name} in this kernel") from None

    def has_type(self, name: str) -> bool:
        """Whether this kernel has a type of that name."""
        try:
            self.prog.type(name)
        except LookupError:
            return False
        return True

    def has_member(self, type_name: str, member: str) -> bool:
        """Whether a type exists in this kernel and has the member."""
        try:
            return self.prog.type(type_name).has_member(member)
        except LookupError:
            return False
