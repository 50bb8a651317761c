"""The lines of timer, made of rows."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.timer import (
    ClockRow,
    CpuRow,
    HighTimerRow,
    JiffiesRow,
    TimerRow,
    Timers,
    WheelRow,
    _timers,
)
from pycrash.api import Row, View
from pycrash.api.args import parse_args
from pycrash.errors import ReadError
from pycrash.settings import Settings

PLACE = ("f+16", "f+0x10")


def lines(words: str, rows: Iterable[Row], radix: int = 10) -> list[str]:
    settings = Settings()
    settings.radix = radix
    args = parse_args("timer", Timers.flags, words.split())
    return list(Timers().text(View(settings), args, iter(rows)))


def test_wheels_of_two_cpus() -> None:
    rows = [
        JiffiesRow(100),
        WheelRow(0, True, 0x10, "BASE_LOCAL", 0),
        TimerRow(0xFFFF888000000010, 99, -1, 0xFFFFFFFF81000010, "f+16", PLACE),
        WheelRow(0, True, 0x20, "BASE_GLOBAL", 1),
        WheelRow(0, True, 0x30, "BASE_DEF", 2),
        WheelRow(1, True, 0x40, "BASE_LOCAL", 0),
    ]
    assert lines("", rows, 16) == [
        "JIFFIES",
        "    100",
        "",
        "TIMER_BASES[0][BASE_STD]: 10",
        "  EXPIRES     TTE     TIMER_LIST     FUNCTION",
        "       99   -1  ffff888000000010  ffffffff81000010  <f+0x10>",
        "TIMER_BASES[0][BASE_DEF]: 20",
        "  EXPIRES     TTE     TIMER_LIST     FUNCTION",
        "  (none)",
        "",
        "TIMER_BASES[1][BASE_STD]: 40",
        "  EXPIRES     TTE     TIMER_LIST     FUNCTION",
        "  (none)",
    ]


def test_clocks() -> None:
    rows = [
        CpuRow(0, True, 0x10),
        ClockRow(0, 0, 0x20, "ktime_get", 1000),
        HighTimerRow(0xFFFF888000000010, 1500, 1500, 500, 0xFFFFFFFF81000010, "f+16", PLACE),
        HighTimerRow(0xFFFF888000000020, None, None, None, None, "", ("", "")),
        HighTimerRow(0xFFFF888000000030, 123456789012, 123456789013, 123456788013, None, "", PLACE),
        ClockRow(0, 1, 0x30, None, 1000),
    ]
    assert lines("-r", rows) == [
        "CPU: 0  HRTIMER_CPU_BASE: 10",
        "  CLOCK: 0  HRTIMER_CLOCK_BASE: 20  [ktime_get]",
        "     CURRENT  ",
        "      1000    ",
        "   SOFTEXPIRES     EXPIRES         TTE          HRTIMER           FUNCTION    ",
        "      1500          1500               500  ffff888000000010  ffffffff81000010  <f+16>",
        "  (destroyed timer)",
        "  123456789012  123456789013  123456788013  ffff888000000030  ",
        "",
        "  CLOCK: 1  HRTIMER_CLOCK_BASE: 30",
        "  (empty)",
    ]


def test_the_one_wheel_of_older_kernels() -> None:
    rows = [
        JiffiesRow(100),
        WheelRow(0, True, 0x10, "", 0),
        TimerRow(0xFFFF888000000010, 12345678, 5, 0xFFFFFFFF81000010, "f+16", PLACE),
        WheelRow(1, True, 0x20, "", 0),
    ]
    assert lines("", rows) == [
        "TVEC_BASES[0]: 10",
        " JIFFIES",
        "     100",
        " EXPIRES  TTE     TIMER_LIST         FUNCTION    ",
        "12345678    5  ffff888000000010  ffffffff81000010  <f+16>",
        "TVEC_BASES[1]: 20",
        "JIFFIES",
        "    100",
        "EXPIRES  TTE     TIMER_LIST         FUNCTION    ",
    ]


@pytest.mark.parametrize(("live", "functions"), [(False, [10, 50, 99]), (True, [10, 50])])
def test_what_was_a_timer_of_a_running_kernel_is_none(live: bool, functions: list[int]) -> None:
    """10 is code, 50 a descriptor of 10, and 99 neither."""

    def read_word(address: int, what: str) -> int:
        if address != 50:
            raise ReadError(address, what)
        return 10

    timers = [(1, 5, function) for function in (10, 50, 99)]
    kernel = SimpleNamespace(
        is_live=live,
        word_size=8,
        part=lambda part: SimpleNamespace(timers=lambda wheel: timers),
        symbols=SimpleNamespace(is_text=lambda at: at == 10, text=lambda at, radix=10: "f"),
        read_word=read_word,
    )
    rows = _timers(
        cast(Any, SimpleNamespace(kernel=kernel)), cast(Any, SimpleNamespace(address=0)), 0
    )
    assert [row.function for row in rows if isinstance(row, TimerRow)] == functions
