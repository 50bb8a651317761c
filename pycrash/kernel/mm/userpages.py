"""The pages of a user space, many at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pycrash.errors import CrashError
from pycrash.kernel.core.layout import member_offset
from pycrash.kernel.core.pagetables import Run, SwapEntry
from pycrash.kernel.core.reader import Reader

#: Pages of one block where no table speaks of them one by one, and of an area that is kept.
_MOST = 1 << 16
#: The places of pages that are kept, and what else of an area costs as much.
_MOST_KEPT = 1 << 24
_BESIDES = 64
#: Pages that an area may have though its address space claims fewer (256 MiB of small ones).
_ALWAYS = 1 << 16


class WildArea(CrashError):
    """An area claims more pages than all of its address space: its start or end is damaged."""


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


class UserPages:
    """The pages of user spaces. What was looked at is kept, as long as it is not too much."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._known: dict[tuple[int, int, int, bool], tuple[Block, ...]] = {}
        self._room = _MOST_KEPT

    def blocks(self, mm: int, start: int, end: int) -> Iterator[Block]:
        """The pages of the user space of an mm_struct from `start` up to `end`.

        Raises ReadError, and WildArea behind the pages that there can be.
        """
        end_of_all = start + self._most(mm, (end - start) // self._kernel.page_size)
        if end <= end_of_all:
            yield from self._at_hand(mm, start, end)
            return
        yield from self._read(mm, start, end_of_all)
        raise WildArea(f"area {start:x} - {end:x} is larger than all of its address space")

    def _most(self, mm: int, pages: int) -> int:
        """Bytes that an area of so many pages may have, by mm_struct.total_vm."""
        kernel = self._kernel
        if pages > _ALWAYS:
            at = mm + member_offset(kernel.prog, "struct mm_struct", "total_vm")
            pages = min(pages, max(kernel.read_word(at, "mm_struct total_vm"), _ALWAYS))
        return pages * kernel.page_size

    def _at_hand(self, mm: int, start: int, end: int) -> Iterator[Block]:
        # A page table left out of the dump may read as zeros for a while.
        key = mm, start, end, self._kernel.memory.zero_excluded
        known = self._known.get(key)
        if known is not None:
            return iter(known)
        found = self._read(mm, start, end)
        return found if (end - start) // self._kernel.page_size > _MOST else self._kept(key, found)

    def _kept(self, key: tuple[int, int, int, bool], found: Iterator[Block]) -> Iterator[Block]:
        """Pass blocks on, and keep them if they come to their end."""
        blocks = []
        for block in found:
            blocks.append(block)
            yield block
        self._room -= _BESIDES + sum(len(block.places) for block in blocks)
        if self._room < 0:
            self._known.clear()
            self._room = _MOST_KEPT
        self._known[key] = tuple(blocks)

    def _read(self, mm: int, start: int, end: int) -> Iterator[Block]:
        tables, page = self._kernel.arch.tables, self._kernel.page_size
        for run in tables.user_runs(mm, start, end):
            if run.size != page:
                yield from _large(run, page)
                continue
            places, swapped = run.places, dict[int, SwapEntry]()
            if None in places:
                entries = zip(range(len(places)), run.entries, places, strict=True)
                swapped = {
                    n: tables.swap(entry) for n, entry, at in entries if entry and at is None
                }
            yield Block(run.address, len(places), places, swapped)


def _large(run: Run, page: int) -> Iterator[Block]:
    """The pages that one entry speaks for."""
    (place,) = run.places
    for done in range(0, run.size, _MOST * page):
        size = min(run.size - done, _MOST * page)
        places = () if place is None else range(place + done, place + done + size, page)
        yield Block(run.address + done, size // page, places, {})
