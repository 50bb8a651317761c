from __future__ import annotations

from pathlib import Path

import pytest

from tests.shell.fake import fake_session

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_a_fresh_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_line_it_says_its_usage(capfd: Capture) -> None:
    session = fake_session()
    for line in ("repeat", "repeat -", "repeat -x tally 1"):
        session.feed(line)
    assert capfd.readouterr().out.count("Usage:\n  repeat [-seconds] command\n") == 3


def test_seconds_are_digits(capfd: Capture) -> None:
    fake_session().feed("repeat -1x tally 1")
    assert capfd.readouterr().out == 'repeat: 1x: "x" is not a digit 0 - 9\n'


def test_it_pauses(capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[int] = []

    def pause(seconds: int) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", pause)
    fake_session().feed("repeat -7 tally 1")
    assert pauses == [7, 7, 7]
    assert capfd.readouterr().out == "1\n1\n1\n"


def test_an_argument_file_is_for_the_line_it_repeats(capfd: Capture) -> None:
    Path("args").write_text("1\n2\n")
    fake_session().feed("repeat tally < args | head -4")
    assert capfd.readouterr().out == "1\n1\n2\n1\n"


def test_json_is_for_the_line_it_repeats(capfd: Capture) -> None:
    fake_session().feed("repeat --json tally -e 1")
    number, error, stopped = capfd.readouterr().out.splitlines()
    assert number == '{"kind": "tally.number", "value": 1}'
    assert error == '{"kind": "error", "command": "tally", "message": "cannot count on"}'
    assert stopped == '{"kind": "error", "command": "repeat", "message": "failed: tally -e 1"}'
    session = fake_session()
    session.feed("repeat --json tally -e 1")
    session.feed("tally 1")
    assert capfd.readouterr().out.splitlines()[-1] == "1"


def test_one_inside_another_ends_both(capfd: Capture) -> None:
    fake_session().feed("repeat repeat nothing")
    assert capfd.readouterr().out == "crash: command not found: nothing\n"
