"""task on a kernel made by hand: whom it takes, and what it says of words that are nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.task import TaskStructs
from pycrash.api import Context, Notice, Settings, TaskHeader, View
from pycrash.api.structrows import Fields, StructRow
from pycrash.cexpr.structures.structs import Shown


def part(path: str, *lines: str) -> Shown:
    return Shown(path, lambda: lines, cast(Any, None))


def rows() -> list[Any]:
    header = TaskHeader(1, 0x1000, 0, "init")
    whole = StructRow("task_struct", 0x1000, Fields([part("", "struct task_struct {", "}")]))
    info = StructRow("thread_info", 0x2000, Fields([part("", "struct thread_info {", "}")]))
    member = StructRow("task_struct", 0x1000, Fields([part("pid", "  pid = 1,")]))
    return [header, whole, info, header, member]


HEAD = 'PID: 1        TASK: 1000              CPU: 0    COMMAND: "init"'


def test_each_task_ends_with_a_blank_line() -> None:
    command = TaskStructs()
    shown = list(command.text(View(Settings()), command.parse([]), rows()))
    assert shown == [
        *(HEAD, "struct task_struct {", "}", "", "struct thread_info {", "}", ""),
        *(HEAD, "  pid = 1,", ""),
    ]


def test_under_foreach_the_header_is_foreachs() -> None:
    command = TaskStructs()
    each = View(Settings(), each=True)
    assert list(command.text(each, command.parse([]), rows()[1:3]))[-1] == ""
    assert list(command.text(each, command.parse(["-R", "nosuch"]), [])) == []
    assert list(command.text(each, command.parse(["-R", "pid"]), rows()[3:])) == [
        *(HEAD, "  pid = 1,", "")
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["99"], "invalid task or pid value: 99\n"),
        (["zz"], "invalid task, pid, or task_struct member: zz\n"),
    ],
)
def test_words_that_are_nothing(words: list[str], said: str) -> None:
    tasks = SimpleNamespace(by_pid=lambda pid: [], by_address={})
    types = SimpleNamespace(types=SimpleNamespace(find=lambda name: None))
    kernel = SimpleNamespace(tasks=tasks, part=lambda make: types)
    ctx = Context(cast(Any, kernel), Settings(), cast(Any, None), cast(Any, None))
    command = TaskStructs()
    first = next(command.run(ctx, command.parse(words)))
    assert isinstance(first, Notice)
    assert first.text == said
