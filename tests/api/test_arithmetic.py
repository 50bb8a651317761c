"""Arithmetic in operands."""

from __future__ import annotations

import pytest

from pycrash.api import can_evaluate, evaluate
from pycrash.errors import CrashError

MASK = (1 << 64) - 1


def value(text: str) -> int:
    return evaluate(text, {"sym": 0x1000}.get, MASK)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("sym+8", 0x1008),
        ("(sym + 8)", 0x1008),
        ("sym-1", 0xFFF),
        ("1<<4", 16),
        ("ff", 255),
        ("10*10", 100),
        ("~0", MASK),
        ("-1", MASK),
        ("2#8", 256),
        ("1k", 1024),
        ("(1m|1)", (1 << 20) | 1),
        ("7%4", 3),
        ("6^3", 5),
        ("6&3", 2),
        ("8/3", 2),
        ("16>>2", 4),
    ],
)
def test_values(text: str, number: int) -> None:
    assert value(text) == number


@pytest.mark.parametrize("text", ["sym+", "(sym", "x+1", "1/0", "((1))", "1<2", "sym sym"])
def test_what_cannot_be_evaluated(text: str) -> None:
    with pytest.raises(CrashError, match="invalid expression"):
        value(text)


def test_can_evaluate() -> None:
    assert can_evaluate("(anything)")
    assert can_evaluate("a+b")
    assert not can_evaluate("a")
    assert not can_evaluate("+a")
    assert not can_evaluate("a+")
    assert not can_evaluate("()")


def test_why_a_number_is_none_is_said_before() -> None:
    with pytest.raises(CrashError, match="invalid expression") as caught:
        value("(0x12345678901234567)")
    assert "input string too large" in caught.value.before
    with pytest.raises(CrashError, match="invalid expression") as caught:
        value("1+zzz")
    assert caught.value.before == ""


@pytest.mark.parametrize("text", ["()", "~", "1+~"])
def test_a_symbol_without_a_name(text: str) -> None:
    with pytest.raises(CrashError, match="The length of the symbol name is zero!"):
        value(text)


def test_a_power_is_an_int() -> None:
    assert value("2#0x100000001") == 2
    assert value("2#0xffffffff") == 1
