"""Operators on plain numbers, as C computes them."""

from __future__ import annotations

import math
from collections.abc import Callable

from pycrash.cexpr.syntax.errors import ExprError


def wrapped(value: int, bits: int, signed: bool) -> int:
    """A number cut to so many bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def divide(a: int, b: int) -> int:
    """Division that cuts towards zero, as C's."""
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


INTEGER: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": divide,
    "%": lambda a, b: a - divide(a, b) * b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
}


def float_operation(op: str, a: float, b: float) -> float:
    if op == "+":
        return a + b
    if op == "-":
        return a - b
    if op == "*":
        return a * b
    if op == "/":
        if b:
            return a / b
        return math.nan if not a or math.isnan(a) else math.copysign(math.inf, a)
    raise ExprError("Integer-only operation on a floating-point number.")
