from __future__ import annotations

import pytest

from commands.help import CpuRow, Help
from pycrash import __version__
from pycrash.api import View
from pycrash.kernel.core.architecture import RegisterSet
from pycrash.settings import Settings
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


def test_tables_inside_crash_are_named(capfd: Capture) -> None:
    fake_session().feed("help -b -n")
    assert capfd.readouterr().out == (
        "help: -b: crash shows tables of its own here: buffers of crash\n"
    )


def test_what_pycrash_is_made_of(capfd: Capture) -> None:
    fake_session().feed("help -B")
    lines = capfd.readouterr().out.splitlines()
    assert f"pycrash: {__version__}" in lines[0]
    assert len({line.index(":") for line in lines}) == 1


def test_every_letter_is_explained(capfd: Capture) -> None:
    fake_session().feed("help -z")
    letters = {line[1] for line in capfd.readouterr().out.splitlines()}
    assert letters == set("efNDdmMngcaBbHhkKsvVoptTzLOr")


def test_the_words_alone(capfd: Capture) -> None:
    fake_session().feed("help commands")
    assert {"alias", "q"} <= set(capfd.readouterr().out.splitlines())


def test_registers_of_cpus() -> None:
    settings = Settings()
    settings.offline = "hide"
    registers = RegisterSet(rows=((("RIP", 16), ("CS", 4)),))
    rows = [CpuRow(0, True, {"RIP": 1, "CS": 0x10}), CpuRow(1, False, None), CpuRow(2, True, None)]
    shown = Help().text(View(settings, registers=registers), Help().parse(["-r"]), rows)
    assert list(shown) == [
        *("CPU 0:", "    RIP: 0000000000000001  CS: 0010"),
        *("", "CPU 1: [OFFLINE]", "", "CPU 2:"),
    ]


def test_other_options_are_wrong(capfd: Capture) -> None:
    fake_session().feed("help -q")
    out, err = capfd.readouterr()
    assert out.startswith("Usage:\n  help ")
    assert err == "help: invalid option -- 'q'\n"


def test_help_behind_any_command_is_its_page(capfd: Capture) -> None:
    session = fake_session()
    session.feed("help tally")
    page = capfd.readouterr().out
    session.feed("tally --help")
    assert capfd.readouterr().out == page
    assert not session.failed
    session.feed("tally --help 3")
    assert capfd.readouterr().out != page
