"""Crash's own list of commands and options: what is there, what is missing and says so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pycrash.api import Command, CrashError, UsageError, registry
from pycrash.api.registry import CRASH_WORDS, Registry
from tests.commands.crowd import Crowd
from tests.golden.options import letters, recorded
from tests.shell.fake import fake_session

ROOT = Path(__file__).resolve().parent.parent
NAMES = Registry().names()
MISSING = Registry().missing()
WORD = "unwritten"
SAID = f"{WORD}: this command of crash is not in pycrash yet\n"

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def one_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crash has a command, for foreach too, that is not here: whatever else is missing."""
    for name in ("CRASH_WORDS", "_EACH"):
        words: frozenset[str] = getattr(registry, name)
        monkeypatch.setattr(registry, name, words | {WORD})


def listed(name: str, begin: str) -> list[str]:
    """The words of the sentence of a document that begins so; none where there is none."""
    found = re.search(rf"{begin} ([^.]*)\.", (ROOT / name).read_text())
    return re.findall(r"`(\w+)`", found[1]) if found else []


def takes(command: Command, letter: str) -> bool:
    """Whether a command knows an option. That of help are refused, being inside crash."""
    try:
        command.parse([f"-{letter}", "1"])
    except UsageError as error:
        return "invalid option" not in str(error)
    except CrashError:
        return True
    return True


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "docs/differences.md"])
def test_the_docs_list_what_is_missing(name: str) -> None:
    assert listed(name, "Not in pycrash yet:") == MISSING


def test_the_docs_list_what_crash_does_not_have() -> None:
    assert listed("README.md", "Beyond crash's:") == sorted(set(NAMES) - CRASH_WORDS)


def test_crashs_own_list_of_words_is_known() -> None:
    assert recorded().keys() == CRASH_WORDS


@pytest.mark.parametrize("word", sorted(CRASH_WORDS - set(MISSING)))
def test_every_option_of_crash_is_taken(word: str) -> None:
    command = Registry().find(word)
    assert command is not None
    assert [letter for letter in recorded()[word] if not takes(command, letter)] == []


def test_letters_are_read_off_a_help_page() -> None:
    page = "NAME\n  z - it\n\nSYNOPSIS\n  z [-a|-b|c] [-de] [-16] [x-y]\n\nDESCRIPTION\n"
    page += "      -f  does it, unlike -g.\n  -h num  too.\n\nEXAMPLES\n   -i  no\n"
    assert letters(page) == set("abcde1fh")


@pytest.mark.usefixtures("one_missing")
def test_a_missing_command_says_so(capfd: Capture) -> None:
    session = fake_session()
    for line in (WORD, f"{WORD} -x 1", f"\\{WORD}", f"help {WORD}"):
        session.feed(line)
        assert capfd.readouterr() == (SAID, "")


@pytest.mark.usefixtures("one_missing")
def test_under_json_it_is_an_error_object(capfd: Capture) -> None:
    fake_session().feed(f"{WORD} 1 --json")
    said = json.loads(capfd.readouterr().out)
    assert said["command"] == WORD
    assert said["message"] == "this command of crash is not in pycrash yet"


@pytest.mark.usefixtures("one_missing")
def test_so_does_an_alias_of_it_and_a_line_into_a_file(capfd: Capture, tmp_path: Path) -> None:
    session = fake_session()
    session.feed(f"alias aka {WORD}")
    capfd.readouterr()
    session.feed("aka")
    session.feed("help aka")
    session.feed(f"{WORD} > {tmp_path}/out")
    assert capfd.readouterr().out == 3 * SAID
    assert (tmp_path / "out").read_text() == SAID


@pytest.mark.usefixtures("one_missing")
def test_so_does_one_that_foreach_would_run() -> None:
    assert Crowd().run(f"foreach 1 {WORD}")[-1] == f"foreach: {SAID.strip()}"
