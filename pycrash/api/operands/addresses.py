"""Addresses and symbols as operands, and the arithmetic crash allows in them.

That is two numbers or symbols and one operator: `schedule+16`, `(init_task + 0x10)`. Numbers
are decimal where they can be, else hexadecimal; k, m and g behind them multiply by powers of
1024; a tilde in front inverts the bits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pycrash.api.operands.base import Offer, Operand
from pycrash.api.operands.numbers import hexadecimal, is_hexadecimal, is_number, number
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.api.context import Context
    from pycrash.kernel.kernel import Kernel
    from pycrash.matching import Typed

_OPERATORS = "#><+-&|*/%^"
_SUFFIXES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}

#: Gives the address of a symbol, None for a name that is none.
Resolver = Callable[[str], int | None]


def is_symbol_name(text: str) -> bool:
    """Whether a word can be a symbol's name: it has no brackets and no operators."""
    return bool(re.fullmatch(r"[A-Za-z_.$][\w.$@]*", text))


def symbol_resolver(kernel: Kernel) -> Resolver:
    """What finds the addresses of a kernel's symbols."""

    def resolve(name: str) -> int | None:
        symbol = kernel.symbols.by_name(name) if is_symbol_name(name) else None
        return symbol.address if symbol is not None else None

    return resolve


def can_evaluate(text: str) -> bool:
    """Whether a word looks like arithmetic: something in brackets, or about an operator."""
    if re.fullmatch(r"\([^()]+\)", text):
        return True
    at = next((i for i, c in enumerate(text) if c in _OPERATORS and c != "#"), -1)
    return 0 < at < len(text) - 1


class NoName(CrashError):
    """A symbol of no name is looked up."""

    def __init__(self) -> None:
        super().__init__("The length of the symbol name is zero!")


class _Malformed(Exception):
    """The text is no arithmetic."""


def evaluate(text: str, resolve: Resolver, mask: int, hex_first: bool = False) -> int:
    """The value of `a`, `a+b` or `(a << b)`, cut to the bits of `mask`.

    Raises CrashError; before it is said what is wrong with a number that is none.
    """
    wrong = CrashError(f"invalid expression: {text}")
    try:
        return _evaluate(text, resolve, mask, hex_first)
    except NoName:
        raise
    except CrashError as error:
        wrong.before = str(error)
    except (_Malformed, ArithmeticError):
        pass
    raise wrong


def _evaluate(text: str, resolve: Resolver, mask: int, hex_first: bool) -> int:
    work = text
    if "(" in text or ")" in text:
        if not (text.startswith("(") and text.endswith(")")):
            raise _Malformed
        work = text[1:-1]
        if "(" in work or ")" in work:
            raise _Malformed
    if work.startswith("-"):
        work = "0" + work
    at = next((i for i, c in enumerate(work) if c in _OPERATORS), -1)
    if at < 0:
        return _element(work, resolve, mask, hex_first)
    operator = work[at]
    if operator in "<>":
        if work[at + 1 : at + 2] != operator:
            raise _Malformed
        left, right = work[:at], work[at + 2 :]
    else:
        left, right = work[:at], work[at + 1 :]
    left, right = left.strip(), right.strip()
    if not (left and right):
        raise _Malformed
    first = _element(left, resolve, mask, hex_first)
    second = _element(right, resolve, mask, hex_first)
    return _apply(operator, first, second) & mask


def _element(text: str, resolve: Resolver, mask: int, hex_first: bool) -> int:
    inverted = text.startswith("~")
    text = text[1:] if inverted else text
    if not text:
        raise NoName
    value = resolve(text)
    if value is None:
        factor = _SUFFIXES.get(text[-1:].lower(), 1)
        digits = text[:-1] if factor > 1 else text
        if not is_number(digits):
            raise _Malformed
        value = number(digits, hex_first) * factor
    return (~value if inverted else value) & mask


def _apply(operator: str, a: int, b: int) -> int:
    if operator in "<>":
        # The machine takes a shift's count modulo its width.
        return a << (b & 63) if operator == "<" else a >> (b & 63)
    if operator == "#":
        # The power is an int: a negative one multiplies not once.
        return pow(a, max((b + (1 << 31)) % (1 << 32) - (1 << 31), 0), 1 << 64)
    results: dict[str, Callable[[int, int], int]] = {
        "+": int.__add__,
        "-": int.__sub__,
        "*": int.__mul__,
        "/": int.__floordiv__,
        "%": int.__mod__,
        "&": int.__and__,
        "|": int.__or__,
        "^": int.__xor__,
    }
    return results[operator](a, b)


def address_of(text: str, resolve: Resolver, mask: int) -> int:
    """An expression, a number in hexadecimal, or a symbol. Raises CrashError."""
    if can_evaluate(text):
        return evaluate(text, resolve, mask)
    if is_hexadecimal(text):
        return hexadecimal(text.rstrip(" "))
    value = resolve(text)
    if value is None:
        raise CrashError(f'cannot convert "{text}"')
    return value


class SymbolKind(Operand[int]):
    """A symbol's name; what it says is the symbol's address."""

    def parse(self, ctx: Context, text: str) -> int:
        value = symbol_resolver(ctx.kernel)(text)
        if value is None:
            raise CrashError(f'cannot convert "{text}"')
        return value

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        kept = len(text) - len(text.lstrip("&*("))
        symbols = ctx.kernel.symbols
        for name in symbols.fitting(text.part(text[kept:])):
            yield Offer(name, symbols.sort_of(name), kept)


class AddressKind(SymbolKind):
    """An address: in hexadecimal, as a symbol, or as an expression of these."""

    def parse(self, ctx: Context, text: str) -> int:
        return address_of(text, symbol_resolver(ctx.kernel), ctx.kernel.word_mask)


SYMBOL = SymbolKind("symbol", "a symbol of the kernel or of a module")
ADDRESS = AddressKind("address", "an address in hexadecimal, a symbol, or an expression of both")
EXPRESSION = AddressKind("expression", "an expression of numbers and symbols")
