"""A session at a real terminal: the prompt of Python inside; Tab; what was meant; Ctrl-C."""

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
        #: All that came, with its control sequences.
        self.raw = b""

    def interrupt(self) -> None:
        os.write(self._stream, b"\x03")

    def type(self, line: str) -> None:
        os.write(self._stream, line.encode() + b"\r")

    def press(self, keys: str) -> None:
        os.write(self._stream, keys.encode())

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
            self.raw += data
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


#: What is typed before a Tab, and what that brings: a row of the menu, or what the one word that
#: can stand there adds.
TABS = (
    # This one comes while the types are being read.
    ("p init_task.parent->co", "mm"),
    ("p init_task.paren", "struct task_struct *parent"),
    ("p ((struct task_struct *)0)->par", "u64 parent_exec_id"),
    ("p runqueues.nr_s", "witches"),
    ("p (struct task_st", "6976 bytes"),
    ("gdb p init_task.pi", "pid_t pid"),
    ("*task_str", "struct, 6976 bytes"),
    ("whatis struct task_str", "struct, 6976 bytes"),
    ("set scroll ", "what the environment's $CRASHPAGER says"),
    ("foreach k", "kernel threads"),
    ("sys -c readl", "89: __x64_sys_readlink"),
    ("kmem -s ext4_ino", "de_cache"),
    ("p runqueues:", "all 2 CPUs"),
    ("repeat -5 ps -", "Only kernel threads"),
    ("p $r", "register"),
    ("tree -t m", "aple"),
    # Nothing begins so: what has the letters.
    ("sym PANIC_", "variable"),
)


def test_tab_and_what_was_meant(terminal: Terminal) -> None:
    terminal.wait_for("crash>")
    for line, shown in TABS:
        terminal.press(line)
        terminal.press("\t")
        terminal.wait_for(shown)
        terminal.press("\x03")
        terminal.wait_for("crash>")
    terminal.press("x/2gx &init_tas\t")
    terminal.wait_for("k")
    terminal.press("\r")
    terminal.wait_for("<init_task>:")
    terminal.wait_for("crash>")
    for line, meant in (
        ("p init_task.pidd", "pid"),
        ("strct task_struct", "struct"),
        ("struct task_strct", "task_struct"),
        ("rd init_tsk", "init_task"),
    ):
        terminal.type(line)
        terminal.wait_for(f"did you mean {meant}?")
        terminal.wait_for("crash>")
    terminal.type("q")
    assert terminal.status() == 0


def test_help_and_lines_of_drgn(terminal: Terminal) -> None:
    terminal.wait_for("crash>")
    terminal.type("ps -S --show-drgn")
    terminal.wait_for("for task in for_each_task(prog, idle=True):")
    terminal.wait_for("crash>")
    terminal.type("alias --show-drgn")
    terminal.wait_for("no few lines of drgn")
    terminal.wait_for("crash>")
    terminal.type("mod --help")
    terminal.wait_for("mod - loaded modules")
    terminal.wait_for("crash> mod\n")
    terminal.wait_for("ffffffffc0111080  crashme")
    terminal.wait_for("SEE ALSO")
    terminal.wait_for("crash>")
    terminal.type("q")
    assert terminal.status() == 0


def test_the_newest_dump_is_opened(tmp_path: Path) -> None:
    folder = tmp_path / "crash" / "127.0.0.1-2026-11-30-12:00:00"
    folder.mkdir(parents=True)
    arrange(folder)
    vmlinux = str(folder / "vmlinux")
    terminal = Terminal(tmp_path, "--latest", str(tmp_path / "crash"), vmlinux, "-s")
    terminal.wait_for(f"pycrash: the newest dump: {folder}/vmcore, written ")
    terminal.wait_for(f"pycrash: its vmlinux: {vmlinux}")
    terminal.wait_for("crash>")
    terminal.type("q")
    assert terminal.status() == 0
    os.close(terminal._stream)


@pytest.mark.parametrize(
    ("line", "awaited"),
    [("whatis -m mm_struct", "reading types: MiB ["), ("search -k 0", ": 0"), ("foreach bt", "#0")],
)
def test_ctrl_c_gives_the_prompt_back(terminal: Terminal, line: str, awaited: str) -> None:
    terminal.wait_for("crash>")
    terminal.type(line)
    terminal.wait_for(awaited)
    terminal.interrupt()
    begin = time.monotonic()
    terminal.wait_for("crash>")
    # A twentieth of a second where nothing else is done; tests may share the machine.
    assert time.monotonic() - begin < 1
    if b"reading types: MiB [" in terminal.raw:
        # What was drawn while it went on is gone.
        assert b"\r\x1b[K" in terminal.raw.rsplit(b"reading types: MiB [", 1)[1]
    terminal.type("q")
    assert terminal.status() == 0, terminal.raw[-1500:]
