"""ptob: the address at which a page begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import COUNT, Address, Args, Command, Context, Row, UsageError, View, many, number


@dataclass(frozen=True)
class PageStartRow(Row, kind="ptob.page"):
    """The number of a page, and the address of its first byte."""

    pfn: int
    address: Address


class Ptob(Command):
    name = "ptob"
    summary = "the addresses at which pages begin"
    synopsis = "page_number ..."
    description = (
        "Shows for each number of a page the address of its first byte. A number is decimal "
        "unless it has hexadecimal digits or begins with 0x."
    )
    operands = (many(COUNT.named("page_number", "the number of a page")),)
    rows = (PageStartRow,)
    related = ("btop", "ptov", "vtop")
    examples = (("Where a page begins", "ptob 0x512a"),)

    def parse(self, words: Sequence[str]) -> Args:
        return Args(operands=tuple(words))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if not args.operands:
            raise UsageError
        for word in args.operands:
            pfn = number(word)
            yield PageStartRow(pfn, pfn * ctx.kernel.page_size & (1 << 64) - 1)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            assert isinstance(row, PageStartRow)
            yield f"{row.pfn:x}: {row.address:x}"
