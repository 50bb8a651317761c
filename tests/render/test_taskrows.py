"""Lines of what ps shows besides its list."""

from __future__ import annotations

from typing import Literal

import pytest

from pycrash.api import Settings, View
from pycrash.kernel.tasks.limits import Limit
from pycrash.render.columns import centered, clock_time
from pycrash.render.taskrows import LimitsRow, SinceRunRow, StringsRow, task_lines

TASK = (7, 0xFFFF888000001000, 0, "seven")
VIEW = View(Settings())


@pytest.mark.parametrize(
    ("what", "strings", "ended", "lines"),
    [
        ("arguments", ("sh", "-c", "ls"), True, ["ARG: sh -c ls "]),
        ("arguments", ("cut",), False, ["ARG: cut"]),
        ("arguments", (), True, ["ARG: "]),
        ("environment", ("A=1", "B=2"), True, ["ENV: A=1", "     B=2", ""]),
        ("environment", (), True, ["ENV: ", ""]),
        ("environment", ("A=1", "B"), False, ["ENV: A=1", "     B", ""]),
    ],
)
def test_strings(
    what: Literal["arguments", "environment"],
    strings: tuple[str, ...],
    ended: bool,
    lines: list[str],
) -> None:
    assert list(task_lines(StringsRow(what, strings, ended), VIEW)) == lines


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
