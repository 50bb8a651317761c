"""The run queues: what each CPU was running, and its scheduler's clock (struct rq)."""

from __future__ import annotations

from functools import cached_property

from pycrash.errors import MissingFeature, ReadError
from pycrash.kernel.core.layout import Place, find_member, member_offset
from pycrash.kernel.core.problems import Problems
from pycrash.kernel.core.reader import Reader


class RunQueues:
    """The run queue of each CPU (the per-CPU variable `runqueues`).

    Every method raises MissingFeature where this kernel has none, ReadError where the dump
    lacks it. Tasks are addresses of task_structs.
    """

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._clocks: dict[int, int] = {}

    def address(self, cpu: int) -> int:
        """The struct rq of a CPU."""
        return self._kernel.cpus.address(self._base, cpu)

    def idle(self, cpu: int) -> int:
        """The idle thread of a CPU."""
        return self._kernel.read_word(self._at(cpu, "idle"), "runqueues entry (per_cpu)")

    def current(self, cpu: int) -> int:
        """The task a CPU runs, 0 for none."""
        return self._kernel.read_word(self._at(cpu, "curr"), "active runqueues entry (per_cpu)")

    def clock(self, cpu: int) -> int:
        """Nanoseconds by the clock of a CPU's queue."""
        if cpu not in self._clocks:
            data = self._kernel.read(self._at(cpu, "clock"), 8, "per-cpu rq clock")
            self._clocks[cpu] = self._kernel.unsigned(data)
        return self._clocks[cpu]

    def queued(self, task: int) -> bool:
        """Whether a task says of itself that it is on a queue, or on its way to one."""
        place = self._on_rq
        data = self._kernel.read(task + place.offset, min(place.size, 4), "task on_rq")
        return self._kernel.unsigned(data) != 0

    @cached_property
    def _on_rq(self) -> Place:
        prog = self._kernel.prog
        # 3.15 gave the task one of its own.
        for member in ("on_rq", "se.on_rq"):
            place = find_member(prog, "struct task_struct", member)
            if place is not None:
                return place
        raise MissingFeature("no struct task_struct.on_rq in this kernel")

    @cached_property
    def running(self) -> dict[int, int]:
        """CPU to the task it runs; what cannot be read goes to Problems."""
        found = {}
        for cpu in range(self._kernel.cpus.count):
            try:
                task = self.current(cpu)
            except ReadError as error:
                self._kernel.part(Problems).add(error)
                continue
            if task:
                found[cpu] = task
        return found

    @cached_property
    def _base(self) -> int:
        return self._kernel.required_symbol("runqueues")

    def _at(self, cpu: int, member: str) -> int:
        """The address of a member of a CPU's queue."""
        return self.address(cpu) + member_offset(self._kernel.prog, "struct rq", member)
