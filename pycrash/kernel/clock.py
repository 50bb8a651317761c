"""The kernel's clocks: ticks a second, time since boot, and the clock of each run queue."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import drgn

from pycrash.errors import MissingFeature

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

_NSEC = 1_000_000_000
# The kernel starts counting ticks five minutes before its counter wraps at 32 bits.
_HEAD_START = 300


class Clock:
    """Time as the dead kernel kept it."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    @cached_property
    def hz(self) -> int:
        """Ticks a second (CONFIG_HZ), from the length the kernel gives a tick.

        Raises MissingFeature where it cannot be told.
        """
        tick = self._tick()
        if not tick:
            raise MissingFeature("cannot determine HZ")
        return round(_NSEC / tick)

    def _tick(self) -> int:
        kernel = self._kernel
        at = kernel.symbol_address("tick_nsec")
        if at is not None:
            return kernel.read_word(at, "tick_nsec")
        try:
            source = kernel.prog["clocksource_jiffies"]
            return int(source.mult.value_()) >> int(source.shift.value_())
        except (LookupError, AttributeError, drgn.FaultError):
            return 0

    @cached_property
    def uptime_ticks(self) -> int:
        """Ticks since boot (jiffies_64 less what it began with)."""
        kernel = self._kernel
        at = kernel.symbol_address("jiffies_64")
        if at is None:
            raise MissingFeature("no symbol jiffies_64 in this kernel")
        ticks = kernel.unsigned(kernel.read(at, 8, "jiffies_64"))
        return max(ticks - (2**32 - _HEAD_START * self.hz), 0)

    def run_seconds(self, start_time: int) -> int:
        """Whole seconds since a task's start_time (nanoseconds since boot)."""
        return max(self.uptime_ticks - start_time // _NSEC * self.hz, 0) // self.hz

    def run_queue(self, cpu: int) -> int:
        """The clock of a CPU's run queue in nanoseconds (struct rq). Raises ReadError."""
        kernel = self._kernel
        queues = kernel.variable("runqueues").address_ or 0
        clock = drgn.offsetof(kernel.prog.type("struct rq"), "clock")
        data = kernel.read(kernel.cpus.address(queues, cpu) + clock, 8, "per-cpu rq clock")
        return kernel.unsigned(data)
