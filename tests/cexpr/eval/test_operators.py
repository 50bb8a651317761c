"""Operators on plain numbers."""

from __future__ import annotations

import math

import pytest

from pycrash.cexpr.eval.operators import INTEGER, divide, float_operation, wrapped
from pycrash.cexpr.syntax.errors import ExprError


def test_wrapped() -> None:
    assert wrapped(0x180, 8, signed=True) == -128
    assert wrapped(0x180, 8, signed=False) == 0x80
    assert wrapped(-1, 32, signed=False) == 0xFFFFFFFF


def test_division_cuts_towards_zero() -> None:
    assert [divide(a, b) for a, b in ((7, 2), (-7, 2), (7, -2), (-7, -2))] == [3, -3, -3, 3]
    assert [INTEGER["%"](a, b) for a, b in ((7, 3), (-7, 3), (7, -3))] == [1, -1, 1]


def test_floats() -> None:
    assert float_operation("/", 1.0, 0.0) == math.inf
    assert float_operation("/", -1.0, 0.0) == -math.inf
    assert math.isnan(float_operation("/", 0.0, 0.0))
    with pytest.raises(ExprError):
        float_operation("&", 1.0, 2.0)
