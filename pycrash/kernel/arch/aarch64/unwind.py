"""Backtraces of 64-bit ARM."""

from __future__ import annotations

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.arch.aarch64.facts import StackFacts
from pycrash.kernel.arch.aarch64.walk import Walk
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.stacks.stacks import Stack
from pycrash.kernel.stacks.trace import Registers, Trace, TraceOptions
from pycrash.kernel.tasks.table import Task


class UnwinderArm64:
    """Follows the stacks of a 64-bit ARM kernel."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._facts = StackFacts(kernel)

    def trace(self, task: Task, options: TraceOptions) -> Trace:
        """The frames of a task's stack."""
        walk = Walk(self._facts, task, options)
        try:
            walk.run()
        except CrashError as error:
            return Trace(walk.events, error)
        return Trace(walk.events)

    def exception_frames(self, task: Task, start: int | None) -> list[Registers]:
        return self.exception_frames_in(task, self._facts.stacks.of_task(task.stack))

    def special_stacks(self, cpu: int) -> tuple[Stack | None, tuple[Stack, ...]]:
        irq = self._facts.special.irq
        return irq[cpu] if irq else None, ()

    def exception_frames_in(self, task: Task, stack: Stack) -> list[Registers]:
        return Walk(self._facts, task, TraceOptions()).search(stack)

    def readable(self, address: int) -> bool:
        try:
            self._kernel.read(address, self._kernel.word_size)
        except ReadError:
            return False
        return True

    def may_start_at(self, task: Task, sp: int) -> bool:
        return self._facts.may_start_at(task, sp)
