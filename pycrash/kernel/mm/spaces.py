"""Spaces of addresses as page frames: what lies behind each page of the kernel's areas, of a user
space, of stacks, of physical memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from pycrash.errors import CrashError
from pycrash.kernel.core.layout import type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.nodes import Nodes
from pycrash.kernel.mm.pages import Pages
from pycrash.kernel.mm.vmalloc import VmapAreas
from pycrash.kernel.modules.table import ModuleTable
from pycrash.kernel.symbols.table import SymbolTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pycrash.kernel.core.pagetables import Run

#: Pages handed on at a time.
MOST = 4096
#: No kernel's sections of memory are smaller.
_LEAST_SECTION = 1 << 24

#: The frames of a page that is not mapped.
_NOTHING = np.full(1, -1)

AreaKind = Literal["direct", "image", "vmalloc", "modules", "vmemmap"]


class Piece(NamedTuple):
    """Pages in a row, at most `MOST`: the address of the first, and the page frame of each, below
    0 where nothing is mapped."""

    address: int
    frames: NDArray[np.int64]


class KernelArea(NamedTuple):
    """A part of the kernel's space: the direct map of memory, the kernel's image, what vmalloc
    gives out, modules where they lie elsewhere, the records of pages."""

    kind: AreaKind
    start: int
    end: int


class Spaces:
    """The page frames behind addresses, in crash's order."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._tables = kernel.arch.tables
        self._shift = kernel.page_size.bit_length() - 1
        self._with_records: dict[int, bool] = {}

    @cached_property
    def kernel_areas(self) -> list[KernelArea]:
        """Those of this kernel by where they start. Raises CrashError where one is not known."""
        tables, symbols = self._tables, self._kernel.part(SymbolTable)
        top = self._kernel.read_word(symbols.address("high_memory"), "high_memory")
        found = [KernelArea("direct", tables.direct_start, top)]
        if tables.image_start is not None:
            found.append(KernelArea("image", tables.image_start, symbols.address("_end")))
        starts = {area.name: area.first for area in tables.ranges}
        if "vmalloc" in starts:
            areas = self._vmalloc_areas
            found.append(KernelArea("vmalloc", starts["vmalloc"], areas[-1][1] if areas else 0))
        if self._modules and not self._is_vmalloc(self._modules[0][0], starts.get("vmalloc", 0)):
            end = -(-max(end for _, end in self._modules) // self._kernel.page_size)
            first = self._modules[0][0]
            found.append(KernelArea("modules", first, end * self._kernel.page_size))
        records = starts.get("vmemmap")
        if records is not None and not self._is_vmalloc(records, 0):
            found.append(KernelArea("vmemmap", records, self._records_end))
        return sorted(found, key=lambda area: area.start)

    def kernel(self, kind: AreaKind, start: int, end: int) -> Iterator[Piece]:
        """The pages of a kernel area from the one `start` lies in up to `end`. Raises ReadError."""
        start &= -self._kernel.page_size
        if kind in ("direct", "image"):
            return self._linear(start, end)
        if kind == "vmemmap":
            return self._mapped(start, end)
        areas = self._vmalloc_areas if kind == "vmalloc" else self._modules
        return self._within(areas, start, end)

    def user(self, mm: int, start: int, end: int) -> Iterator[Piece]:
        """The pages of the user space of an mm_struct. Raises ReadError."""
        start &= -self._kernel.page_size
        for run in self._tables.user_runs(mm, start, self._page_end(end)):
            yield from self._of_run(run)

    def physical(self, start: int, end: int) -> Iterator[Piece]:
        """The pages of memory, up to those of the last node."""
        start &= -self._kernel.page_size
        _, high = self.physical_span
        return self._row(start, min(end, high), start)

    @cached_property
    def physical_span(self) -> tuple[int, int]:
        """Where the memory of the first node starts, and that of the last one ends."""
        page, nodes = self._kernel.page_size, self._kernel.part(Nodes).all
        return nodes[0].first * page, (nodes[-1].first + nodes[-1].pages) * page

    def stack(self, start: int, size: int) -> Piece:
        """The pages of a stack, up to the first that is not mapped. Raises ReadError."""
        page, found = self._kernel.page_size, list[int]()
        start &= -page
        if not self._tables.is_mapped(start):
            return next(self._linear(start, start + size), Piece(start, _NOTHING))
        for run in self._tables.kernel_runs(start, self._page_end(start + size)):
            for place in run.places:
                if place is None:
                    return Piece(start, np.array(found, np.int64) >> self._shift)
                found += range(place, place + run.size, page)
        return Piece(start, np.array(found, np.int64) >> self._shift)

    def have_records(self, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Of which page frames the kernel keeps a struct page."""
        units, lines = np.unique(
            frames >> (_LEAST_SECTION.bit_length() - 1 - self._shift), return_inverse=True
        )
        known = np.array([self._has_records(unit) for unit in units.tolist()], np.bool_)
        found: NDArray[np.bool_] = known[lines]
        return found

    def _has_records(self, unit: int) -> bool:
        if unit not in self._with_records:
            try:
                page = None if unit < 0 else self._pages.address(unit * _LEAST_SECTION)
            except CrashError:
                page = None
            self._with_records[unit] = page is not None
        return self._with_records[unit]

    def _linear(self, start: int, end: int) -> Iterator[Piece]:
        """Pages that are known by arithmetic.

        The image's area may begin below the image, and so below all memory.
        """
        physical = self._tables.kernel_physical(start)
        if physical is None:
            return iter(())
        half = (self._kernel.word_mask >> 1) + 1
        return self._row(start, end, (physical + half) % (2 * half) - half)

    def _row(self, start: int, end: int, physical: int) -> Iterator[Piece]:
        """Addresses in a row to memory in a row."""
        first = physical >> self._shift
        count = -(-(end - start) // self._kernel.page_size)
        for done in range(0, count, MOST):
            frames = np.arange(first + done, first + min(done + MOST, count), dtype=np.int64)
            yield Piece(start + done * self._kernel.page_size, frames)

    def _mapped(self, start: int, end: int) -> Iterator[Piece]:
        """Pages that the kernel's tables say."""
        for run in self._tables.kernel_runs(start, self._page_end(end)):
            yield from self._of_run(run)

    def _of_run(self, run: Run) -> Iterator[Piece]:
        if run.size == self._kernel.page_size:
            places = (-1 if place is None else place >> self._shift for place in run.places)
            yield Piece(run.address, np.fromiter(places, np.int64, len(run.places)))
        elif run.places[0] is not None:
            yield from self._row(run.address, run.address + run.size, run.places[0])

    def _within(self, areas: list[tuple[int, int]], start: int, end: int) -> Iterator[Piece]:
        """What is mapped within areas; crash also takes what is mapped in a row from the start."""
        place = bisect_right(areas, (start, self._kernel.word_mask))
        if not (place and start < areas[place - 1][1]):
            start = yield from self._stretch(start, end)
        for low, high in areas[max(place - 1, 0) :]:
            if low >= end:
                break
            if high > start:
                yield from self._mapped(max(low, start), min(high, end))

    def _stretch(self, start: int, end: int) -> Generator[Piece, None, int]:
        """The pages that are mapped in a row; returns where the first that is not ends."""
        while start < end:
            frames = self._some(start, end)
            missing = np.flatnonzero((frames < 0) | ~self.have_records(frames))
            if len(missing):
                yield Piece(start, frames[: missing[0]])
                return start + (int(missing[0]) + 1) * self._kernel.page_size
            yield Piece(start, frames)
            start += len(frames) * self._kernel.page_size
        return end

    def _some(self, start: int, end: int) -> NDArray[np.int64]:
        """The frames of at least one page, of more where that is known at once."""
        if self._tables.is_mapped(start):
            run = next(self._tables.kernel_runs(start, self._page_end(end)))
            return next(self._of_run(run), Piece(start, _NOTHING)).frames
        areas = (area.first for area in self._tables.ranges if area.first > start)
        return next(self._linear(start, min(end, *areas)), Piece(start, _NOTHING)).frames

    def _page_end(self, end: int) -> int:
        """The end of the page that the address before `end` lies in."""
        return -(-end // self._kernel.page_size) * self._kernel.page_size

    def _is_vmalloc(self, address: int, least: int) -> bool:
        """Whether an address is in one of the areas of vmalloc, from an address on."""
        return any(max(low, least) <= address < high for low, high in self._vmalloc_areas)

    @cached_property
    def _vmalloc_areas(self) -> list[tuple[int, int]]:
        return sorted((area.start, area.end) for area in self._kernel.part(VmapAreas).all)

    @cached_property
    def _modules(self) -> list[tuple[int, int]]:
        """The ranges of memory of modules; those of init functions only where each has its own."""
        modules = self._kernel.part(ModuleTable).all
        ranges = (span for module in modules for span in module.ranges if span.kind != "INIT")
        return sorted((span.base, span.end) for span in ranges)

    @property
    def _records_end(self) -> int:
        """Where the records of the last node's pages end."""
        last = self._kernel.part(Nodes).all[-1]
        first = self._pages.address(last.first * self._kernel.page_size) or 0
        return first + last.pages * (type_size(self._kernel.prog, "struct page") or 0)

    @property
    def _pages(self) -> Pages:
        return self._kernel.part(Pages)
