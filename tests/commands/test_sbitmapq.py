"""sbitmapq: its lines, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from commands.sbitmapq import EntryRow, QueueRow, Sbitmapq
from pycrash.api import Context, CrashError, Notice, Part, Row, UsageError, View
from pycrash.kernel.block.bitmapqueues import WaitState
from pycrash.settings import Settings

ROW = QueueRow(
    address=0x1000,
    depth=136,
    busy=2,
    cleared=None,
    bits_per_word=64,
    map_nr=3,
    alloc_hint=(5, 4294967295),
    wake_batch=8,
    wake_index=-1,
    ws_active=0,
    ws=(WaitState(8, True), WaitState(None, False)),
    round_robin=1,
    min_shallow_depth=None,
    bitmap=b"\x11\x22" + bytes(15),
    unread=None,
)


def lines(row: Row, *words: str) -> list[str]:
    command = Sbitmapq()
    return list(command.text(View(Settings()), command.parse(words), [row]))


def test_a_queue() -> None:
    assert lines(ROW) == [
        *("depth = 136", "busy = 2", "bits_per_word = 64", "map_nr = 3"),
        *("alloc_hint = {5, 4294967295}", "wake_batch = 8", "wake_index = -1", "ws_active = 0"),
        *("ws = {", "\t{ .wait_cnt = 8, .wait = active },", "\t{ .wait = inactive },", "}"),
        *("round_robin = 1", "", "00000000: 1122 0000 0000 0000 0000 0000 0000 0000"),
        "00000010: 00",
    ]


def test_lines_end_where_something_could_not_be_read() -> None:
    assert lines(replace(ROW, unread="map")) == ["depth = 136"]
    hints = replace(ROW, unread="alloc_hint", alloc_hint=(5,))
    assert lines(hints)[-2:] == ["map_nr = 3", "alloc_hint = {5, "]
    assert isinstance(lines(hints)[-1], Part)
    assert lines(replace(ROW, unread="ws", ws=ROW.ws[:1]))[-2:] == [
        *("ws = {", "\t{ .wait_cnt = 8, .wait = active },"),
    ]


def test_elements_of_an_array() -> None:
    assert lines(EntryRow(3, 0xFFFF)) == ["3: 0x0000ffff"]
    assert lines(EntryRow(3, 0xFFFF), "-v") == ["3 (0x0000ffff):"]


def said_of(line: str) -> list[str]:
    """The messages of a line that is refused."""
    memory = SimpleNamespace(is_kernel=lambda at: at >= 0x1000)
    ctx = cast(Context, SimpleNamespace(kernel=SimpleNamespace(memory=memory)))
    command, said = Sbitmapq(), list[str]()
    with pytest.raises((CrashError, UsageError)) as caught:
        said.extend(_texts(command.run(ctx, command.parse(line.split()))))
    return [*said, *filter(None, [str(caught.value)])]


def _texts(rows: Iterator[Row]) -> Iterator[str]:
    for row in rows:
        assert isinstance(row, Notice)
        yield row.text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "command argument is required"),
        ("1000 2000", "too many arguments"),
        ("zz", "invalid command argument: zz"),
        ("10", "invalid kernel virtual address: 10"),
        ("-a zz 1000", "invalid -a option: zz"),
        ("-a 2000 -a 2000 1000", "-a option (0x2000) already entered"),
        ("-s a -s b 1000", "-s option (a) already entered"),
        ("-x -d 1000", "-d and -x are mutually exclusive"),
        ("-s a 1000", "-s option requires -a option"),
        ("-a 2000 1000", "-a option is used with -s option only"),
        ("-p 1000", "-p option requires -a option"),
    ],
)
def test_refusals(line: str, said: str) -> None:
    assert said_of(line) == [said]
