"""The user registers of arm64 tasks: struct pt_regs and thread_struct."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property

from pycrash.errors import CrashError
from pycrash.kernel.arch.aarch64.registers import PtRegs, PtRegsLayout, cpu_registers
from pycrash.kernel.core.layout import Place, find_member
from pycrash.kernel.stacks.userstate import NT_FPREGSET, UserState
from pycrash.kernel.tasks.table import Task

_NT_ARM_TLS = 0x401


class UserStateArm64(UserState):
    """64-bit ARM."""

    elf_machine = 183

    def registers(self, task: Task) -> tuple[int, ...]:
        saved = self._saved(task)
        if not saved.user:
            raise CrashError("no registers of user mode on its stack")
        if saved.narrow:
            raise CrashError("core files of 32-bit programs are not supported")
        return (*saved.x, saved.sp, saved.pc, saved.pstate)

    def sets(self, task: Task) -> Iterator[tuple[str, int, bytes]]:
        # The thread pointer is kept as the task is switched out, and seldom changes at all.
        for place, owner, kind in (
            (self._member("tp_value"), "LINUX", _NT_ARM_TLS),
            (None if self.ran(task) else self._member("fpsimd_state"), "CORE", NT_FPREGSET),
        ):
            if place is not None:
                at = task.address + place.offset
                yield owner, kind, self.kernel.read(at, place.size, "thread_struct")

    def _saved(self, task: Task) -> PtRegs:
        if self.ran(task):
            stopped = cpu_registers(self.kernel, task)
            if stopped is not None and stopped.user:
                return stopped
        layout = self._layout
        data = self.saved(task, layout.below_top, layout.size)
        return layout.of_words(struct.unpack(f"{self.kernel.byte_order}{len(data) // 8}Q", data))

    def _member(self, name: str) -> Place | None:
        """Where the thread_struct has it: in a part of its own since 4.17."""
        names = (f"thread.uw.{name}", f"thread.{name}")
        return find_member(self.kernel.prog, "struct task_struct", *names)

    @cached_property
    def _layout(self) -> PtRegsLayout:
        return PtRegsLayout(self.kernel)
