"""Names that are like what was typed."""

from __future__ import annotations

import random
from time import process_time

import pytest

from pycrash.matching import Typed, near

NAMES = ["ps", "pte", "p", "foreach", "task_struct", "init_task", "schedule", "sched_clock"]


def test_what_begins_so_fits() -> None:
    assert Typed("ini").best(NAMES) == ["init_task"]
    assert Typed("").best(NAMES) == NAMES
    assert not Typed("INI").fits("init_task")


def test_loose_words_have_their_letters_in_order() -> None:
    assert Typed("INI", loose=True).best(NAMES) == ["init_task"]
    assert Typed("task", loose=True).best(NAMES) == ["task_struct", "init_task"]
    assert Typed("schk", loose=True).best(NAMES) == ["sched_clock"]
    assert not Typed("kcs", loose=True).fits("sched_clock")
    # Numbers are not guessed at, and nothing is no hint.
    assert not Typed("12", loose=True).fits("1a2")
    assert not Typed("", loose=True).fits("ps")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("psx", ["ps"]),
        ("sp", ["p", "ps"]),
        ("forech", ["foreach"]),
        ("froeach", ["foreach"]),
        ("tsak_strutc", ["task_struct"]),
        ("init_tsk", ["init_task"]),
        ("ps", ["p"]),
        ("unlike", []),
        ("", []),
    ],
)
def test_slips(word: str, meant: list[str]) -> None:
    assert near(word, NAMES) == meant


def test_only_the_nearest_that_exist() -> None:
    assert near("abcdefg", ["abcdexx", "abcdefx"]) == ["abcdefx"]
    assert near("abcdefg", ["abcdexx", "abcdefx"], lambda name: name.endswith("xx")) == ["abcdexx"]
    assert len(near("abc", [f"ab{c}" for c in "defghij"])) == 3


def test_it_ends_in_time() -> None:
    chance = random.Random(1)
    names = ["".join(chance.choices("abcdef", k=12)) for _ in range(100_000)]
    start = process_time()
    near("abcdefabcdef", names, limit=0.05)
    assert process_time() - start < 0.5
