"""The first read in a child process: what it dies of, this process survives."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import drgn
import pytest

from pycrash.kernel.core import trial
from pycrash.kernel.core.trial import ends_by, why_unreadable


def program(read: Callable[[int, int, int, bool], bytes]) -> drgn.Program:
    prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    prog.add_memory_segment(0, 4096, read)
    return prog


def test_a_good_read_and_a_fault_are_no_matter_of_the_trial() -> None:
    assert why_unreadable(program(lambda *_: b"x"), 8) is None

    def fault(address: int, count: int, offset: int, physical: bool) -> bytes:
        raise drgn.FaultError("not there", address)

    assert why_unreadable(program(fault), 8) is None
    assert why_unreadable(program(fault), 1 << 40) is None


def test_a_read_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "PATIENCE", 1)

    def hang(address: int, count: int, offset: int, physical: bool) -> bytes:
        while True:
            pass

    assert why_unreadable(program(hang), 8) == "its page tables lead in circles"


def test_a_read_that_kills_is_named() -> None:
    def die(address: int, count: int, offset: int, physical: bool) -> bytes:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        return b"x"

    assert why_unreadable(program(die), 8) == "its first read ends in SIGTERM"


def test_what_a_child_ends_by() -> None:
    assert ends_by(lambda: None) is None
    assert ends_by(lambda: 1 // 0) is None
    assert ends_by(lambda: os.kill(os.getpid(), signal.SIGKILL)) is signal.SIGKILL


def test_an_interrupt_ends_the_child_too(monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[int] = []
    wait = os.waitpid

    def interrupted(child: int, options: int) -> tuple[int, int]:
        children.append(child)
        if len(children) == 1:
            raise KeyboardInterrupt
        return wait(child, options)

    monkeypatch.setattr(os, "waitpid", interrupted)
    with pytest.raises(KeyboardInterrupt):
        why_unreadable(program(lambda *_: b"x"), 8)
    assert children[0] == children[1]
    with pytest.raises(ChildProcessError):
        wait(children[0], 0)
