"""The lines of waitq, and its operands."""

from __future__ import annotations

import pytest

from commands.waitq import QueueRow, WaiterRow, Waitq
from pycrash.api import Args, Text, UsageError, View
from pycrash.settings import Settings
from tests.commands.crowd import Crowd


def lines(*rows: QueueRow | WaiterRow) -> list[str]:
    return list(Waitq().text(View(Settings()), Args(), rows))


def test_an_empty_queue_is_told() -> None:
    assert lines(QueueRow(0x10, "log_wait", 0)) == ['wait queue "log_wait" (10) is empty']
    assert lines(QueueRow(0x10, None, 0)) == ["wait queue 10 is empty"]


def test_waiters() -> None:
    rows = (QueueRow(0x10, None, 1), WaiterRow(7, 0xF00, 1, "daemon", 0x20))
    assert lines(*rows) == ['PID: 7        TASK: f00               CPU: 1    COMMAND: "daemon"']


@pytest.mark.parametrize("words", [[], ["a", "b", "c"]])
def test_one_or_two_operands(words: list[str]) -> None:
    with pytest.raises(UsageError):
        Waitq().parse(words)


@pytest.mark.parametrize("word", [".Ltmp1", "a-b.c"])
def test_what_no_structure_can_be_called(word: str) -> None:
    struct, _, member = word.partition(".")
    crowd = Crowd()
    rows = list(Waitq().run(crowd.context, Args(operands=(word, "5"))))
    assert rows == [Text(f"{member} is not a member of {struct}")]


def test_there_are_no_flags() -> None:
    assert Waitq().parse(["-x"]).operands == ("-x",)
