"""What a walk over the stacks of 64-bit ARM asks of the kernel."""

from __future__ import annotations

from functools import cached_property

import drgn

from pycrash.errors import MissingFeature
from pycrash.kernel.arch.aarch64.registers import PtRegsLayout
from pycrash.kernel.arch.aarch64.specialstacks import SpecialStacks
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.stacks.stacks import Stacks
from pycrash.kernel.symbols.table import SymbolTable
from pycrash.kernel.tasks.panic import Panic
from pycrash.kernel.tasks.table import Task, TaskTable

#: Functions that are called for an exception, where no section tells (5.5).
_HANDLERS = frozenset(
    (
        "do_undefinstr",
        "do_sysinstr",
        "do_debug_exception",
        "do_mem_abort",
        "do_el0_irq_bp_hardening",
        "do_sp_pc_abort",
        "handle_bad_stack",
    )
)
_SECTIONS = ("irqentry", "exception")
#: No function that makes a dump is longer.
_LONGEST = 1 << 16


class StackFacts:
    """What is known of the stacks and the text of a 64-bit ARM kernel."""

    def __init__(self, kernel: Reader) -> None:
        self.kernel = kernel
        self.symbols = kernel.part(SymbolTable)
        self.stacks = kernel.part(Stacks)
        self.special = kernel.part(SpecialStacks)

    def may_start_at(self, task: Task, sp: int) -> bool:
        """Whether an address lies on the task's stack or a special one of its CPU."""
        return sp in self.stacks.of_task(task.stack) or self.special.at(task.cpu, sp) is not None

    @cached_property
    def registers(self) -> PtRegsLayout:
        return PtRegsLayout(self.kernel)

    def is_active(self, task: Task) -> bool:
        """Whether a CPU was running a task."""
        return self.kernel.part(Panic).is_active(task.address)

    def is_kernel_thread(self, task: Task) -> bool:
        """Whether a task has no user space."""
        return self.kernel.part(TaskTable).is_kernel_thread(task)

    def saved_context(self, task: Task) -> tuple[int, int, int]:
        """Frame pointer, stack pointer and program counter of a task that waits (cpu_context).

        Raises ReadError.
        """
        layout = self._context
        at = task.address + layout.start
        fp, sp, pc = layout.unpack(self.kernel.read(at, layout.size, "cpu_context"))
        return fp, sp, self.plain(pc)

    @cached_property
    def _context(self) -> Layout:
        path = "thread.cpu_context."
        members = [path + name for name in ("fp", "sp", "pc")]
        return Layout(self.kernel.prog, "struct task_struct", members)

    def plain(self, address: int) -> int:
        """A return address without the signature that a kernel may keep in its upper bits."""
        mask = self._signature
        return address | mask if mask and self.symbols.is_text(address | mask) else address

    @cached_property
    def _signature(self) -> int:
        """The bits of an address that may hold a signature."""
        try:
            noted = self.kernel.vmcoreinfo.number("KERNELPACMASK")
        except MissingFeature:
            noted = 0
        if self.kernel.has_type("struct ptrauth_keys_kernel"):
            return self.kernel.arch.tables.kernel_base & ~0xFFFF | noted
        return noted

    def handles_exceptions(self, pc: int) -> bool:
        """Whether an address lies in code that is entered for an exception."""
        if any(pc in span for span in self._entry_text):
            return True
        found = self.symbols.lookup(pc)
        return found is not None and found[0].name in _HANDLERS

    @cached_property
    def _entry_text(self) -> list[range]:
        names = [(f"__{name}_text_start", f"__{name}_text_end") for name in _SECTIONS]
        spans = [tuple(map(self.kernel.symbol_address, pair)) for pair in names]
        return [range(first, last) for first, last in spans if first and last]

    @cached_property
    def dump_text(self) -> dict[str, range]:
        """The code of functions that make a dump; empty where one is missing."""
        found = {}
        for name in ("machine_kexec", "crash_kexec", "crash_save_cpu"):
            start = self.symbols.by_name(name)
            end = self.symbols.next(start) if start is not None else None
            if start is None or end is None:
                return {}
            found[name] = range(start.address + 1, min(end.address, start.address + _LONGEST))
        return found

    def in_user_memory(self, task: Task, address: int) -> bool:
        """Whether an address lies in a mapping of the task's user space (vm_area_struct)."""
        if not task.mm or address >= self.kernel.arch.tables.user_top:
            return False
        from drgn.helpers.linux.mm import vma_find

        try:
            mm = drgn.Object(self.kernel.prog, "struct mm_struct *", task.mm)
            return bool(vma_find(mm, address))
        except (drgn.FaultError, LookupError):
            return False
