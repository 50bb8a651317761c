"""What may have been meant by a line that did not go well."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from pycrash.matching import near
from pycrash.shell.meant import advice
from pycrash.shell.session import Session, Source
from tests.shell.fake import fake_session

NAMES = ["init_task", "init_mm", "schedule"]


@pytest.fixture
def session() -> Session:
    made = fake_session()
    symbols: Any = made.kernel.symbols
    symbols.exists = lambda name: name in NAMES
    symbols.near = lambda word: near(word, NAMES)
    return made


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("talyl 3", "tally"),
        ("forech bt", "foreach"),
        ("dmsg", "dmesg"),
        ("ptyp3 x", "ptype"),
        ("init_tsk", "init_task"),
        ("p 1 + init_tsk", "init_task"),
        ("px &init_tsk", "init_task"),
        ("x/4gx &init_tsk", "init_task"),
        ("rd init_tsk 4", "init_task"),
        ("rd -s init_tsk+8", "init_task"),
        ("dis schedul", "schedule"),
        ("foreach btt", "bt"),
        ("foreach bt -R schedul", "schedule"),
        ("set radx 16", "radix"),
        ("gdb prnt 1", "print"),
        ("sym init_tm", "init_mm"),
    ],
)
def test_what_was_meant(session: Session, line: str, meant: str) -> None:
    assert advice(session, line) == f"did you mean {meant}?"


@pytest.mark.parametrize(
    "line", ["zzzzz", "rd init_task", "p 1 + init_task", "tally 3", "rd 1234", "bt 99", "cat x"]
)
def test_nothing_is_near(session: Session, line: str) -> None:
    assert advice(session, line) == ""


def test_several_are_near(session: Session) -> None:
    assert advice(session, "psx") == "did you mean ps or px?"


def said(
    session: Session, capsys: pytest.CaptureFixture[str], line: str, source: Source = "terminal"
) -> str:
    session.feed(line, source)
    return capsys.readouterr().out


def test_it_is_said_below_the_message_and_at_a_terminal_alone(
    session: Session, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session.advise = lambda line: advice(session, line)
    message, hint = "crash: command not found: talyl\n", "did you mean tally?\n"
    assert said(session, capsys, "talyl 3") == message
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert said(session, capsys, "talyl 3") == message + hint
    assert said(session, capsys, "talyl 3", "stream") == message
    assert said(session, capsys, "talyl 3", "file") == message
    assert hint not in said(session, capsys, "talyl 3 | cat")
    assert hint not in said(session, capsys, "talyl 3 --json")
    assert said(session, capsys, "tally 1") == "1\n"
    session.settings.error = "/dev/null"
    assert hint not in said(session, capsys, "talyl 3")
    session.settings.error = "redirect"
    assert hint in said(session, capsys, "talyl 3")
    session.settings.output = "json"
    assert hint not in said(session, capsys, "talyl 3")
