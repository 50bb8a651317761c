"""A session at a real terminal: the prompt of Python inside, and back."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.golden.sample import arrange

_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r")


class Terminal:
    """A program at a terminal of its own. It answers where its cursor is, as terminals do."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.child, self._stream = pty.fork()
        if self.child == 0:
            os.chdir(folder)
            os.environ.update(TERM="xterm", HOME=str(folder), XDG_STATE_HOME=str(folder))
            os.execv(sys.executable, [sys.executable, "-m", "pycrash", *words])
        self._seen = b""

    def type(self, line: str) -> None:
        os.write(self._stream, line.encode() + b"\r")

    def wait_for(self, text: str, limit: float = 60) -> None:
        """Wait until the text appears behind what was waited for last."""
        wanted, end = text.encode(), time.monotonic() + limit
        while wanted not in (plain := _CONTROL.sub(b"", self._seen)):
            assert time.monotonic() < end, f"{text!r} has not come: {plain[-300:]!r}"
            if not select.select([self._stream], [], [], 1)[0]:
                continue
            data = os.read(self._stream, 1 << 16)
            if b"\x1b[6n" in data:
                os.write(self._stream, b"\x1b[1;1R")
            self._seen += data
        self._seen = plain.split(wanted, 1)[1]

    def status(self) -> int:
        """Wait for its end."""
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    arrange(tmp_path)
    # Whatever prompt is installed: the stock one is always there.
    (tmp_path / "ptpython.py").write_text("raise ImportError\n")
    made = Terminal(tmp_path, "-s", "vmlinux", "vmcore")
    yield made
    os.close(made._stream)


def test_pythons_prompt_and_back(terminal: Terminal) -> None:
    terminal.wait_for("crash>")
    terminal.type("ps -S")
    terminal.wait_for("  ZO: 1")
    terminal.wait_for("crash>")
    terminal.type("py")
    terminal.wait_for(">>> ")
    terminal.type("found = len(_) * 7")
    terminal.wait_for(">>> ")
    terminal.type("prog['init_task'].pid")
    terminal.wait_for("(pid_t)0")
    terminal.type("exit()")
    terminal.wait_for("crash>")
    # What was named there is known here, and standard input is still open.
    terminal.type("py found")
    terminal.wait_for("\n42\n")
    terminal.wait_for("crash>")
    terminal.type("q")
    assert terminal.status() == 0
