"""Whose children tasks are, and which run in one group."""

from __future__ import annotations

from pycrash.kernel.tasks.table import Task, TaskTable


def ancestors(table: TaskTable, task: Task) -> list[Task]:
    """The parents of a task, the oldest first, as far as they are known."""
    line = [task]
    seen = {task.address}
    while line[-1].parent not in seen:
        parent = table.by_address.get(line[-1].parent)
        if parent is None:
            break
        seen.add(parent.address)
        line.append(parent)
    return line[:0:-1]


def companions(table: TaskTable, leader: Task) -> list[Task]:
    """The other tasks of a thread group; of pid 0 those of the other CPUs."""
    return [task for task in table.threads(leader.tgid) if task.address != leader.address]
