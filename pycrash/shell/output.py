"""Where finished lines go: the terminal, a file, a pipe to a shell command or to the pager."""

from __future__ import annotations

import subprocess
import sys
from typing import IO

from pycrash.shell.words import Redirect


class OutputError(Exception):
    """The redirection of a line could not be set up; `str()` is crash's message."""


class Output:
    """A sink for lines. Closing it waits for what reads it."""

    def __init__(self, stream: IO[str], process: subprocess.Popen[str] | None = None) -> None:
        self.stream = stream
        self._process = process
        self.redirected = stream is not sys.stdout

    def write(self, line: str) -> None:
        """Write one line. BrokenPipeError once nobody reads any more."""
        self.stream.write(line + "\n")

    def error(self, text: str) -> None:
        """Write a message to standard error, and to the file or pipe output goes to, as crash."""
        self.stream.flush()
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
        if self.redirected:
            self.stream.write(text + "\n")

    def close(self) -> None:
        try:
            self.stream.flush()
            if self.redirected:
                self.stream.close()
        except BrokenPipeError:
            pass
        finally:
            if self._process is not None:
                self._process.wait()


def open_output(redirect: Redirect) -> Output:
    """The sink a line's redirection asks for. Raises OutputError."""
    if redirect.kind == "none":
        return Output(sys.stdout)
    if redirect.kind == "pipe":
        if not redirect.target:
            raise OutputError(f"no shell command after '{redirect.mark}'")
        sys.stdout.flush()
        process = subprocess.Popen(
            redirect.target, shell=True, stdin=subprocess.PIPE, text=True, errors="surrogateescape"
        )
        assert process.stdin is not None
        return Output(process.stdin, process)
    if not redirect.target:
        raise OutputError(f"no file name after {redirect.mark}")
    try:
        mode = "a" if redirect.kind == "append" else "w"
        return Output(open(redirect.target, mode, errors="surrogateescape"))
    except OSError as error:
        raise OutputError(f"unable to open {redirect.target}") from error
