"""eval: arithmetic, and a number in four radices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import (
    EXPRESSION,
    Args,
    Bits,
    Command,
    Context,
    Flag,
    Row,
    UsageError,
    View,
    evaluate,
    many,
    symbol_resolver,
)

_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"))
_BITS_HEAD = "   bits set: "
#: A line of bits ends behind the first that reaches this column.
_BITS_END = 77


@dataclass(frozen=True)
class ValueRow(Row, kind="eval.value"):
    """What an expression comes to, cut to an unsigned long, and the numbers of the bits in it."""

    value: Bits
    bits: tuple[int, ...]


class Eval(Command):
    name = "eval"
    summary = "calculate, and show a number in every radix"
    synopsis = "[-b][-l] (expression) | value"
    description = (
        "Shows a number in hexadecimal, decimal, octal and binary; where it is a whole number of "
        "kilo-, mega- or gigabytes it is shown as that, too, and one with the highest bit set also "
        "as a negative one. An expression is two numbers or symbols and one of + - * / % & | ^ "
        "<< >> and # (to the power of) between. Numbers are decimal where they can be, else "
        "hexadecimal; k, m and g behind them multiply by powers of 1024, and ~ in front inverts "
        "the bits. A word that begins with a parenthesis is the whole expression. What is "
        "calculated is cut to the width of a long."
    )
    flags = (
        Flag("b", "Show the numbers of the bits that are set, too."),
        Flag("l", "Calculate with 64 bits; on a 64-bit machine that is done anyway."),
    )
    operands = (many(EXPRESSION),)
    rows = (ValueRow,)
    related = ("p", "ascii", "ptov")
    examples = (
        ("A number", "eval 4096"),
        ("Which bits are set?", "eval -b (1 << 32)"),
        ("How far are two symbols apart?", "eval _etext - _text"),
    )
    minimal = True

    def parse(self, words: Sequence[str]) -> Args:
        """Options stand in front, and where nothing stands behind -b it is a number to negate."""
        first, second = (*words[:2], "", "")[:2]
        if first in ("-lb", "-bl"):
            letters, count = "lb", 1
        elif first == "-l":
            letters, count = ("lb", 2) if second == "-b" and len(words) > 2 else ("l", 1)
        elif first == "-b" and second == "-l":
            letters, count = "bl", 2
        elif first == "-b" and len(words) > 1:
            letters, count = "b", 1
        else:
            letters, count = "", 0
        if not words[count:]:
            raise UsageError
        return Args(tuple((letter, None) for letter in letters), tuple(words[count:]))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        mask = ctx.kernel.word_mask
        if "l" in args:
            mask = (1 << 64) - 1
        whole = next((word for word in args.operands if word.startswith("(")), None)
        text = f"({' '.join(args.operands).strip()})" if whole is None else whole
        value = evaluate(text, symbol_resolver(ctx.kernel), mask)
        yield ValueRow(value, tuple(bit for bit in range(64) if value >> bit & 1))

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        width = 64 if "l" in args else 8 * view.word_size
        for row in rows:
            assert isinstance(row, ValueRow)
            value = row.value
            negative = f"({value - (1 << width)})" if value >> (width - 1) else ""
            yield f"hexadecimal: {value:x}  {_in_units(value)}"
            yield f"    decimal: {value}  {negative}"
            yield f"      octal: {value:o}"
            yield f"     binary: {value:0{width}b}"
            if "b" in args:
                yield from _bit_lines(row.bits)


def _in_units(value: int) -> str:
    """The number as so many "(4KB)", empty where it is not a whole number of them."""
    for size, unit in _UNITS:
        if value and not value % size:
            return f"({value // size}{unit})"
    return ""


def _bit_lines(bits: Sequence[int]) -> Iterator[str]:
    line = _BITS_HEAD
    for bit in reversed(bits):
        line += f"{bit} "
        if len(line) >= _BITS_END:
            yield line
            line = " " * len(_BITS_HEAD)
    yield line
