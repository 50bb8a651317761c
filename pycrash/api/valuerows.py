"""The value of an expression, as p and gdb print it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pycrash.api.fields import Address, Hidden
from pycrash.api.rows import Notice, Row
from pycrash.cexpr.gdb.printing import Printed
from pycrash.errors import CrashError, ReadError


@dataclass(frozen=True)
class ValueRow(Row, kind="value"):
    """A value: `number` is its place in the history (`$1`), None of one that has none.

    `symbol` is the variable that the expression begins with; with `cpu` that CPU's part of a
    per-CPU one. `address` is where the value lies, None where it is not in memory. `label` is
    shown in front; `filtered` tells that crash looks through the text before it prints it.
    """

    expression: str
    symbol: str
    cpu: int | None
    number: int | None
    type: str
    address: Address | None
    value: Printed
    warnings: tuple[str, ...]
    label: Hidden[str]
    filtered: Hidden[bool]


def value_row(
    expression: str,
    printed: Printed,
    *,
    symbol: str = "",
    cpu: int | None = None,
    label: str = "",
    filtered: bool = False,
) -> ValueRow:
    """The row of a value. Raises ExprError where the format asked for does not fit it."""
    printed.check()
    number, warnings = printed.number or None, printed.warnings
    place = printed.type, printed.address
    return ValueRow(expression, symbol, cpu, number, *place, printed, warnings, label, filtered)


def value_lines(row: ValueRow) -> Iterator[str]:
    """The lines of a value as gdb prints it, behind its number."""
    yield from row.warnings
    label = f"{row.label} = " if row.label else ""
    number = "" if row.number is None else f"${row.number} = "
    first, *rest = f"{label}{number}{row.value.text}".split("\n")
    if row.filtered:
        # crash breaks the line in front of a brace that has something behind it.
        head, brace, tail = first.partition("{")
        if brace and (tail or not rest):
            yield head
            first = " {" + tail
    yield first
    yield from rest


def why_not(error: CrashError, debug: int, begun: str = "") -> Notice:
    """Why there is no value, behind text that had begun; crash says it of failed reads alone,
    unless it is debugged."""
    cause = error if isinstance(error, ReadError) else None
    told = debug or (cause is not None and not cause.quiet)
    return Notice(str(error), line=begun, quiet=not told, cause=cause)
