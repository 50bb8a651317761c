"""How far something long is: a line on the terminal that goes without a trace."""

from __future__ import annotations

import sys
from time import monotonic

from pycrash.shell.output import harmless

#: Seconds before the line appears, and between two states of it.
PATIENCE, PACE = 0.5, 0.1


def show_progress(what: str, done: int, total: int) -> None:
    """Draw how far a long operation is, and clear the line at its end."""
    width, what = 30, harmless(what)
    if total and done >= total:
        sys.stderr.write("\r\033[K")
    elif total:
        filled = width * done // total
        bar = "#" * filled + "." * (width - filled)
        sys.stderr.write(f"\r{what} [{bar}] {100 * done // total:3}%\033[K")
    else:
        sys.stderr.write(f"\r{what} {done >> 20} MiB\033[K")
    sys.stderr.flush()


class ProgressLine:
    """The progress of one command, for somebody who waits; nothing of it appears in its output."""

    def __init__(self) -> None:
        self._due = monotonic() + PATIENCE
        self.drawn = False

    def show(self, what: str, done: int, total: int) -> None:
        """Draw the line, if the last time was long enough ago; at the end it goes."""
        if done >= total:
            self.clear()
        elif monotonic() >= self._due:
            show_progress(what, done, total)
            self._due = monotonic() + PACE
            self.drawn = True

    def clear(self) -> None:
        """Take the line away, if it was drawn."""
        if self.drawn:
            show_progress("", 1, 1)
            self.drawn = False
