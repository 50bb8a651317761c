"""Tasks: the pid hash and the idle threads (struct task_struct)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.cpumask import for_each_possible_cpu
from drgn.helpers.linux.pid import for_each_pid
from drgn.helpers.linux.sched import idle_task

from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


@dataclass(frozen=True)
class Task:
    """The facts of one task_struct that most commands need."""

    address: int
    pid: int
    tgid: int
    comm: str
    cpu: int
    parent: int
    mm: int


class TaskTable:
    """Every task, sorted by pid as crash sorts them."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    @cached_property
    def all(self) -> list[Task]:
        return [self._task(t) for t in self._walk()]

    @cached_property
    def by_address(self) -> dict[int, Task]:
        return {t.address: t for t in self.all}

    def _walk(self) -> Iterator[drgn.Object]:
        prog = self._kernel.prog
        for cpu in for_each_possible_cpu(prog):
            yield idle_task(prog, cpu)
        index = prog["PIDTYPE_PID"]
        for pid in for_each_pid(prog):
            first = pid.tasks[index].first.read_()
            if first:
                yield drgn.container_of(first, "struct task_struct", f"pid_links[{index.value_()}]")

    def _task(self, t: drgn.Object) -> Task:
        return Task(
            address=t.value_(),
            pid=t.pid.value_(),
            tgid=t.tgid.value_(),
            comm=t.comm.string_().decode("utf-8", "replace"),
            cpu=0,
            parent=t.real_parent.value_(),
            mm=t.mm.value_(),
        )

    def get(self, address: int) -> Task:
        """The task at an address. Raises CrashError."""
        try:
            return self.by_address[address]
        except KeyError:
            raise CrashError(f"invalid task address: {address:x}") from None
