"""x86-64, as the rest of the kernel layer asks for it."""

from __future__ import annotations

import struct
from functools import cached_property
from typing import TYPE_CHECKING

import drgn

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.architecture import RegisterKind, RegisterSet
from pycrash.kernel.core.layout import member_offset
from pycrash.kernel.core.symbolrules import SymbolRules
from pycrash.kernel.stacks.machine import CpuData, FirmwareRange, Machine

if TYPE_CHECKING:
    from pycrash.kernel.arch.x86_64.pagetables import PageTables
    from pycrash.kernel.arch.x86_64.unwind import UnwinderX86
    from pycrash.kernel.arch.x86_64.userstate import UserStateX86
    from pycrash.kernel.core.cpus import Cpus
    from pycrash.kernel.stacks.stacks import StackSet
    from pycrash.kernel.tasks.table import Task

_NUMBERS = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", *(f"r{n}" for n in range(8, 16)))
_KINDS: dict[str, RegisterKind] = {
    **dict.fromkeys(_NUMBERS, "number"),
    "rbp": "data",
    "rsp": "data",
    "rip": "code",
}
#: A register by the member of struct inactive_task_frame that keeps it, where they differ.
_KEPT = {"rip": "ret_addr", "rbp": "bp", "rbx": "bx"}


def _row(*names: str) -> tuple[tuple[str, int], ...]:
    return tuple((name, 16) for name in names)


class X86_64(Machine):
    """A machine with x86-64 processors."""

    name = "x86_64"
    char_is_signed = True
    default_interrupts = 224
    symbols = SymbolRules(starts=("_text", "_stext"), per_cpu_below=True)
    registers = RegisterSet(
        pc="RIP",
        sp="RSP",
        rows=(
            (*_row("RIP", "RSP"), ("RFLAGS", 8)),
            _row("RAX", "RBX", "RCX"),
            _row("RDX", "RSI", "RDI"),
            _row("RBP", " R8", " R9"),
            _row("R10", "R11", "R12"),
            _row("R13", "R14", "R15"),
            (("ORIG_RAX", 16), ("CS", 4), ("SS", 4)),
        ),
        kinds=_KINDS,
        aliases={"pc": "rip", "sp": "rsp", "fp": "rbp"},
    )

    @property
    def user_digits(self) -> int:
        return 10

    @property
    def default_hz(self) -> int:
        return 1000

    @cached_property
    def tables(self) -> PageTables:
        from pycrash.kernel.arch.x86_64.pagetables import PageTables

        return PageTables(self.kernel)

    @cached_property
    def unwinder(self) -> UnwinderX86:
        from pycrash.kernel.arch.x86_64.unwind import UnwinderX86

        return self.kernel.part(UnwinderX86)

    @property
    def gates(self) -> list[int]:
        from pycrash.kernel.arch.x86_64.idt import read_gates

        return [gate.handler for gate in self.kernel.part(read_gates)]

    @property
    def start_map(self) -> int:
        from pycrash.kernel.arch.x86_64.pagetables import START_KERNEL_MAP

        return START_KERNEL_MAP

    @property
    def firmware_map(self) -> list[FirmwareRange]:
        from pycrash.kernel.arch.x86_64.board import firmware_map

        return firmware_map(self.kernel)

    @property
    def cpu_data(self) -> CpuData:
        from pycrash.kernel.arch.x86_64.board import cpu_data

        return cpu_data(self.kernel)

    def stopped(self, task: Task) -> dict[str, int] | None:
        from pycrash.kernel.arch.x86_64.registers import cpu_registers

        found = cpu_registers(self.kernel, task)
        return None if found is None else found.of_cpu()

    @property
    def special_stacks(self) -> list[StackSet]:
        from pycrash.kernel.arch.x86_64.specialstacks import SpecialStacks

        return self.kernel.part(SpecialStacks).sets

    @cached_property
    def user_state(self) -> UserStateX86:
        from pycrash.kernel.arch.x86_64.userstate import UserStateX86

        return self.kernel.part(UserStateX86)

    def count_cpus(self, cpus: Cpus) -> int:
        """CPUs whose per-CPU memory says their number, at most those present."""
        kernel = self.kernel
        number = self._number_address()
        if number is None:
            return 1
        unused = kernel.symbol_address("__per_cpu_load")
        count = 0
        for offset in cpus.offsets:
            if offset == unused:
                break
            try:
                data = kernel.read(number + offset, 4, "cpu number (per_cpu)")
            except ReadError:
                break
            if struct.unpack("<i", data)[0] != count:
                break
            count += 1
        if cpus.present and (not count or len(cpus.present) < count):
            return max(cpus.present) + 1
        return count

    def _number_address(self) -> int | None:
        """Where a CPU's own number lies in its per-CPU memory."""
        # 6.2 to 6.14 keep it in pcpu_hot, the others in a variable of its own.
        hot = self.kernel.symbol_address("pcpu_hot")
        if hot is not None:
            return hot + member_offset(self.kernel.prog, "struct pcpu_hot", "cpu_number")
        return self.kernel.symbol_address("cpu_number")

    def _waiting_register(self, task: int, name: str) -> int:
        """From the frame the task left on its stack (struct inactive_task_frame, 4.9)."""
        prog = self.kernel.prog
        try:
            thread = drgn.Object(prog, "struct task_struct *", task)
            if thread.on_cpu:
                raise LookupError("the task runs")
            place = thread.thread.sp.value_()
            frame = drgn.Object(prog, "struct inactive_task_frame", address=place)
            if name == "rsp":
                return int(place + drgn.sizeof(frame))
            return int(frame.member_(_KEPT.get(name, name)).value_())
        except (AttributeError, CrashError, drgn.FaultError) as error:
            raise LookupError(str(error)) from None
