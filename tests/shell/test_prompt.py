"""The prompt, driven through a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pycrash.shell.options import parse_options
from tests.shell.fake import fake_session

LIMIT = 20


class Terminal:
    """A fake session at a pseudo-terminal."""

    def __init__(self, home: Path, kind: str = "xterm", columns: int = 80) -> None:
        self.child, self._terminal = pty.fork()
        if self.child == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            _serve(home, kind)
        self.seen = ""
        #: All that came, with its colours.
        self.raw = ""

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def wait_for(self, text: str) -> str:
        """What came since the last call, up to the text; colours and cursor moves taken away."""
        end = time.monotonic() + LIMIT
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} did not come: {self.seen!r}"
            if select.select([self._terminal], [], [], 0.1)[0]:
                data = os.read(self._terminal, 65536)
                if b"\x1b[6n" in data:  # where is the cursor?
                    self.type("\x1b[1;1R")
                came = data.decode("utf-8", "replace")
                self.raw += came
                self.seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", came)
        before, self.seen = self.seen.split(text, 1)
        return before

    def status(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])

    def close(self) -> None:
        os.close(self._terminal)


def _serve(home: Path, kind: str) -> None:
    """Never returns."""
    status = 70
    try:
        os.chdir(home)
        os.environ.pop("NO_COLOR", None)
        os.environ.update(HOME=str(home), XDG_STATE_HOME=str(home), TERM=kind, EDITOR="emacs")
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
        from pycrash.shell.loop import serve

        options = parse_options(["-s"])
        session = fake_session()
        session.settings.edit = "emacs"
        status = serve(session, options)
        sys.stdout.flush()
    finally:
        os._exit(status)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path)
    made.wait_for("crash>")
    yield made
    made.close()


def test_lines_run_and_the_end_of_input_leaves(terminal: Terminal) -> None:
    terminal.type("tally 3\r")
    terminal.wait_for("1\r\n2\r\n3\r\n")
    terminal.wait_for("crash>")
    terminal.type("\x04")
    assert terminal.status() == 0


def test_ctrl_c_brings_the_prompt_back(terminal: Terminal) -> None:
    terminal.type("endless 1\r")
    terminal.wait_for("1\r\n")
    terminal.wait_for("crash>")
    terminal.type("half a line\x03")
    terminal.wait_for("crash>")
    terminal.type("exit\r")
    assert terminal.status() == 0


def test_tab_completes_and_history_stays(terminal: Terminal, tmp_path: Path) -> None:
    terminal.type("tal\t")
    terminal.wait_for("tally")
    terminal.type(" 2\r")
    terminal.wait_for("1\r\n2\r\n")
    terminal.type("q\r")
    assert terminal.status() == 0
    assert "+tally 2\n" in (tmp_path / "pycrash/history").read_text()


def test_pasted_lines_run_one_by_one(terminal: Terminal) -> None:
    terminal.type("\x1b[200~tally 1\ntally 2\x1b[201~\r")
    terminal.wait_for("\r\n1\r\n1\r\n2\r\n")
    terminal.type("q\r")
    assert terminal.status() == 0


def test_a_reader_that_leaves_early_brings_the_prompt_back(terminal: Terminal) -> None:
    terminal.type("tally 1000000 | head -1\r")
    terminal.wait_for("1\r\n")
    terminal.wait_for("crash>")
    terminal.type("q\r")
    assert terminal.status() == 0


def test_the_editing_mode_changes_at_once(terminal: Terminal) -> None:
    terminal.type("set vi\r")
    terminal.wait_for("edit: vi")
    terminal.wait_for("INSERT")
    # Over the first letter, as vi has it.
    terminal.type("xally 2\x1b")
    terminal.wait_for("NORMAL")
    terminal.type("0rt\r")
    terminal.wait_for("1\r\n2\r\n")
    terminal.wait_for("INSERT")
    terminal.type("set emacs\r")
    terminal.wait_for("edit: emacs")
    terminal.wait_for("crash>")
    terminal.type("ally 3\x01t\r")
    terminal.wait_for("1\r\n2\r\n3\r\n")
    terminal.type("q\r")
    assert terminal.status() == 0


@pytest.mark.parametrize(("columns", "last"), [(60, "-p]"), (110, "[pid")])
def test_the_syntax_is_below_the_line(tmp_path: Path, columns: int, last: str) -> None:
    terminal = Terminal(tmp_path, columns=columns)
    terminal.wait_for("help: commands")
    terminal.type("bt")
    terminal.wait_for("bt [-a|-c")
    # Broken between words.
    assert re.search(rf"{re.escape(last)} *\r", terminal.wait_for("task]"))
    terminal.type("\x15q\r")
    assert terminal.status() == 0
    terminal.close()


def test_the_line_is_coloured_while_it_is_typed(terminal: Terminal) -> None:
    terminal.type("tally")
    terminal.wait_for("number")
    assert re.search("\x1b\\[0;32m(\x1b\\[[0-9;?]*[A-Za-z])*tally", terminal.raw)
    terminal.type("\x15nosuch ")
    terminal.wait_for("nosuch")
    assert re.search("\x1b\\[0;31m(\x1b\\[[0-9;?]*[A-Za-z])*nosuch", terminal.raw)
    terminal.type("\x15q\r")
    assert terminal.status() == 0


def test_errors_and_warnings_have_colours(terminal: Terminal, tmp_path: Path) -> None:
    terminal.type("tally -e -n 2\r")
    terminal.wait_for("cannot count on")
    terminal.type("tally -q\r")
    terminal.wait_for("invalid option")
    terminal.wait_for("crash>")
    assert "\x1b[33mWARNING: two comes\x1b[" in terminal.raw
    assert "\x1b[31mtally: cannot count on\x1b[" in terminal.raw
    assert "\x1b[31mtally: invalid option -- 'q'\x1b[" in terminal.raw
    # A file gets the bare words.
    terminal.type("tally -e 1 > out\r")
    terminal.wait_for("crash>")
    terminal.type("q\r")
    assert terminal.status() == 0
    assert (tmp_path / "out").read_text() == "1\ntally: cannot count on\n"


def test_a_terminal_that_can_do_nothing(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "dumb")
    terminal.wait_for("crash> ")
    terminal.type("tally 2\r")
    terminal.wait_for("1\r\n2\r\ncrash> ")
    terminal.type("\x03")
    terminal.wait_for("crash> ")
    terminal.type("\x04")
    assert terminal.status() == 0
    terminal.close()
