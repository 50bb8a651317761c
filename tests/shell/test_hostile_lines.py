"""Lines that nobody types: each is answered in a moment, in words and not by a fault in here."""

from __future__ import annotations

import time

import pytest

from pycrash.shell.words import LONGEST
from tests.shell.fake import fake_session


@pytest.mark.parametrize(
    "line",
    [
        "nosuch " + "a " * (LONGEST // 4),
        "x" * LONGEST,
        "nosuch " + "(" * LONGEST,
        'nosuch "' + "b" * LONGEST,
        "nosuch | " + "'" * LONGEST,
    ],
    ids=["words", "word", "brackets", "quoted", "quotes"],
)
def test_a_long_line_takes_a_moment(line: str, capfd: pytest.CaptureFixture[str]) -> None:
    begin = time.process_time()
    fake_session().feed(line[:LONGEST])
    assert time.process_time() - begin < 10
    assert "internal error" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tally 1\0 > nothere", "1\n"),
        ("a\0b", "crash: command not found: a\n"),
        ("r ²", "invalid repeat request: r ²\n"),
        ("! ²\0", ""),
    ],
)
def test_odd_characters(line: str, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    session = fake_session()
    session.feed("#")
    session.feed(line)
    assert capfd.readouterr().out == said


def test_what_is_nested_too_deeply_is_said() -> None:
    assert fake_session().runner.internal_error(RecursionError("maximum")) == "nested too deeply"


def test_a_line_that_is_too_long_is_not_run(capfd: pytest.CaptureFixture[str]) -> None:
    fake_session().feed("x" * (10 << 20))
    said = "crash: line too long: 10,485,760 characters, of 1,048,576 at most\n"
    assert capfd.readouterr() == (said, "")


def test_what_the_system_says_is_told_without_its_number() -> None:
    runner = fake_session().runner
    assert runner.internal_error(OSError(28, "No space left on device", "out")) == (
        "out: No space left on device"
    )
    assert runner.internal_error(OSError("odd")) == "odd"
