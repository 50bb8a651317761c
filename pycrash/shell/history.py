"""The numbered list of lines typed so far, and the short ways to run one again."""

from __future__ import annotations

import re
import shutil

from pycrash.errors import CrashError


class History:
    """Lines in the order they were typed, numbered from 1."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, line: str) -> None:
        """Remember a line; an empty one is not."""
        if line:
            self.lines.append(line)

    def is_listing(self, line: str) -> bool:
        """Whether the line asks for the list: h, or the beginning of "history"."""
        return line == "h" or (len(line) > 1 and "history".startswith(line))

    def listing(self) -> list[str]:
        """The list as it is shown. Raises CrashError where nothing was typed yet."""
        self._need_lines()
        return [f"[{number}] {line}" for number, line in enumerate(self.lines, 1)]

    def recall(self, line: str) -> str | None:
        """The line that `r`, `!!`, `r N`, `rN`, `!N` or `r text` stands for; None for another.

        Raises CrashError where there is no such line.
        """
        if line in ("r", "!!"):
            self._need_lines()
            return self.lines[-1]
        match = re.fullmatch(r"r *([0-9]+)|r +(.*)|! *([0-9]+)", line)
        if match is None:
            return None
        wanted = match[1] or match[2] or match[3]
        if match[3] and shutil.which(wanted):
            return None
        self._need_lines()
        if wanted.isdecimal():
            return self._numbered(int(wanted))
        for past in reversed(self.lines):
            if past.startswith(wanted):
                return past
        raise InvalidRecall(line)

    def _numbered(self, number: int) -> str:
        if number == 0:
            raise InvalidRecall("0")
        if number > len(self.lines):
            raise CrashError(f"command {number} not entered yet!")
        return self.lines[number - 1]

    def _need_lines(self) -> None:
        if not self.lines:
            raise CrashError("no commands entered!")


class InvalidRecall(Exception):
    """No line fits what was asked for; `str()` is the request."""

    def __str__(self) -> str:
        return f"invalid repeat request: {super().__str__()}"
