"""pte: what a page table entry says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pycrash.api import HEX, Args, Command, Context, Row, View, hexadecimal, many
from pycrash.api.pagerows import PteRow, pte_row
from pycrash.render.pagelines import pte_lines


class Pte(Command):
    name = "pte"
    summary = "what a page table entry says"
    synopsis = "contents ..."
    description = (
        "Takes hexadecimal numbers apart as entries of the lowest level of page tables: the "
        "physical address of the page and the names of the flags, or, where the page was "
        "swapped out, the swap file and the page in it."
    )
    operands = (many(HEX.named("contents")),)
    rows = (PteRow,)
    related = ("vtop", "vm", "kmem")
    examples = (("A page of a user's code", "pte 8000000000ca5025"),)

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        for word in args.operands:
            yield pte_row(ctx.kernel, hexadecimal(word))

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            assert isinstance(row, PteRow)
            yield from pte_lines(row)
