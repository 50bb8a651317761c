"""How long tasks have run, and the clock of each run queue (struct rq)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pycrash.errors import MissingFeature
from pycrash.kernel.core.layout import member_offset

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

_NSEC = 1_000_000_000


class Clock:
    """Time as the scheduler kept it."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def run_seconds(self, start_time: int) -> int:
        """Whole seconds from a task's start_time (nanoseconds since boot) to the end."""
        system = self._kernel.system
        return max(system.ticks - start_time // _NSEC * system.hz, 0) // system.hz

    @cached_property
    def _run_queues(self) -> tuple[int, int]:
        """The per-CPU address of the run queues, and the offset of a queue's clock."""
        queues = self._kernel.symbol_address("runqueues")
        if queues is None:
            raise MissingFeature("cannot determine per-cpu runqueue address")
        return queues, member_offset(self._kernel.prog, "struct rq", "clock")

    def run_queue(self, cpu: int) -> int:
        """The clock of a CPU's run queue in nanoseconds. Raises ReadError."""
        kernel = self._kernel
        queues, clock = self._run_queues
        data = kernel.read(kernel.cpus.address(queues, cpu) + clock, 8, "per-cpu rq clock")
        return kernel.unsigned(data)
