"""Which tasks a line means: by what names them, and by options that let some of them through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from pycrash.api.args import Args
from pycrash.api.context import Context
from pycrash.api.operands.numbers import is_number
from pycrash.api.operands.tasks import comm_name, find_task, is_quoted, pattern
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.kernel.tasks.table import Task


class TaskFilter:
    """Which tasks the options let through. `seen` are the leaders shown already, for -G."""

    def __init__(self, ctx: Context, args: Args, policies: set[int], seen: set[int]) -> None:
        self._tasks = ctx.kernel.tasks
        self._user, self._kernel, self._group = "u" in args, "k" in args, "G" in args
        self._busy = "I" in args
        self._all = not (self._user or self._kernel or self._group or policies or self._busy)
        self._policies = policies
        self._seen = seen
        self._clash = self._group and next((c for c in "lm" if c in args), "")

    def kind(self, task: Task) -> bool:
        """Whether -u, -k and -I let the task through."""
        if self._busy and task.pid == 0:
            return False
        both = not (self._user or self._kernel)
        return both or self._tasks.is_kernel_thread(task) == self._kernel

    def task(self, task: Task, named: bool) -> Task | None:
        """What to show for a task: itself, the leader of its group with -G, or nothing.

        `named` tells that the user named the task. Raises CrashError.
        """
        if self._all:
            return task
        if not self.kind(task) or (self._policies and task.policy not in self._policies):
            return None
        if self._clash:
            raise CrashError(f"-G not supported with -{self._clash} option")
        return self.leader(task, named)

    def tasks(self, tasks: Sequence[Task], named: bool) -> Iterable[Task]:
        """What to show for each of some tasks. Raises CrashError."""
        if self._all:
            return tasks
        return (head for task in tasks if (head := self.task(task, named)) is not None)

    def leader(self, task: Task, named: bool) -> Task | None:
        """With -G, the leader of the task's group at its first turn; else the task."""
        if not self._group:
            return task
        head = task if task.pid == task.tgid else None
        if head is None and named:
            head = self._tasks.leader(task.tgid)
        if head is None or head.address in self._seen:
            return None
        self._seen.add(head.address)
        return head


def task_matcher(ctx: Context, operand: str, leaders: bool) -> Callable[[Task], bool]:
    """A test for what an operand names.

    Raises LookupError where it names nothing, CrashError for a bad regular expression.
    """
    if is_number(operand):
        found = find_task(ctx.kernel.tasks, operand)
        if found is None:
            raise LookupError(f"invalid task or pid value: {operand}\n")
        value = found.value
        if found.kind == "pid":
            return lambda task: task.pid == value
        return lambda task: task.address == value
    if is_quoted(operand):
        search = pattern(operand).search
        return lambda task: search(task.comm) is not None and (not leaders or task.pid == task.tgid)
    name = comm_name(operand)
    return lambda task: task.comm == name and (not leaders or task.pid == task.tgid)
