"""Backtraces by drgn's unwinder, for the architectures without a walk of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import drgn

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.stacks.stacks import Stack, Stacks
from pycrash.kernel.stacks.trace import (
    Complaint,
    Event,
    Frame,
    Registers,
    Remark,
    StackWords,
    TextStart,
    Trace,
    TraceOptions,
)
from pycrash.kernel.symbols.table import SymbolTable

if TYPE_CHECKING:
    from pycrash.kernel.tasks.table import Task

#: No stack has more frames.
_MAX_FRAMES = 10_000


class UnwinderDrgn:
    """Follows the stacks of a kernel whose architecture drgn can unwind."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._symbols = kernel.part(SymbolTable)
        self._stacks = kernel.part(Stacks)

    def trace(self, task: Task, options: TraceOptions) -> Trace:
        """The frames of a task's stack."""
        if not task.stack:
            return Trace([Remark("(no stack)")])
        if options.pc is not None or options.sp is not None:
            raise MissingFeature("-I and -S are not available on this architecture")
        try:
            object_ = drgn.Object(self._kernel.prog, "struct task_struct *", task.address)
            frames = self._kernel.prog.stack_trace(object_)
        except (drgn.FaultError, LookupError, ValueError, NotImplementedError) as error:
            return Trace([], CrashError(f"cannot follow the stack: {error}"))
        real = [frame for frame in list(frames)[:_MAX_FRAMES] if not frame.is_inline]
        if options.text or options.all_text:
            return self._listed(task, real, options)
        events: list[Event] = []
        level = 0
        start = None
        for frame in real:
            if frame.interrupted and level:
                events.append(self._registers(frame))
            found = self._symbols.lookup(frame.pc)
            if found is None:
                break
            sp = self._place(frame)
            if options.full and start is not None:
                events.extend(self._words(start, sp))
            start = sp
            symbol, offset = found
            events.append(Frame(level, sp, frame.pc, symbol.name, offset, symbol.module))
            level += 1
        if not level:
            events.append(Complaint("cannot determine starting stack pointer"))
        return Trace(events)

    def exception_frames(self, task: Task, start: int | None) -> list[Registers]:
        raise MissingFeature("the search for exception frames knows x86_64 only")

    def special_stacks(self, cpu: int) -> tuple[Stack | None, tuple[Stack, ...]]:
        raise MissingFeature("the search for exception frames knows x86_64 only")

    def exception_frames_in(self, task: Task, stack: Stack) -> list[Registers]:
        raise MissingFeature("the search for exception frames knows x86_64 only")

    def may_start_at(self, task: Task, sp: int) -> bool:
        return sp in self._stacks.of_task(task.stack)

    def readable(self, address: int) -> bool:
        try:
            self._kernel.read(address, self._kernel.word_size)
        except ReadError:
            return False
        return True

    def _place(self, frame: drgn.StackFrame) -> int:
        """What a frame is shown by: its stack pointer."""
        registers = frame.registers()
        for name in ("sp", "rsp", "r1", "r15"):
            if name in registers:
                return int(registers[name])
        return int(getattr(frame, "sp", 0))

    def _registers(self, frame: drgn.StackFrame) -> Registers:
        found = self._symbols.lookup(frame.pc)
        name, offset = (found[0].name, found[1]) if found is not None else ("", 0)
        values = {key.upper(): int(value) for key, value in frame.registers().items()}
        return Registers(self._place(frame), values, found is None, name, offset)

    def _words(self, start: int, end: int) -> Iterator[Event]:
        """The words between two frames."""
        size = self._kernel.word_size
        if not start < end <= start + self._stacks.size:
            return
        try:
            data = self._kernel.read(start, end - start, "stack contents")
        except ReadError:
            return
        yield StackWords(
            start,
            tuple(self._kernel.unsigned(data[at : at + size]) for at in range(0, len(data), size)),
        )

    def _listed(self, task: Task, frames: list[drgn.StackFrame], options: TraceOptions) -> Trace:
        """Every text address from where the task stood, or of the whole stack."""
        kernel, events = self._kernel, list[Event]()
        stack = self._stacks.of_task(task.stack)
        try:
            words = self._stacks.words(stack)
        except ReadError as error:
            return Trace([], error)
        low = stack.base
        if frames and not options.all_text:
            low = self._place(frames[0])
            found = self._symbols.lookup(frames[0].pc)
            events.append(TextStart(found[0].name if found else "", frames[0].pc))
        for place, pc in enumerate(words):
            sp = stack.base + place * kernel.word_size
            if sp >= low and pc and self._symbols.is_text(pc):
                found = self._symbols.lookup(pc)
                if found is not None:
                    symbol, offset = found
                    events.append(Frame(None, sp, pc, symbol.name, offset, symbol.module))
        return Trace(events)
