"""Backtraces of x86-64."""

from __future__ import annotations

from pycrash.errors import CrashError
from pycrash.kernel.arch.x86_64.facts import StackFacts
from pycrash.kernel.arch.x86_64.frames import StackFrames
from pycrash.kernel.arch.x86_64.walk import Walk
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.stacks.stacks import Stack
from pycrash.kernel.stacks.trace import Registers, Trace, TraceOptions
from pycrash.kernel.tasks.table import Task


class UnwinderX86:
    """Follows the stacks of an x86-64 kernel."""

    def __init__(self, kernel: Reader) -> None:
        self.facts = StackFacts(kernel)

    def trace(self, task: Task, options: TraceOptions) -> Trace:
        """The frames of a task's stack."""
        walk = Walk(self.facts, task, options)
        error: CrashError | None = None
        try:
            walk.run()
        except CrashError as reason:
            error = reason
        return Trace(walk.frames.events, error, walk.idle)

    def exception_frames(self, task: Task, start: int | None) -> list[Registers]:
        stack, special = self.facts.task_stacks.of_task(task.stack), self.facts.stacks
        if start is not None and start not in stack:
            other = special.exception_stack(start) or special.irq_stack(start)
            if other is None:
                raise CrashError(f"unrecognized stack address for this task: {start:x}")
            stack = other
        return StackFrames(self.facts, task, TraceOptions()).search(stack, start)

    def special_stacks(self, cpu: int) -> tuple[Stack | None, tuple[Stack, ...]]:
        return self.facts.stacks.irq[cpu], self.facts.stacks.exception[cpu]

    def exception_frames_in(self, task: Task, stack: Stack) -> list[Registers]:
        return StackFrames(self.facts, task, TraceOptions()).search(stack, stack.base)

    def readable(self, address: int) -> bool:
        return self.facts.readable(address)

    def may_start_at(self, task: Task, sp: int) -> bool:
        return self.facts.may_start_at(task, sp)
