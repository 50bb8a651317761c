"""The user registers of x86-64 tasks: struct pt_regs, thread_struct and the state of the FPU."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property

from pycrash.errors import CrashError
from pycrash.kernel.arch.x86_64.registers import (
    NOTE_ORDER,
    PRIVILEGE,
    USER_32_CS,
    PtRegs,
    PtRegsLayout,
    cpu_registers,
)
from pycrash.kernel.core.layout import Layout, find_member, member_offset
from pycrash.kernel.stacks.userstate import NT_FPREGSET, UserState
from pycrash.kernel.tasks.table import Task

_NT_X86_XSTATE = 0x202
#: Bytes of the FXSAVE image; where the words begin that software may use and XCR0 is told;
#: the header of the XSAVE image behind it, and the upper halves of the YMM registers.
_FXSAVE, _XCR0_AT, _XSAVE_HEADER, _YMM = 512, 464, 64, 256
#: The states that lie at the same place in every form of the image: x87, SSE and AVX.
_X87_SSE, _AVX = 3, 4


class UserStateX86(UserState):
    """x86-64."""

    elf_machine = 62

    def registers(self, task: Task) -> tuple[int, ...]:
        saved = self._saved(task)
        if not saved.cs & PRIVILEGE:
            raise CrashError("no registers of user mode on its stack")
        if saved.cs == USER_32_CS:
            raise CrashError("core files of 32-bit programs are not supported")
        general = tuple(getattr(saved, name) for name in NOTE_ORDER)
        return general + self._segments(task)

    def sets(self, task: Task) -> Iterator[tuple[str, int, bytes]]:
        if self.ran(task):
            return
        image = self._fpu(task, _FXSAVE + _XSAVE_HEADER + _YMM)
        yield "CORE", NT_FPREGSET, image[:_FXSAVE]
        states, form = struct.unpack_from("<QQ", image, _FXSAVE)
        wanted = _X87_SSE | (states | form) & _AVX
        fxsave = image[:_XCR0_AT] + struct.pack("<Q", wanted) + image[_XCR0_AT + 8 : _FXSAVE]
        header = struct.pack("<Q", states & wanted) + bytes(_XSAVE_HEADER - 8)
        ymm = image[_FXSAVE + _XSAVE_HEADER :] if states & _AVX else bytes(_YMM)
        yield "LINUX", _NT_X86_XSTATE, fxsave + header + (ymm if wanted & _AVX else b"")

    def _saved(self, task: Task) -> PtRegs:
        """The registers in which user mode was left: those a CPU stopped with, if it ran it."""
        if self.ran(task):
            stopped = cpu_registers(self.kernel, task)
            if stopped is not None and stopped.user:
                return stopped
        layout = self._layout
        data = self.saved(task, layout.below_top, layout.size)
        return layout.of_words(struct.unpack(f"<{len(data) // 8}Q", data))

    def _segments(self, task: Task) -> tuple[int, ...]:
        """fs_base, gs_base, ds, es, fs and gs."""
        layout = self._thread
        data = self.kernel.read(task.address + layout.start, layout.size, "thread_struct")
        return layout.unpack(data)

    def _fpu(self, task: Task, size: int) -> bytes:
        kernel = self.kernel
        where = find_member(kernel.prog, "struct task_struct", "thread.fpu")
        if where is not None:
            fpu = task.address + where.offset
        else:
            # 6.16 put it behind the task_struct.
            fpu = task.address + Layout(kernel.prog, "struct task_struct", ()).whole
        pointer = find_member(kernel.prog, "struct fpu", "fpstate")
        if pointer is None:
            image = fpu + member_offset(kernel.prog, "struct fpu", "state")
        else:
            # Since 5.16 it may be outside, for large states.
            image = kernel.read_word(fpu + pointer.offset, "fpu fpstate")
            image += member_offset(kernel.prog, "struct fpstate", "regs")
        return kernel.read(image, size, "fpu registers")

    @cached_property
    def _layout(self) -> PtRegsLayout:
        return PtRegsLayout(self.kernel)

    @cached_property
    def _thread(self) -> Layout:
        names = ("fsbase", "gsbase", "ds", "es", "fsindex", "gsindex")
        return Layout(self.kernel.prog, "struct task_struct", [f"thread.{n}" for n in names])
