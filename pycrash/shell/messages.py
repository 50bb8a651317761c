"""Says what went wrong: where a message goes, and how it is introduced."""

from __future__ import annotations

import sys
from typing import Literal

from pycrash.api import Settings
from pycrash.shell.output import Output

Level = Literal["INFO", "WARNING", "NOTE", "CONT"]


class Messages:
    """Prints messages as `set error` says.

    "default" is standard output and also the file or pipe a line's output goes to, or the
    pager alone; "redirect" is where the output goes; anything else is a file's name.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def say(self, output: Output, name: str, text: str, level: Level = "INFO") -> None:
        """Print one message of the command `name`; a line break that leads it comes first."""
        target = self._settings.error
        gap = "\n" if text.startswith("\n") else ""
        text = text.removeprefix("\n")
        if output.kind == "pager" and target in ("default", "redirect"):
            note = f"{level}: " if level in ("WARNING", "NOTE") else ""
            output.write_plain(f"{gap}{_introduction(name, level, bare=True)} {note}{text}\n")
            return
        line = f"{gap}{_introduction(name, level)} {text}\n"
        if target == "redirect":
            output.write_plain(line)
        elif target == "default":
            if output.kind != "stdout":
                sys.stdout.write(line)
                sys.stdout.flush()
            output.write_plain(line)
        else:
            self._append(target, line)

    def _append(self, path: str, line: str) -> None:
        try:
            with open(path, "a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(line)
        except OSError:
            sys.stdout.write(line)


def _introduction(name: str, level: Level, bare: bool = False) -> str:
    if level == "CONT":
        return " " * len(name) + " "
    if bare or level == "INFO":
        return f"{name}:"
    return f"{level}:"
