"""Where finished lines go: the terminal, a file, a pipe to a shell command or to the pager."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import chain
from time import monotonic
from typing import IO, Any, Literal

from pycrash.api import Part
from pycrash.shell.signals import Ended
from pycrash.shell.words import LineError, Redirect

Kind = Literal["stdout", "file", "pipe", "pager"]
#: What is laid over a finished line on a terminal.
Paint = Callable[[str], str]

#: What a terminal may obey: control characters but tab and line feed, the high ones as text
#: and as bytes that are no text.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\udc80-\udc9f]")

#: Lines on their way to a pipe wait at most this many seconds for the next one.
PATIENCE = 0.01


class OutputError(Exception):
    """Lines could not be written; `str()` is the system's reason."""


class Output:
    """A sink for lines. Closing it waits for what reads it.

    `reader` is the command a pipe or pager feeds; it starts at the first line, so that a
    command without output starts no pager. `watched` says that a stream which is no terminal
    itself is shown on one.
    """

    def __init__(
        self,
        kind: Kind,
        stream: IO[str] | None = None,
        reader: str | Sequence[str] | None = None,
        paint: Paint | None = None,
        watched: bool = False,
    ) -> None:
        self.kind = kind
        self._given = stream
        self._reader = reader
        self._process: subprocess.Popen[str] | None = None
        self._paint = paint
        self._watched = watched
        self._due = 0.0

    @cached_property
    def stream(self) -> IO[str]:
        """The text stream behind it."""
        if self._given is not None:
            return self._given
        assert self._reader is not None
        sys.stdout.flush()
        self._process = subprocess.Popen(
            self._reader,
            shell=isinstance(self._reader, str),
            stdin=subprocess.PIPE,
            encoding="utf-8",
            errors="surrogateescape",
        )
        assert self._process.stdin is not None
        return self._process.stdin

    @cached_property
    def _every_line(self) -> bool:
        """Whether somebody watches each line come."""
        if self._watched or self.kind == "pager":
            return True
        return self.kind == "stdout" and self.stream.isatty()

    @property
    def leaves_terminal(self) -> bool:
        """Whether nothing else stands on the terminal between two lines: no pager that began."""
        return self.kind != "pager" or "stream" not in self.__dict__

    def indented(self, width: int) -> Output:
        """The same sink, with so many blanks before each line."""
        paint, blanks = self._paint or str, " " * width
        return Output(
            self.kind,
            self.stream,
            paint=lambda line: blanks + paint(line),
            watched=self._watched,
        )

    def write(self, line: str) -> None:
        """Write one line as `write_all` does."""
        self.write_all((line,))

    def write_all(self, lines: Iterable[str]) -> None:
        """Write lines, and Parts of lines, as they come.

        BrokenPipeError once nobody reads any more, OutputError on failure.
        """
        lines = iter(lines)
        first = next(lines, None)
        if first is None:
            return
        write, flush = self.stream.write, self.stream.flush
        paint, watched, piped = self._paint, self._every_line, self.kind == "pipe"
        for line in chain((first,), lines):
            whole = line.__class__ is not Part
            if watched:
                line = harmless(line)
            if paint is not None and whole:
                line = paint(line)
            try:
                write(line + "\n" if whole else line)
                if watched:
                    flush()
                elif piped and monotonic() > self._due:
                    flush()
                    self._due = monotonic() + PATIENCE
            except OSError as error:
                raise _failure(error) from error

    def write_plain(self, text: str, tint: Paint | None = None) -> None:
        """Write text as it is, at once; `tint` is laid over it where lines are coloured.

        Fails as `write` does.
        """
        try:
            text = harmless(text) if self._every_line else text
            self.stream.write(tint(text) if tint and self._paint else text)
            self.stream.flush()
        except OSError as error:
            raise _failure(error) from error

    def run_shell(self, command: str) -> None:
        """Run a shell command whose output goes here too; of a pager's, to the terminal."""
        sys.stdout.flush()
        target = None
        if self.kind in ("file", "pipe"):
            self.write_plain("")
            target = self.stream.fileno()
        if wait(subprocess.Popen(command, shell=True, stdout=target)):
            print(file=sys.stderr)

    def close(self) -> None:
        """Finish a file or pipe, and wait for the process that reads it. Fails as `write` does."""
        try:
            if self.kind == "stdout":
                self.stream.flush()
            elif self.kind == "pipe" or "stream" in self.__dict__:
                self.stream.close()
        except OSError as error:
            raise _failure(error) from error
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the file or pipe, written or not, and wait for the process that reads it."""
        if self.kind == "stdout" or "stream" not in self.__dict__:
            return
        with contextlib.suppress(OSError):
            self.stream.close()
        # Whoever ends the program does not wait for a pager.
        if self._process is not None and not isinstance(sys.exc_info()[1], Ended):
            wait(self._process)


def harmless(text: str) -> str:
    """Text as a terminal may have it: what it would obey stands as `\\x1b`.

    A dump's names and messages are not trusted. Files and pipes get the very bytes.
    """
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", text)


def _failure(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):
        return error
    return OutputError(error.strerror or str(error))


def wait(process: subprocess.Popen[Any]) -> bool:
    """Wait for a process; meanwhile Ctrl-C is for it alone. Whether there was one."""
    interrupted = False
    while True:
        try:
            process.wait()
            return interrupted
        except KeyboardInterrupt:
            interrupted = True


def open_redirect(redirect: Redirect) -> Output:
    """The file or pipe a line asks for. Raises LineError where it cannot be written."""
    if redirect.kind == "pipe":
        return Output("pipe", reader=redirect.target)
    try:
        mode = "a" if redirect.kind == "append" else "w"
        return Output(
            "file", open(redirect.target, mode, encoding="utf-8", errors="surrogateescape")
        )
    except OSError as error:
        raise LineError(f"unable to open {redirect.target}") from error


def standard_output(paint: Paint | None = None) -> Output:
    """The program's own output."""
    return Output("stdout", sys.stdout, paint=paint)
