"""The lines of runq, made of rows."""

from __future__ import annotations

from collections.abc import Iterable

from commands.runq import ClassRow, GroupRow, LagRow, QueuedRow, QueueRow, Running, Runq
from pycrash.api import Row, View
from pycrash.api.args import parse_args
from pycrash.settings import Settings

RUNNING = Running(7, 0xF00, "spin", 1_500_000)


def lines(words: str, rows: Iterable[Row]) -> list[str]:
    args = parse_args("runq", Runq.flags, words.split())
    return list(Runq().text(View(Settings()), args, iter(rows)))


def queue(cpu: int, current: Running | None = RUNNING) -> QueueRow:
    return QueueRow(cpu, True, 0x100, 12_500_000, 0xF00, current)


def task(depth: int = 0, current: bool = False) -> QueuedRow:
    return QueuedRow(9, 0xE00, 0, "waiter", "fair", 120, depth, current)


def test_a_queue_with_nothing_behind_it_says_so() -> None:
    rows = [queue(0), ClassRow(0, "rt", 0x10), ClassRow(0, "fair", 0x20), task()]
    assert lines("", rows) == [
        "CPU 0 RUNQUEUE: 100",
        '  CURRENT: PID: 7      TASK: f00  COMMAND: "spin"',
        "  RT PRIO_ARRAY: 10",
        "     [no tasks queued]",
        "  CFS RB_ROOT: 20",
        '     [120] PID: 9      TASK: e00  COMMAND: "waiter"',
    ]


def test_groups_stand_below_each_other() -> None:
    def group(depth: int, symbol: str | None, throttled: bool = False) -> GroupRow:
        return GroupRow(0, "fair", 0x30, 0x40, depth, "job", symbol, throttled, 0)

    rows = [queue(0), group(0, "root_task_group"), group(1, None), task(1), group(1, None, True)]
    assert lines("-g", rows)[2:] == [
        "  ROOT_TASK_GROUP: 30  CFS_RQ: 40",
        "     TASK_GROUP: 30  CFS_RQ: 40  <job>",
        '        [120] PID: 9      TASK: e00  COMMAND: "waiter"',
        "     TASK_GROUP: 30  CFS_RQ: 40  <job> (THROTTLED)",
        "        [no tasks queued]",
    ]


def test_clocks_and_times() -> None:
    assert lines("-t", [queue(0), queue(1, None)]) == [
        " CPU 0: 12500000",
        '        01500000  PID: 7      TASK: f00  COMMAND: "spin"',
        " CPU 1: 12500000",
        "",
    ]
    assert lines("-m", [queue(0), queue(1, None)]) == [
        ' CPU 0: [0 00:00:00.011]  PID: 7      TASK: f00  COMMAND: "spin"',
        " CPU 1: [unknown]",
    ]
    assert lines("-T", [LagRow(1, 5, 20_000_000, 2)]) == ["  CPU 1: 0.02 secs"]
