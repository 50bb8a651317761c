"""Says what went wrong: where a message goes, and how it is introduced."""

from __future__ import annotations

import sys
from typing import Literal, TextIO

from pycrash.api import Settings
from pycrash.shell.output import Output, Paint, harmless

Level = Literal["INFO", "WARNING", "NOTE", "CONT"]

#: The file for `set error` that stands for standard error, which messages of the rows as JSON
#: go to as well.
STANDARD_ERROR = "/dev/stderr"


def unexpected(error: BaseException) -> str:
    """What to say of an exception that nobody expected."""
    if isinstance(error, MemoryError):
        return "out of memory"
    if type(error) is Exception:  # what the libraries below drgn say has no class of its own
        return str(error)
    return f"internal error: {type(error).__name__}: {error}"


class Messages:
    """Prints messages as `set error` says.

    "default" is standard output and also the file or pipe a line's output goes to, or the
    pager alone; "redirect" is where the output goes; anything else is a file's name.
    `complaints` counts what told that a line did not go well. `tints` are laid over errors and
    over other messages where a terminal has them.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.complaints = 0
        self.tints: tuple[Paint, Paint] | None = None

    @property
    def apart(self) -> bool:
        """Whether messages go to standard error."""
        return self._settings.error == STANDARD_ERROR

    def tell(self, output: Output, line: str) -> None:
        """Print a message that is a line already: an object among rows as JSON."""
        if self.apart:
            print(line, file=sys.stderr, flush=True)
        else:
            output.write(line)

    def say(self, output: Output, name: str, text: str, level: Level = "INFO") -> None:
        """Print one message of the command `name`; a line break that leads it comes first."""
        self.complaints += level == "INFO"
        target = self._settings.error
        gap = "\n" if text.startswith("\n") else ""
        text = text.removeprefix("\n")
        tint = self.tints and self.tints[level != "INFO"]
        if output.kind == "pager" and target in ("default", "redirect"):
            note = f"{level}: " if level in ("WARNING", "NOTE") else ""
            output.write_plain(f"{gap}{_introduction(name, level, bare=True)} {note}{text}\n", tint)
            return
        line = f"{gap}{_introduction(name, level)} {text}\n"
        if target == "redirect":
            output.write_plain(line, tint)
        elif self.apart:
            output.write_plain("")
            print(_shown(line, tint, sys.stderr), end="", file=sys.stderr, flush=True)
        elif target == "default":
            if output.kind != "stdout":
                sys.stdout.write(_shown(line, tint, sys.stdout))
                sys.stdout.flush()
            output.write_plain(line, tint)
        else:
            self._append(target, line)

    def complain(self, text: str) -> None:
        """Print a line on standard error, as getopt does."""
        print(_shown(text, self.tints and self.tints[0], sys.stderr), file=sys.stderr, flush=True)

    def _append(self, path: str, line: str) -> None:
        try:
            with open(path, "a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(line)
        except OSError:
            sys.stdout.write(line)


def _shown(text: str, tint: Paint | None, stream: TextIO) -> str:
    """The text as the stream may have it; a terminal's in its colour."""
    if not stream.isatty():
        return text
    return tint(harmless(text)) if tint else harmless(text)


def _introduction(name: str, level: Level, bare: bool = False) -> str:
    if level == "CONT":
        return " " * len(name) + " "
    if bare or level == "INFO":
        return f"{name}:"
    return f"{level}:"
