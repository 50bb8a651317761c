"""How far something long is: a line on the terminal that goes without a trace."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from types import TracebackType

from pycrash.api import Part
from pycrash.shell.output import Output, harmless

#: Seconds before the line appears, and between two states of it.
PATIENCE, PACE = 0.5, 0.1
_BAR = 30
_SIGNS = "|/-\\"
_CLEAR = "\r\033[K"


def show_progress(what: str, done: int, total: int) -> None:
    """Draw how far a long operation on a file is, and clear the line at its end."""
    if total and done >= total:
        _write(_CLEAR)
    else:
        _draw(f"{what} {done >> 20} MiB" if not total else f"{what} {_bar(done, total)}")


def _bar(done: int, total: int, length: int = _BAR) -> str:
    filled = length * done // total
    return f"[{'#' * filled}{'.' * (length - filled)}] {100 * done // total:3}%"


def _room() -> int:
    """Characters of a line. One that is wrapped could not be taken away again, nor one that
    wraps with the ^C that a terminal puts behind it."""
    return shutil.get_terminal_size().columns - 3


def _draw(text: str) -> None:
    _write(f"\r{harmless(text)[: _room()]}\033[K")


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


class ProgressLine:
    """What is shown to somebody who waits for a command; nothing of it appears in its output.

    In a `with` a thread draws it, if it is `watched`: a sign that turns, and a bar where the
    command tells how far it is. It is gone before a line is written, stands between whole lines
    alone, and not in the way of a pager that has begun.
    """

    def __init__(self, name: str = "", watched: bool = False, output: Output | None = None) -> None:
        self._name = name
        self._watched = watched
        self._output = output
        self._begin = self._due = monotonic()
        self._told: tuple[str, int, int] | None = None
        self._lines = 0
        self._held = self._drawn = False
        self._lock = threading.Lock()
        self._over = threading.Event()

    def __enter__(self) -> ProgressLine:
        self._begin = monotonic()
        self._due = self._begin + PATIENCE
        if self._watched:
            threading.Thread(target=self._work, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._hold()

    def show(self, what: str, done: int, total: int) -> None:
        """Take in how far the command is: how much of a total, which is 0 where nobody knows."""
        self._told = (what, done, total) if not total or done < total else None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Something else is written meanwhile."""
        held = self._held
        self._hold()
        try:
            yield
        finally:
            if not held:
                self._release()

    def between(self, lines: Iterable[str]) -> Iterator[str]:
        """Pass on lines that are written."""
        if not self._watched:
            yield from lines
            return
        for line in lines:
            self._hold()
            yield line
            self._lines += 1
            if line.__class__ is not Part:
                self._release()

    def _hold(self) -> None:
        if self._watched:
            with self._lock:
                self._held = True
                if self._drawn:
                    _write(_CLEAR)
                    self._drawn = False

    def _release(self) -> None:
        if self._output is None or self._output.leaves_terminal:
            self._due = monotonic() + PATIENCE
            self._held = False

    def _work(self) -> None:
        turns = 0
        while not self._over.wait(PACE):
            with self._lock:
                if not self._held and monotonic() >= self._due:
                    _draw(f"{_SIGNS[turns % len(_SIGNS)]} {self._text()}")
                    self._drawn = True
                    turns += 1

    def _text(self) -> str:
        if self._told is None:
            count = f"  {self._lines} lines" if self._lines else ""
            return f"{self._name}  {monotonic() - self._begin:.0f} s{count}"
        what, done, total = self._told
        if not total:
            return f"{what} {done}"
        count = f"{done} of {total}"
        # The bar takes what is left beside a sign, the words, the percentage and the gaps.
        length = min(_BAR, _room() - len(f"| {what} [] 100%  {count}"))
        return f"{what} {_bar(done, total, max(length, 0))}  {count}"
