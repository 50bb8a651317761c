from __future__ import annotations

import pytest

from pycrash.api import address_of, can_evaluate, evaluate
from pycrash.errors import CrashError

MASK = 2**64 - 1
SYMBOLS = {"schedule": 0xFFFFFFFF81000000, "a": 7}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("schedule", 0xFFFFFFFF81000000),
        ("10", 0x10),
        ("0x10", 0x10),
        ("(schedule + 0x10)", 0xFFFFFFFF81000010),
        ("schedule+16", 0xFFFFFFFF81000010),
        ("(1 << 12)", 0x1000),
        ("8-9", 0xFFFFFFFFFFFFFFFF),
        ("2*1k", 2048),
        ("ff%16", 15),
    ],
)
def test_values(text: str, value: int) -> None:
    assert address_of(text, SYMBOLS.get, MASK) == value


@pytest.mark.parametrize("text", ["zzz", "", "schedulex"])
def test_what_is_nothing(text: str) -> None:
    with pytest.raises(CrashError, match=f'cannot convert "{text}"'):
        address_of(text, SYMBOLS.get, MASK)


@pytest.mark.parametrize("text", ["(1+2)+3", "1+zzz", "4/0", "4%0", "(1"])
def test_expressions_that_cannot_be_calculated(text: str) -> None:
    with pytest.raises(CrashError, match="invalid expression"):
        evaluate(text, SYMBOLS.get, MASK)


def test_what_counts_as_an_expression() -> None:
    assert can_evaluate("(10)")
    assert can_evaluate("a+b")
    assert not can_evaluate("+b")
    assert not can_evaluate("a-")
    assert not can_evaluate("()")
    assert not can_evaluate("schedule")
