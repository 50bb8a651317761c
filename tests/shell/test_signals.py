"""Signals that end the program: a message where there is one to give, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pycrash.shell.signals import mapped_file, no_interrupt_lost

MAPS = """\
55d0c0000000-55d0c0002000 r--p 00000000 08:01 1234                       /usr/bin/python3
7f00a0000000-7f00a0400000 r--s 00800000 08:01 5678                       /tmp/a dump
7ffc0000a000-7ffc0000c000 rw-p 00000000 00:00 0                          [stack]
7ffc0000d000-7ffc0000e000 rw-p 00000000 00:00 0
"""

CUT = """
import mmap, os, sys
from pycrash.shell import signals
signals.watch()
path = sys.argv[1]
with open(path, "wb") as file:
    file.write(bytes(1 << 20))
with open(path, "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
os.truncate(path, 4096)
print(mapped[:4096] == bytes(4096), flush=True)
mapped[8192]
print("not reached")
"""

WRITING = """
import os, signal, sys
from pycrash.files import cache
from pycrash.shell import main
def chunks(options):
    cache.keep_chunks("dump-" + "0" * 24, (part() for part in (lambda: b"x", end)))
def end():
    os.kill(os.getpid(), int(sys.argv[1]))
    return b"y"
main._run = chunks
sys.exit(main.run([]))
"""

PIPED = """
import sys
from pycrash.shell import main
from tests.shell.fake import fake_session
def serve(options):
    fake_session().feed("tally 1 | echo reading; exec sleep 60")
main._run = serve
sys.exit(main.run([]))
"""


def run(script: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )


def test_the_file_behind_an_address() -> None:
    assert mapped_file(MAPS, 0x7F00A0001000) == ("/tmp/a dump", 0x801000)
    assert mapped_file(MAPS, 0x7F00A0400000) is None
    assert mapped_file(MAPS, 0x7FFC0000A000) is None
    assert mapped_file(MAPS, 0x7FFC0000D000) is None


def test_a_file_cut_short_under_a_map_is_named(tmp_path: Path) -> None:
    path = tmp_path / "vmcore"
    done = run(CUT, str(path))
    assert (done.returncode, done.stdout) == (128 + signal.SIGBUS, "True\n")
    assert done.stderr == f"pycrash: {path}: was cut short while open\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_unfinished_file(number: signal.Signals, tmp_path: Path) -> None:
    done = run(WRITING, str(int(number)), XDG_CACHE_HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (128 + number, "")
    assert list((tmp_path / "pycrash").iterdir()) == []


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    script = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{WRITING}"
    done = run(script, str(int(signal.SIGHUP)), XDG_CACHE_HOME=str(tmp_path))
    assert "Traceback" not in done.stderr
    assert len(list((tmp_path / "pycrash").iterdir())) == 1


def test_the_folder_of_the_session_goes_too(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    (tmp_path / f"pycrash-{os.getuid()}").write_text("no folder")
    script = f"from pycrash.files import cache; cache.cache_folder()\n{CUT}"
    where = {"XDG_CACHE_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)}
    done = run(script, str(tmp_path / "vmcore"), **where)
    assert done.returncode == 128 + signal.SIGBUS
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_a_reader_is_not_waited_for() -> None:
    session = subprocess.Popen(
        [sys.executable, "-c", PIPED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert session.stdout is not None
    assert session.stdout.readline() == "reading\n"
    session.terminate()
    assert session.wait(timeout=30) == 128 + signal.SIGTERM


class _Deaf:
    """Is interrupted where Python only tells of an exception."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_python_loses_is_raised_all_the_same() -> None:
    behind = []

    def work() -> None:
        with no_interrupt_lost():
            _Deaf()
            behind.append("here")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert behind == ["here"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_who_ignores_interrupts_is_left_alone() -> None:
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with no_interrupt_lost():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, old)


def test_ctrl_c_ends_the_program_at_once() -> None:
    script = (
        "import atexit, pycrash.__main__ as program; from pycrash.shell import main;"
        "atexit.register(print, 'taken apart');"
        "main.run = lambda argv: print('a line') or 130; program.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (130, "a line\n")
