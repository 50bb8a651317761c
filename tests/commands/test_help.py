from __future__ import annotations

import pytest

from tests.shell.fake import fake_session

Capture = pytest.CaptureFixture[str]


def test_the_table_lists_every_command(capfd: Capture) -> None:
    session = fake_session()
    session.feed("help")
    words = capfd.readouterr().out.split()
    assert {"alias", "bt", "tally", "q", "*"} <= set(words)


def test_a_page_and_an_alias_of_it(capfd: Capture) -> None:
    session = fake_session()
    session.feed("help exit")
    page = capfd.readouterr().out
    assert page.startswith("\nNAME\n  exit - ")
    session.feed("man exit")
    assert capfd.readouterr().out == page
    session.feed("help quit")
    assert capfd.readouterr().out.startswith("\nNAME\n  exit - ")


def test_tables_inside_crash_are_refused(capfd: Capture) -> None:
    fake_session().feed("help -m")
    assert capfd.readouterr().out == "help: -m: shows tables inside crash; there are none here\n"


def test_other_options_are_wrong(capfd: Capture) -> None:
    fake_session().feed("help -q")
    out, err = capfd.readouterr()
    assert out.startswith("Usage:\n  help ")
    assert err == "help: invalid option -- 'q'\n"
