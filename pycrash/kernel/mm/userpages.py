"""The pages of a user space, many at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pycrash.kernel.core.pagetables import Run, SwapEntry
from pycrash.kernel.core.reader import Reader

#: Pages of one block where no table speaks of them one by one.
_MOST = 1 << 16


@dataclass(frozen=True)
class Block:
    """Pages beside each other: `count` of them from `address` on.

    `places` has the physical address of each that is in memory, and is empty where none is;
    `swapped` where those are, by their number in the block, that were swapped out.
    """

    address: int
    count: int
    places: Sequence[int | None]
    swapped: dict[int, SwapEntry]


def blocks(kernel: Reader, mm: int, start: int, end: int) -> Iterator[Block]:
    """The pages of the user space of an mm_struct from `start` up to `end`. Raises ReadError."""
    page, swap = kernel.page_size, kernel.arch.tables.swap
    for run in kernel.arch.tables.user_runs(mm, start, end):
        if run.size != page:
            yield from _large(run, page)
            continue
        entries, places = run.entries, run.places
        gone = () if None not in places else zip(range(len(places)), entries, places, strict=True)
        swapped = {number: swap(entry) for number, entry, at in gone if entry and at is None}
        yield Block(run.address, len(places), places, swapped)


def _large(run: Run, page: int) -> Iterator[Block]:
    """The pages that one entry speaks for."""
    (place,) = run.places
    for done in range(0, run.size, _MOST * page):
        size = min(run.size - done, _MOST * page)
        places = () if place is None else range(place + done, place + done + size, page)
        yield Block(run.address + done, size // page, places, {})
