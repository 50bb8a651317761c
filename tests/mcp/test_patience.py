"""Calls end in time, and leave their thread as it was."""

from __future__ import annotations

import contextlib
import time
from functools import partial

import pytest

from pycrash.mcp.patience import TooLong, within


def count() -> int:
    """Goes on for ever."""
    number = 0
    while True:
        number += 1


def test_a_call_in_time() -> None:
    assert within(5, lambda: 7) == 7
    with pytest.raises(KeyError):
        within(5, lambda: {}[1])  # type: ignore[index]


def test_a_call_that_is_late_and_what_comes_behind_it() -> None:
    for _ in range(3):
        with pytest.raises(TooLong):
            within(0.02, count)
    assert sum(range(100_000)) > 0


def test_one_that_takes_every_exception_is_ended_too() -> None:
    def deaf() -> None:
        while True:
            with contextlib.suppress(Exception):
                count()

    with pytest.raises(TooLong):
        within(0.02, deaf)


def test_calls_that_end_as_they_are_late() -> None:
    for delay in range(40):
        with contextlib.suppress(TooLong):
            within(0.001, partial(time.sleep, delay / 20_000))
    # Nothing is on its way any more.
    for _ in range(10_000):
        pass
