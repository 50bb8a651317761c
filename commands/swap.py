"""swap: the swap areas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import Address, Args, Begin, Command, Context, KiB, Row, View
from pycrash.kernel.mm.swap import SwapAreas
from pycrash.render.columns import centered


@dataclass(frozen=True)
class SwapRow(Row, kind="swap.area"):
    """A swap area: `address` is its swap_info_struct, `number` the type in swap entries, `path`
    the file or device, None where it has none. The areas of the highest priority fill first."""

    address: Address
    number: int
    partition: bool
    size: KiB
    used: KiB
    priority: int
    path: str | None


class Swap(Command):
    name = "swap"
    summary = "the swap areas"
    synopsis = " "
    description = (
        "Shows for each swap area in use the address of its swap_info_struct, whether it is a "
        "file or a partition, its size, how much of it is used, its priority, and its name."
    )
    rows = (SwapRow,)
    related = ("mount", "kmem", "vm")
    examples = (("The swap areas", "swap"),)

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        areas = ctx.kernel.part(SwapAreas)
        kib = ctx.kernel.page_size // 1024
        found = areas.all
        yield Begin()
        for area in found:
            path = areas.path(area) if area.file else None
            partition = bool(area.file) and areas.is_partition(area)
            sizes = area.pages * kib, area.used * kib
            yield SwapRow(area.address, area.number, partition, *sizes, area.priority, path)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            if isinstance(row, SwapRow):
                yield _line(row, view)
            else:
                yield "SWAP_INFO_STRUCT    TYPE       SIZE       USED     PCT  PRI  FILENAME"


def _line(row: SwapRow, view: View) -> str:
    address = centered(f"{row.address:x}", max(view.pointer_width, len("SWAP_INFO_STRUCT")))
    size, used = (centered(f"{kib}k", 10, "right") for kib in (row.size, row.used))
    percent = f"{row.used * 100 // row.size if row.size else 0:2}%"
    return (
        f"{address}  {'PARTITION' if row.partition else '  FILE   '} {size} {used} "
        f"{centered(percent, 4, 'right')} {row.priority:4}  "
        f"{'(unknown)' if row.path is None else row.path}"
    )
