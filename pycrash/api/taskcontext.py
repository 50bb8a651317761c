"""The block of lines that says which task is the current context: `set`, and the banner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pycrash.api.fields import Address
from pycrash.api.rows import TaskRow

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


Role = Literal["PANIC", "SYSRQ", "ACTIVE"]


@dataclass(frozen=True)
class TaskContext(TaskRow, kind="set.context"):
    """A task as a context. `tasks` is how many tasks have its pid; `role` tells how it crashed,
    and is None for a task that no CPU was running."""

    tasks: int
    thread_info: Address
    state: str
    role: Role | None


def task_context(kernel: Kernel, address: int) -> TaskContext:
    """The facts of a task as a context. Raises CrashError where there is no such task."""
    table, panic = kernel.tasks, kernel.panic
    task = table.get(address)
    role: Role | None = None
    if panic.is_active(address):
        role = "ACTIVE" if address != panic.task else "SYSRQ" if panic.by_sysrq else "PANIC"
    return TaskContext(
        task.pid,
        address,
        task.cpu,
        task.comm,
        len(table.by_pid(task.pid)),
        task.thread_info,
        table.states.long(task.state),
        role,
    )


def context_lines(row: TaskContext) -> Iterator[str]:
    """The block's lines."""
    many = f"(1 of {row.tasks})  " if row.tasks > 1 else ""
    role = f"({row.role})" if row.role else ""
    yield f"    PID: {row.pid}"
    yield f'COMMAND: "{row.comm}"'
    yield f"   TASK: {row.task:x}  {many}[THREAD_INFO: {row.thread_info:x}]"
    yield f"    CPU: {row.cpu}"
    yield f"  STATE: {row.state} {role}"
