"""The rows of ps's list of tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.api.fields import Address, KiB, Percent
from pycrash.api.header import whose
from pycrash.api.operands.tasks import policy_name
from pycrash.api.rows import Notice, Row, TaskRow, quick
from pycrash.errors import ReadError

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel
    from pycrash.kernel.tasks.table import Task


@quick
@dataclass(frozen=True)
class ProcessRow(TaskRow, kind="ps.task"):
    """One task of the list. `ppid` is None where the parent is not known; `sp` the kernel stack
    pointer it was saved with, asked for with -s (None while the task runs)."""

    ppid: int | None
    sp: Address | None
    state: str
    mem: Percent
    vsz: KiB
    rss: KiB
    active: bool
    online: bool
    kernel_thread: bool


@quick
@dataclass(frozen=True)
class PolicyRow(TaskRow, kind="ps.policy"):
    """By which policy a task is scheduled, and its priority; the rest as in a row of the list."""

    ppid: int | None
    sp: Address | None
    policy: str
    prio: int
    active: bool
    online: bool
    kernel_thread: bool


#: The rows of the two lists.
LISTED = (ProcessRow, PolicyRow)


def process_rows(
    kernel: Kernel, tasks: Iterable[Task], stack: bool, only_active: bool
) -> Iterator[Row]:
    """The list; `stack` asks for stack pointers. One loop, since there may be very many tasks."""
    table, use, is_active = kernel.tasks, kernel.task_memory.use, kernel.panic.is_active
    known, is_kernel, short = table.by_address, table.is_kernel_thread, table.states.short
    kib = kernel.page_size // 1024
    online = kernel.cpus.is_online
    for task in tasks:
        active = is_active(task.address)
        if only_active and not active:
            continue
        try:
            rss, total_vm, percent, _ = use(task)
        except ReadError as error:
            yield Notice(str(error))
            rss, total_vm, percent = 0, 0, 0.0
        parent = known.get(task.parent)
        yield ProcessRow(
            task.pid,
            task.address,
            task.cpu,
            task.comm,
            None if parent is None else parent.pid,
            table.saved_sp(task) if stack and not active else None,
            short(task.state),
            percent,
            total_vm * kib,
            rss * kib,
            active,
            not active or online(task.cpu),
            is_kernel(task),
        )


def policy_row(kernel: Kernel, task: Task, stack: bool) -> PolicyRow:
    """How a task is scheduled; `stack` asks for its stack pointer."""
    tasks, active = kernel.tasks, kernel.panic.is_active(task.address)
    parent = tasks.by_address.get(task.parent)
    return PolicyRow(
        *whose(task),
        None if parent is None else parent.pid,
        tasks.saved_sp(task) if stack and not active else None,
        policy_name(task.policy),
        task.prio,
        active,
        not active or kernel.cpus.is_online(task.cpu),
        tasks.is_kernel_thread(task),
    )
