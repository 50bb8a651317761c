"""Numbers as operands, read as crash reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pycrash.api.operands.base import Operand
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.api.context import Context

#: The largest unsigned long; as an operand it stands for "no value".
LARGEST = 2**64 - 1
HEX_DIGITS = 16


def is_decimal(text: str) -> bool:
    """Whether text is made of decimal digits (and blanks)."""
    return bool(re.fullmatch(r" *[0-9][0-9 ]*", text))


def is_hexadecimal(text: str) -> bool:
    """Whether text can be read as hexadecimal; an x may stand anywhere, a blank at the end."""
    return bool(re.fullmatch(r"[xX]*[0-9a-fA-F][0-9a-fA-FxX]* ?", text))


def is_number(text: str) -> bool:
    """Whether text is a number, decimal or hexadecimal without 0x."""
    return is_decimal(text) or is_hexadecimal(text)


def decimal(text: str) -> int:
    """A decimal number, at most the largest unsigned long. Raises CrashError."""
    bare = text.lstrip(" ")
    wrong = next((c for c in bare if c not in "0123456789"), "")
    if wrong or not bare:
        raise CrashError(f'{text}: "{wrong}" is not a digit 0 - 9')
    return min(int(bare), LARGEST)


def hexadecimal(text: str) -> int:
    """A hexadecimal number with or without 0x. Raises CrashError."""
    bare = text[2:] if text[:2] in ("0x", "0X") else text
    if len(bare) > HEX_DIGITS:
        raise CrashError(f'input string too large: "{bare}" ({len(bare)} vs {HEX_DIGITS})')
    digits = bare.translate({ord(c): None for c in "xXh"})
    if not all(c in "0123456789abcdefABCDEF" for c in digits):
        raise CrashError(f'invalid input: "{bare}"')
    return int(digits or "0", 16)


def number(text: str, hex_first: bool = False) -> int:
    """A number: decimal if it can be, else hexadecimal; the other way round for `hex_first`.

    Raises CrashError.
    """
    if hex_first and is_hexadecimal(text):
        return hexadecimal(text.rstrip(" "))
    if is_decimal(text):
        return decimal(text)
    if is_hexadecimal(text):
        return hexadecimal(text.rstrip(" "))
    raise CrashError(f"not a valid number: {text}")


def integer(text: str) -> int:
    """A decimal number, wrapped as C's int wraps it. Raises CrashError."""
    return (min(decimal(text), 2**63 - 1) + 2**31) % 2**32 - 2**31


def leading_integer(text: str) -> int:
    """C's atoi: the decimal number at the beginning of a text, 0 where there is none."""
    match = re.match(r"\s*([+-]?\d+)", text)
    return int(match[1]) if match else 0


class Number(Operand[int]):
    """A number: decimal where it can be, else hexadecimal."""

    def parse(self, ctx: Context, text: str) -> int:
        return number(text)


class Hexadecimal(Operand[int]):
    """A hexadecimal number, with or without 0x."""

    def parse(self, ctx: Context, text: str) -> int:
        return hexadecimal(text)


class Decimal(Operand[int]):
    """A decimal number."""

    def parse(self, ctx: Context, text: str) -> int:
        return decimal(text)


COUNT = Number("count", "how many")
OFFSET = Number("offset", "a number of bytes")
HEX = Hexadecimal("value", "a hexadecimal number")
DECIMAL = Decimal("number", "a decimal number")
