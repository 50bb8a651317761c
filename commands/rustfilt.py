"""rustfilt: the readable name of a Rust symbol."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import (
    Args,
    Command,
    Context,
    Part,
    Row,
    UsageError,
    View,
    Word,
    one,
)
from pycrash.render.rust import demangle


@dataclass(frozen=True)
class RustNameRow(Row, kind="rustfilt.name"):
    """A symbol as it is written in the file, and what it says; None where it is none of Rust's."""

    symbol: str
    name: str | None


class Rustfilt(Command):
    name = "rustfilt"
    summary = "a Rust symbol made readable"
    synopsis = "<symbol>"
    description = (
        "Shows the name that stands behind a symbol of code written in Rust, in either of the "
        "two manglings of its compiler."
    )
    operands = (one(Word("symbol", "a mangled name")),)
    rows = (RustNameRow,)
    related = ("sym", "dis")
    examples = (("A function", "rustfilt _RNvNtCs1234_7mycrate3foo3bar"),)
    minimal = True

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if not args.operands:
            raise UsageError
        symbol = args.operands[0]
        yield RustNameRow(symbol, demangle(symbol))

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            assert isinstance(row, RustNameRow)
            if row.name is None:
                yield "Not a rust symbol: "
            # crash ends no line here.
            yield Part(row.symbol if row.name is None else row.name)
