"""The line that introduces a task, before what bt, files, vm, sig and foreach show of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.api.rows import TaskRow, quick

if TYPE_CHECKING:
    from pycrash.kernel.tasks.table import Task


@quick
@dataclass(frozen=True)
class TaskHeader(TaskRow, kind="task"):
    """Which task the rows behind it are about, up to the next of its kind."""

    introduces = True


def whose(task: Task) -> tuple[int, int, int, str]:
    """What every row about a task begins with."""
    return task.pid, task.address, task.cpu, task.comm


def task_header(task: Task) -> TaskHeader:
    """The row that introduces a task."""
    return TaskHeader(task.pid, task.address, task.cpu, task.comm)


def header_line(row: TaskRow, word_size: int = 8) -> str:
    """The line that introduces a task."""
    return (
        f"PID: {row.pid:<7}  TASK: {row.task:<{2 * word_size}x}  CPU: {row.cpu:<3}  "
        f'COMMAND: "{row.comm}"'
    )
