"""A few dozen cases of every class, seeded; and that the injector sees what goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.talk import Conversation, Limits

CASES = 44


def test_no_fault_is_felt_beyond_its_own_line() -> None:
    # A process of its own: no thread of another test may be in the one that forks.
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--cases", str(CASES), "--seed", "5"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    for name in ("structures", "pages", "dump files", "debug files", "surroundings"):
        assert f"| {name}" in done.stdout


def _session(answer: Callable[[str], object]) -> Callable[[], int]:
    """A made-up shell."""

    def serve() -> int:
        while True:
            print("crash> ", end="", flush=True)
            line = sys.stdin.readline()
            if not line:
                return 1
            print(line, end="")
            answer(line)

    return serve


def _spin(line: str) -> None:
    if line == "spin\n":
        while True:
            pass


_KINDS: dict[str, Callable[[str], object]] = {
    "hang": _spin,
    "death": lambda line: os._exit(3),
    "traceback": lambda line: print("Traceback (most recent call last):\n  x\n1/0"),
    "internal error": lambda line: print("ps: internal error: ValueError: 1"),
    "control": lambda line: print("a\x1b]0;b\x07"),
    "memory": lambda line: _KEPT.append(bytearray(80 << 20)),
    "flood": lambda line: [print("x" * 1000) for _ in range(3000)],
}
_KEPT: list[bytearray] = []
_SMALL = Limits(work=0.3, clock=20, memory=64 << 20, text=1 << 20)


@pytest.mark.parametrize("kind", _KINDS)
def test_what_goes_wrong_is_seen(kind: str, tmp_path: Path) -> None:
    began = time.monotonic()
    talk = Conversation(_session(_KINDS[kind]), tmp_path, _SMALL, terminal=kind == "control")
    outcome = talk.run(["spin"])
    assert kind in {trouble.kind for trouble in outcome.troubles}
    assert time.monotonic() - began < 20


def test_what_goes_well_is_no_trouble(tmp_path: Path) -> None:
    talk = Conversation(_session(lambda line: print("\x1b[31mred\x1b[m")), tmp_path, _SMALL, True)
    outcome = talk.run(["ps", "log"])
    assert not outcome.troubles
    assert outcome.lines == 2
    assert outcome.status == 1
    assert "red" in outcome.answers["log"]
