"""How the areas of user spaces and their pages are shown."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import repeat

from pycrash.api.context import View
from pycrash.api.header import TaskHeader, header_line
from pycrash.api.rows import Begin, Gap, Row
from pycrash.api.structrows import StructRow, struct_lines
from pycrash.api.vmrows import (
    AreaList,
    ByPages,
    FlagsRow,
    MmRow,
    NoArea,
    PageBlock,
    PagesBegin,
    VirtualPageRow,
    VmaRow,
)
from pycrash.kernel.mm.swap import UNKNOWN
from pycrash.render.columns import centered

#: User spaces whose lines are kept at hand.
_MOST_LISTS = 1 << 15


def vma_heading(view: View) -> str:
    """The heading of a list of areas."""
    return _heading(view.pointer_width, view.user_digits)


@lru_cache
def _heading(width: int, digits: int) -> str:
    start, end = centered("START", digits, "right"), centered("END", digits, "right")
    return f"{centered('VMA', width)} {start} {end}  FLAGS FILE"


def vma_line(row: VmaRow, view: View) -> str:
    """The line of an area."""
    place = row.address, row.start, row.end, row.flags
    return _area_line(*place, row.path, view.pointer_width, view.user_digits)


def _area_line(
    vma: int, start: int, end: int, flags: int, path: str, width: int, digits: int
) -> str:
    return f"{vma:^{width}x} {start:{digits}x} {end:{digits}x} {flags:6x} {path}"


@lru_cache(_MOST_LISTS)
def _area_lines(areas: AreaList, width: int, digits: int) -> tuple[str, ...]:
    """The lines of the areas of a user space, of which tasks share many."""
    return tuple(_area_line(*vma[:4], path, width, digits) for vma, path in areas.areas)


class VmText:
    """Makes lines of the rows of user spaces."""

    def __init__(self, view: View, referring: bool) -> None:
        self._view = view
        self._referring = referring
        self._digits = 0
        self._start_over()

    def _start_over(self) -> None:
        """A task begins. With -R: which area was shown last under a heading, whether pages were
        since then, and the area that is shown if pages of it are."""
        self._headed: VmaRow | None = None
        self._paged = False
        self._by_pages = False
        self._current: VmaRow | None = None

    def lines(self, row: Row) -> Iterator[str]:
        view = self._view
        if isinstance(row, AreaList):
            yield vma_heading(view)
            yield from _area_lines(row, view.pointer_width, view.user_digits)
        elif isinstance(row, VmaRow):
            yield from self._area(row)
        elif isinstance(row, PageBlock):
            yield _block_text(row, view, self._digits)
        elif isinstance(row, VirtualPageRow):
            yield _page_line(row, view, self._digits)
        elif isinstance(row, TaskHeader):
            self._start_over()
            yield header_line(row, view.word_size)
        elif isinstance(row, MmRow):
            yield from _mm_lines(row, view)
        elif isinstance(row, PagesBegin):
            yield from self._pages(row)
        elif isinstance(row, ByPages):
            self._by_pages = True
        elif isinstance(row, NoArea):
            yield "(not found)"
        elif isinstance(row, Begin):
            yield vma_heading(view)
        elif isinstance(row, Gap):
            yield ""
        elif isinstance(row, StructRow):
            yield from struct_lines(row, view)
        elif isinstance(row, FlagsRow):
            yield f"{row.flags:x}: ({'|'.join(row.flag_names)})"

    def _area(self, row: VmaRow) -> Iterator[str]:
        self._current = row
        if self._by_pages:
            self._by_pages = False
            return
        if self._referring and (self._headed is None or self._paged):
            self._headed, self._paged = row, False
            yield vma_heading(self._view)
        yield vma_line(row, self._view)

    def _pages(self, row: PagesBegin) -> Iterator[str]:
        view = self._view
        self._digits, self._paged = row.digits, True
        if self._referring and self._headed is not self._current and self._current is not None:
            self._headed = self._current
            yield vma_heading(view)
            yield vma_line(self._current, view)
        yield f"{'VIRTUAL':{view.user_digits}}  {'PHYSICAL':{row.digits}}"


def _mm_lines(row: MmRow, view: View) -> Iterator[str]:
    width = view.pointer_width
    yield f"{'MM':^{width}}  {'PGD':^{width}}  {'RSS':^6}  TOTAL_VM"
    rss, vsz = f"{row.rss}k", f"{row.vsz}k"
    yield f"{row.mm:^{width}x}  {row.pgd:^{width}x}  {rss:^6}  {vsz:^8}"


def _block_text(row: PageBlock, view: View, digits: int) -> str:
    """The lines of many pages, joined for speed."""
    block, width = row.block, view.user_digits
    pages = range(block.address, block.address + block.count * row.size, row.size)
    placed = zip(pages, block.places or repeat(None), strict=False)
    if row.offset is None:
        lines = [
            f"{page:<{width}x}  (not mapped)"
            if place is None
            else f"{page:<{width}x}  {place:{digits}x}"
            for page, place in placed
        ]
    else:
        away, file = row.offset - block.address, f"  FILE: {row.path}  OFFSET: "
        lines = [
            f"{page:<{width}x}{file}{page + away:x}"
            if place is None
            else f"{page:<{width}x}  {place:{digits}x}"
            for page, place in placed
        ]
    for number in row.swapped:
        lines[number] = _page_line(row.row(number), view, digits)
    return "\n".join(lines)


def _page_line(row: VirtualPageRow, view: View, digits: int) -> str:
    place = f"{row.address:<{view.user_digits}x}  "
    if row.physical is not None:
        return f"{place}{row.physical:{digits}x}"
    if row.swap is not None:
        return f"{place}SWAP: {row.swap or UNKNOWN}  OFFSET: {row.swap_offset}"
    if row.path is not None:
        return f"{place}FILE: {row.path}  OFFSET: {row.offset:x}"
    return f"{place}(not mapped)"
