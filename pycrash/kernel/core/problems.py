"""What could not be read on the way, when what can be read is to be shown all the same."""

from __future__ import annotations

from pycrash.errors import CrashError
from pycrash.kernel.core.reader import Reader


class Problems:
    """A line for each thing that the tasks of a dump lack, kept until it is told, and told once."""

    def __init__(self, kernel: Reader) -> None:
        self._lines: list[str] = []
        #: Whether whoever takes the lines now would tell them nobody.
        self.kept = False

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, problem: CrashError | str) -> None:
        """Keep a line, or the message of an error."""
        self._lines.append(str(problem))

    def take(self) -> list[str]:
        """The lines since the last call, in the order they were met."""
        if self.kept:
            return []
        found, self._lines = self._lines, []
        return found
