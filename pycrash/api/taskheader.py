"""The line that introduces a task, before what bt, files, vm, sig and foreach show of it."""

from __future__ import annotations

from dataclasses import dataclass

from pycrash.api.rows import Row, quick


@quick
@dataclass(frozen=True)
class TaskHeader(Row):
    """Which task the rows behind it are about. `task` is the task_struct's address.

    `again` tells that a task came before: a blank line parts the two.
    """

    pid: int
    task: int
    cpu: int
    comm: str
    again: bool = False


def header_lines(row: TaskHeader, word_size: int = 8) -> list[str]:
    """The header's line, behind the blank line that `again` asks for."""
    width = 2 * word_size
    line = (
        f'PID: {row.pid:<7}  TASK: {row.task:<{width}x}  CPU: {row.cpu:<3}  COMMAND: "{row.comm}"'
    )
    return ["", line] if row.again else [line]
