"""Lines of what ps shows besides its list."""

from __future__ import annotations

from typing import Literal

import pytest

from pycrash.api import Settings, View
from pycrash.render.columns import centered, clock_time
from pycrash.render.taskrows import Limit, LimitsRow, SinceRunRow, StringsRow, task_lines

TASK = (7, 0xFFFF888000001000, 0, "seven")
VIEW = View(Settings())


@pytest.mark.parametrize(
    ("what", "text", "lines"),
    [
        ("arguments", "sh\0-c\0ls\0", ["ARG: sh -c ls "]),
        ("arguments", "cut", ["ARG: cut"]),
        ("arguments", "", ["ARG: "]),
        ("environment", "A=1\0\0B=2\0", ["ENV: A=1", "     B=2", ""]),
        ("environment", "", ["ENV: ", ""]),
        ("environment", "A=1\0B", ["ENV: A=1", "     B", ""]),
    ],
)
def test_strings(what: Literal["arguments", "environment"], text: str, lines: list[str]) -> None:
    assert list(task_lines(StringsRow(what, text), VIEW)) == lines


def test_limits() -> None:
    row = LimitsRow((Limit("CPU", None, 5), Limit("SIGPENDING", 1275, None)))
    assert list(task_lines(row, VIEW)) == [
        "      RLIMIT     CURRENT       MAXIMUM  ",
        "         CPU   (unlimited)        5     ",
        "  SIGPENDING      1275       (unlimited)",
        "",
    ]


def test_days_are_set_under_those_of_the_clock() -> None:
    day = 86400 * 10**9
    (line,) = task_lines(SinceRunRow(*TASK, 3 * day, 120 * day, "IN"), VIEW)
    assert line.startswith("[  3 00:00:00.000] [IN]  PID: 7 ")


def test_columns() -> None:
    assert centered("abc", 6) == " abc  "
    assert centered("abc", 6, "right") == "  abc "
    assert centered("abcdef", 3) == "abcdef"
    assert clock_time(3661) == "01:01:01"
    assert clock_time(2 * 86400 + 1) == "2 days, 00:00:01"
