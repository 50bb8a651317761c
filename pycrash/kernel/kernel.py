"""One dead kernel: its drgn program, and each subsystem built when first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pycrash.kernel.core.reader import Reader

if TYPE_CHECKING:
    from pycrash.kernel.log.printk import KernelLog
    from pycrash.kernel.mm.slab import Slab
    from pycrash.kernel.modules.files import ModuleFinder
    from pycrash.kernel.modules.table import ModuleTable
    from pycrash.kernel.stacks.machine import Machine
    from pycrash.kernel.stacks.stacks import Stacks
    from pycrash.kernel.stacks.trace import Unwinder
    from pycrash.kernel.symbols.table import SymbolTable
    from pycrash.kernel.system.facts import SystemFacts
    from pycrash.kernel.tasks.memory import TaskMemory
    from pycrash.kernel.tasks.panic import Panic
    from pycrash.kernel.tasks.table import TaskTable
    from pycrash.kernel.text.sources import SourceLines
    from pycrash.kernel.time.clock import Clock


class Kernel(Reader):
    """A kernel image, and by name the parts that nearly every command needs.

    Others are had by `part`.
    """

    @cached_property
    def arch(self) -> Machine:
        """What the kind of machine decides: registers, page tables, how stacks are followed."""
        from pycrash.kernel.arch.chooser import choose

        return self.part(choose)

    @cached_property
    def tasks(self) -> TaskTable:
        """Every task of the kernel."""
        from pycrash.kernel.tasks.table import TaskTable

        return self.part(TaskTable)

    @cached_property
    def stacks(self) -> Stacks:
        """Where the stacks of tasks and CPUs lie."""
        from pycrash.kernel.stacks.stacks import Stacks

        return self.part(Stacks)

    @cached_property
    def slab(self) -> Slab:
        """The slab caches."""
        from pycrash.kernel.mm.slab import Slab

        return self.part(Slab)

    @cached_property
    def unwinder(self) -> Unwinder:
        """What follows stacks on this architecture."""
        return self.arch.unwinder

    @cached_property
    def log(self) -> KernelLog:
        """The message log of printk."""
        from pycrash.kernel.log.printk import KernelLog

        return self.part(KernelLog)

    @cached_property
    def system(self) -> SystemFacts:
        """What the machine and its kernel are, and the state they died in."""
        from pycrash.kernel.system.facts import SystemFacts

        return self.part(SystemFacts)

    @cached_property
    def modules(self) -> ModuleTable:
        """The loaded modules."""
        from pycrash.kernel.modules.table import ModuleTable

        return self.part(ModuleTable)

    @cached_property
    def symbols(self) -> SymbolTable:
        """The symbols of the kernel and its modules."""
        from pycrash.kernel.symbols.table import SymbolTable

        return self.part(SymbolTable)

    @cached_property
    def sources(self) -> SourceLines:
        """The source lines of instructions."""
        from pycrash.kernel.text.sources import SourceLines

        return self.part(SourceLines)

    @cached_property
    def module_files(self) -> ModuleFinder:
        """Where the object files of modules are."""
        from pycrash.kernel.modules.files import ModuleFinder

        return self.part(ModuleFinder)

    @cached_property
    def clock(self) -> Clock:
        """Ticks a second, time since boot, run queue clocks."""
        from pycrash.kernel.time.clock import Clock

        return self.part(Clock)

    @cached_property
    def task_memory(self) -> TaskMemory:
        """How much memory each task has."""
        from pycrash.kernel.tasks.memory import TaskMemory

        return self.part(TaskMemory)

    @cached_property
    def panic(self) -> Panic:
        """Which task crashed, and which task each CPU ran."""
        from pycrash.kernel.tasks.panic import Panic

        return self.part(Panic)
