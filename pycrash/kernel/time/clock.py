"""How long tasks have run."""

from __future__ import annotations

from pycrash.kernel.core.reader import Reader
from pycrash.kernel.system.facts import SystemFacts

_NSEC = 1_000_000_000


class Clock:
    """Time as the scheduler kept it."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def run_seconds(self, start_time: int) -> int:
        """Whole seconds from a task's start_time (nanoseconds since boot) to the end."""
        system = self._kernel.part(SystemFacts)
        return max(system.ticks - start_time // _NSEC * system.hz, 0) // system.hz
