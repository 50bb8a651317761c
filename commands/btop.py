"""btop: the number of the page that a byte lies in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import (
    HEX,
    Address,
    Args,
    Command,
    Context,
    Row,
    UsageError,
    View,
    hexadecimal,
    many,
)


@dataclass(frozen=True)
class PageNumberRow(Row, kind="btop.page"):
    """An address, and the number of the page it lies in."""

    address: Address
    pfn: int


class Btop(Command):
    name = "btop"
    summary = "the numbers of the pages that addresses lie in"
    synopsis = "address ..."
    description = "Shows for each hexadecimal address, as a rule a physical one, its page's number."
    operands = (many(HEX.named("address")),)
    rows = (PageNumberRow,)
    related = ("ptob", "vtop", "kmem")
    examples = (("The page of an address", "btop 512a0f0"),)

    def parse(self, words: Sequence[str]) -> Args:
        return Args(operands=tuple(words))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if not args.operands:
            raise UsageError
        for word in args.operands:
            address = hexadecimal(word)
            yield PageNumberRow(address, address // ctx.kernel.page_size)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            assert isinstance(row, PageNumberRow)
            yield f"{row.address:x}: {row.pfn:x}"
