from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycrash.render.highlight import (
    LONGEST,
    Painter,
    alarming,
    cautious,
    highlighted,
    wants_colour,
)

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


def coloured(line: str) -> dict[str, str]:
    """The coloured parts of a line, and their codes."""
    return {
        text: code for code, text in re.findall(r"\033\[(\d+)m([^\033]+)\033", highlighted(line))
    }


RED, GREEN, YELLOW, MAGENTA, GREY = "31", "32", "33", "35", "90"
BRIGHT_RED, BRIGHT_BLUE, BRIGHT_MAGENTA = "91", "94", "95"


@pytest.mark.parametrize(
    ("line", "part", "code"),
    [
        # The exception's frame, and in it the function.
        ("    [exception RIP: crashme_deref+18]", "[exception RIP: ", RED),
        ("    [exception RIP: crashme_deref+18]", "crashme_deref", BRIGHT_RED),
        # Modules: behind a function, a place in it, a symbol.
        (" #7 [ff30dd53404e3d30] level2 at ffffffffc010f055 [crashme]", "[crashme]", BRIGHT_BLUE),
        ("ffffffffc0146000 (t) lo_open [loop]", "[loop]", BRIGHT_BLUE),
        ("[    1.2] RIP: 0010:deref+0x1/0x10 [crashme]", "[crashme]", BRIGHT_BLUE),
        ("ffffffffc010f000 MODULE TEXT START: crashme", "crashme", BRIGHT_BLUE),
        # States of tasks: ps, ps -m, ps -S.
        ("    9    2   0  ff1816ac026e0000  UN   0.0     0     0  mutex", "UN", RED),
        (">   9    2   0  ff1816ac026e0000  RU   0.0     0     0  mutex", "RU", GREEN),
        ("    9    2   0  ff1816ac026e0000  ZO   0.0     0     0  mutex", "ZO", BRIGHT_MAGENTA),
        ('[0 00:00:00.007] [UN]  PID: 1  TASK: 0  CPU: 0  COMMAND: "x"', "UN", RED),
        ("  UN: 2", "UN", RED),
        # The log: its levels, a level with its facility, words where there is no level.
        ("[    0.000000] <3>out of luck", "out of luck", RED),
        ("[    0.000000] <4>no luck", "no luck", YELLOW),
        ("[    0.000000] <12>a daemon's warning", "a daemon's warning", YELLOW),
        ("<2>no stamp", "no stamp", RED),
        ("[Mon Nov 23 13:08:33 UTC 2026] Oops: 0002", "Oops: 0002", RED),
        ("[    0.000000] Call Trace:", "Call Trace:", RED),
        ("[    0.000000] WARNING: CPU: 0 PID: 1", "WARNING: CPU: 0 PID: 1", YELLOW),
        ("[    0.000000] all is well", "[    0.000000] ", GREY),
        # What is not there.
        ("0           (not accessible)", "(not accessible)", BRIGHT_MAGENTA),
        ("page 0 <excluded>", "<excluded>", BRIGHT_MAGENTA),
        ("comm = (unreadable)", "(unreadable)", BRIGHT_MAGENTA),
        ("x: seek error: kernel virtual address: 0", "seek error", BRIGHT_MAGENTA),
    ],
)
def test_what_something_means_has_its_colour(line: str, part: str, code: str) -> None:
    assert coloured(line)[part] == code


@pytest.mark.parametrize(
    ("line", "part"),
    [
        # Names in brackets that are no modules, words that are no states.
        ("    2    0   0  ff1816ac001a1600  IN   0.0     0     0  [kthreadd]", "[kthreadd]"),
        ("[    0.000000] <6>all is well", "all is well"),
        ("CPU: 0 UN", "UN"),
        ("     [no tasks queued]", "[no tasks queued]"),
    ],
)
def test_what_only_looks_like_it_has_none(line: str, part: str) -> None:
    assert part in line
    assert part not in coloured(line)


def test_registers_of_user_space_are_set_apart() -> None:
    paint = Painter()
    kernel = "    RIP: ffffffffc010f040  RSP: ff30dd53404e3d30  RFLAGS: 00000246"
    user = "    RIP: 000000000047fbe9  RSP: 00007ffe4849b968  RFLAGS: 00000246"
    more = "    RAX: ffffffffffffffda  RBX: 000000000fb31590  RCX: 000000000047fbe9"
    marked = f"\033[{MAGENTA}m"
    assert not paint(kernel).startswith(marked)
    assert not paint(more).startswith(marked)
    assert paint(user).startswith(marked)
    assert paint(more).startswith(marked)
    # Another line ends them.
    paint("")
    assert not paint(more).startswith(marked)
    assert paint("     PC: 0000aaaad47fbe90   LR: 0000aaaad47fbe90   SP: 0000ffff").startswith(
        marked
    )
    assert not paint("     PC: ffff800080010000  [panic+8]").startswith(marked)


def test_messages_have_colour_line_by_line() -> None:
    assert CODES.sub("", alarming("\nbt: no\nsuch\n")) == "\nbt: no\nsuch\n"
    assert alarming("\nbt: no\nsuch\n").count(f"\033[{RED}m") == 2
    assert cautious("WARNING: well").startswith(f"\033[{YELLOW}m")


def test_lines_left_alone() -> None:
    for line in ("", "a\033[1mPID: 1", "PID: " + "x" * LONGEST):
        assert highlighted(line) == line


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour()
    monkeypatch.delenv("NO_COLOR")
    assert wants_colour()
