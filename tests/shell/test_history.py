from __future__ import annotations

import pytest

from pycrash.errors import CrashError
from pycrash.shell.history import History, InvalidRecall


@pytest.fixture
def history() -> History:
    made = History()
    for line in ("bt 1", "log | tail", "bt -a"):
        made.add(line)
    return made


@pytest.mark.parametrize(
    ("line", "recalled"),
    [
        ("r", "bt -a"),
        ("!!", "bt -a"),
        ("r 1", "bt 1"),
        ("r2", "log | tail"),
        ("!2", "log | tail"),
        ("r bt", "bt -a"),
        ("r bt 1", "bt 1"),
        ("rd 0", None),
        ("!ls", None),
        ("repeat x", None),
    ],
)
def test_recall(history: History, line: str, recalled: str | None) -> None:
    assert history.recall(line) == recalled


def test_recall_of_what_is_not_there(history: History) -> None:
    with pytest.raises(CrashError, match="command 4 not entered yet!"):
        history.recall("r 4")
    for line in ("r 0", "r nothing"):
        with pytest.raises(InvalidRecall):
            history.recall(line)
    with pytest.raises(CrashError, match="no commands entered!"):
        History().recall("r")


def test_a_program_named_by_a_number_wins(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    assert history.recall("!2") is None
    assert history.recall("r 2") == "log | tail"


def test_listing(history: History) -> None:
    assert history.listing() == ["[1] bt 1", "[2] log | tail", "[3] bt -a"]
    assert [history.is_listing(line) for line in ("h", "hi", "history", "high_memory", "")] == [
        *(True, True, True),
        *(False, False),
    ]
