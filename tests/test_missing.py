"""Commands of crash that are missing: each says so, and the docs list just those."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pycrash.api.registry import CRASH_WORDS, Registry
from tests.commands.crowd import Crowd
from tests.shell.fake import fake_session

ROOT = Path(__file__).resolve().parent.parent
MISSING = Registry().missing()

Capture = pytest.CaptureFixture[str]


def test_every_command_that_is_there_is_crashs() -> None:
    assert set(Registry().names()) | set(MISSING) == CRASH_WORDS


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "docs/differences.md"])
def test_the_docs_list_what_is_missing(name: str) -> None:
    found = re.search(r"Not in pycrash yet: ([^.]*)\.", (ROOT / name).read_text())
    assert found is not None
    assert re.findall(r"`(\w+)`", found[1]) == MISSING


@pytest.mark.parametrize("word", MISSING)
def test_a_missing_command_says_so(capfd: Capture, word: str) -> None:
    said = f"{word}: this command of crash is not in pycrash yet\n"
    session = fake_session()
    for line in (word, f"{word} -x 1", f"\\{word}", f"help {word}"):
        session.feed(line)
        assert capfd.readouterr() == (said, "")


def test_under_json_it_is_an_error_object(capfd: Capture) -> None:
    fake_session().feed(f"{MISSING[0]} 1 --json")
    said = json.loads(capfd.readouterr().out)
    assert said["command"] == MISSING[0]
    assert said["message"] == "this command of crash is not in pycrash yet"


def test_so_does_an_alias_of_it_and_a_line_into_a_file(capfd: Capture, tmp_path: Path) -> None:
    word = MISSING[0]
    said = f"{word}: this command of crash is not in pycrash yet\n"
    session = fake_session()
    session.feed(f"alias aka {word}")
    capfd.readouterr()
    session.feed("aka")
    session.feed("help aka")
    session.feed(f"{word} > {tmp_path}/out")
    assert capfd.readouterr().out == 3 * said
    assert (tmp_path / "out").read_text() == said


def test_so_does_one_that_foreach_would_run() -> None:
    crowd = Crowd()
    for word in {"vm", "task", "files", "net", "sig", "vtop"} & set(MISSING):
        said = f"foreach: {word}: this command of crash is not in pycrash yet"
        assert crowd.run(f"foreach 1 {word}")[-1] == said
