from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycrash.render.highlight import LONGEST, highlighted, wants_colour

CODES = re.compile(r"\033\[[0-9;]*m")

LINES = [
    'PID: 122      TASK: ff3d3918028ae7c0  CPU: 0    COMMAND: "insmod"',
    " #0 [ff40cc8180213a98] machine_kexec at ffffffffaee44447",
    "    [exception RIP: crashme_deref+18]",
    "struct list_head {",
    '       PANIC: "Oops: Oops: 0002 [#1] SMP" (check log for details)',
]


@pytest.mark.parametrize("line", LINES)
def test_colours_are_there_and_come_off(line: str) -> None:
    assert highlighted(line) != line
    assert CODES.sub("", highlighted(line)) == line


@given(st.text(st.characters(exclude_characters="\033\n")))
def test_taking_the_colours_off_gives_the_line_back(line: str) -> None:
    assert CODES.sub("", highlighted(line)) == line


def test_a_frame_is_marked_and_a_version_is_not() -> None:
    assert "\033" not in highlighted("6.1.0 #2 SMP")
    assert "\033[01m#2" in highlighted(" #2 [ff40cc8180213a98] die")
    assert "\033" in highlighted("    [exception RIP: crashme_deref+18]").split("[exception")[0]


def test_lines_left_alone() -> None:
    for line in ("", "a\033[1mPID: 1", "PID: " + "x" * LONGEST):
        assert highlighted(line) == line


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour()
    monkeypatch.delenv("NO_COLOR")
    assert wants_colour()
