"""Addresses as operands: symbols, numbers, and two of them joined by an operator.

The rules and the messages are those of crash, where `(schedule + 0x10)` and `schedule+16`
are an address.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from pycrash.api.kinds import decimal, hexadecimal, is_decimal, is_hexadecimal
from pycrash.errors import CrashError

_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "&": operator.and_,
    "|": operator.or_,
    "*": operator.mul,
    "%": operator.mod,
    "/": operator.floordiv,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "^": operator.xor,
}
_SPLIT = re.compile(r"([^#><+\-&|*/%^]*)(<<|>>|[+\-&|*/%^])(.*)", re.DOTALL)
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_BITS = 64
_MASK = (1 << _BITS) - 1

#: Finds the address of a symbol, None where there is none.
Symbols = Callable[[str], int | None]


def is_expression(text: str) -> bool:
    """Whether text is to be calculated: parentheses around all of it, or an operator in it."""
    if len(text) > 2 and text[0] == "(" and text[-1] == ")" and text.count("(") == 1:
        return text.count(")") == 1
    at = next((i for i, c in enumerate(text) if c in "><+-&|*/%^"), -1)
    return 0 < at < len(text) - 1


def calculate(text: str, symbols: Symbols) -> int:
    """The value of an expression, wrapped to 64 bits. Raises CrashError."""
    wrong = CrashError(f"invalid expression: {text}")
    work = text
    if "(" in text or ")" in text:
        if text[0] != "(" or text.find(")") != len(text) - 1 or text.count("(") > 1:
            raise wrong
        work = text[1:-1]
    if work.startswith("-"):
        work = "0" + work
    parts = _SPLIT.fullmatch(work)
    if parts is None:
        value = _value(work, symbols)
        if value is None:
            raise wrong
        return value
    left, right = (_value(parts[n], symbols) for n in (1, 3))
    if left is None or right is None or (parts[2] in "/%" and not right):
        raise wrong
    if parts[2] in ("<<", ">>"):
        right %= _BITS
    return _OPERATORS[parts[2]](left, right) & _MASK


def address(text: str, symbols: Symbols) -> int:
    """An expression, a number in hexadecimal, or a symbol. Raises CrashError."""
    if is_expression(text):
        return calculate(text, symbols)
    if is_hexadecimal(text):
        return hexadecimal(text.rstrip(" "))
    value = symbols(text)
    if value is None:
        raise CrashError(f'cannot convert "{text}"')
    return value


def _value(text: str, symbols: Symbols) -> int | None:
    """A symbol's address, or a number with k, m or g for its unit behind; None for neither."""
    text = text.strip(" ")
    found = symbols(text)
    if found is not None:
        return found
    unit = _UNITS.get(text[-1:].lower(), 1)
    digits = text if unit == 1 else text[:-1]
    if is_decimal(digits):
        return decimal(digits) * unit & _MASK
    if is_hexadecimal(digits):
        return hexadecimal(digits) * unit & _MASK
    return None
