"""The memory of a user space, piece by piece: by page tables, and by the cached pages of files."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Literal, NamedTuple

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.problems import Problems
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.folios import Folios
from pycrash.kernel.mm.pages import Pages
from pycrash.kernel.mm.userpages import Block, UserPages
from pycrash.kernel.mm.vmas import VM_HUGETLB, Vma, Vmas
from pycrash.kernel.vfs.files import Files
from pycrash.kernel.vfs.pagecache import PageCache

#: Pages read in one go.
_MOST = 256

#: Why memory is not in the dump: it is in a swap area, it was left out or cannot be read, no
#: page of the file was in memory, or the page tables of it cannot be read.
Absence = Literal["swapped", "excluded", "not cached", "no page table"]


class Piece(NamedTuple):
    """Memory at an address: its `data`, or None; then nobody ever wrote to it and it is zeros, or
    it is `absent` from the dump. `error` is the read that failed."""

    address: int
    size: int
    data: bytes | None = None
    absent: Absence | None = None
    error: ReadError | None = None


class UserMemory:
    """The memory of user spaces."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def pieces(self, area: Vma, size: int) -> Iterator[Piece]:
        """The first bytes of an area, whole pages, by rising address."""
        at, end = area.start, area.start + size
        try:
            source = self._source(area)
            for block in self._kernel.part(UserPages).blocks(area.mm, at, end):
                for piece in self._of_block(block, area, source):
                    at = piece.address + piece.size
                    yield piece
        except ReadError as error:
            yield Piece(at, end - at, None, "no page table", error)
            return
        if at < end:  # what lies behind user addresses
            yield Piece(at, end - at, None, "no page table")

    def _source(self, area: Vma) -> Source | None:
        """What untouched pages hold; None where that is zeros. Raises ReadError."""
        kernel, vmas = self._kernel, self._kernel.part(Vmas)
        if not area.file:
            if not vmas.is_special(area):
                return None
            image = _vdso(kernel) if vmas.name(area) == "[vdso]" else None
            return Source() if image is None else KernelImage(kernel, *image)
        # The cache of huge pages counts in other units.
        large = area.flags & VM_HUGETLB
        mapping = None if large else kernel.part(Files).open_file(area.file).mapping
        return CachedPages(kernel, mapping) if mapping else Source()

    def _of_block(self, block: Block, area: Vma, source: Source | None) -> Iterator[Piece]:
        page = self._kernel.page_size
        first = (block.address - area.start + area.offset) // page
        untouched: Absence | None = None if source is None else "not cached"
        if source is not None and not source.any(first, block.count):
            source = None
        if not block.places and not block.swapped and source is None:
            yield Piece(block.address, block.count * page, None, untouched)
            return
        numbers = range(block.count)
        places = [_place(block, number, first, source) for number in numbers]
        # A run is of pages beside each other in memory, or of pages that are missing alike.
        for _, group in groupby(numbers, lambda n: _run_of(places[n], n, page)):
            run = list(group)
            at, place = block.address + run[0] * page, places[run[0]]
            if isinstance(place, int):
                yield from self._read(at, place, len(run))
            else:
                yield Piece(at, len(run) * page, None, place or untouched)

    def _read(self, at: int, place: int, count: int) -> Iterator[Piece]:
        """Pages beside each other in memory."""
        page, read = self._kernel.page_size, self._kernel.memory.read_physical
        for first in range(0, count, _MOST):
            size = min(_MOST, count - first) * page
            here, physical = at + first * page, place + first * page
            try:
                yield Piece(here, size, read(physical, size, "user page"))
            except ReadError as error:
                if size == page:
                    yield Piece(here, page, None, "excluded", error)
                    continue
                for step in range(0, size, page):
                    yield from self._read(here + step, physical + step, 1)


def _place(
    block: Block, number: int, first: int, source: Source | None
) -> int | Literal["swapped"] | None:
    """The physical address of a page, None for one that was never touched. The block begins with
    the page of number `first` in the source."""
    place = block.places[number] if block.places else None
    if place is None and number in block.swapped:
        return "swapped"
    if place is None and source is not None:
        return source.at(first + number)
    return place


def _run_of(place: int | str | None, number: int, page: int) -> int | str | None:
    return place - number * page if isinstance(place, int) else place


class Source:
    """What is in an area's pages that nobody touched, asked for by rising number. This one does
    not know."""

    def any(self, first: int, count: int) -> bool:
        """Whether one of some pages is known."""
        return False

    def at(self, number: int) -> int | None:
        """The physical address of a page, None for one that is not known."""
        return None


class KernelImage(Source):
    """The vDSO, which is a part of the kernel's image from `start` up to `end`."""

    def __init__(self, kernel: Reader, start: int, end: int) -> None:
        self._kernel = kernel
        self._start = start
        self._count = (end - start) // kernel.page_size

    def any(self, first: int, count: int) -> bool:
        return first < self._count

    def at(self, number: int) -> int | None:
        if number >= self._count:
            return None
        where = self._start + number * self._kernel.page_size
        return self._kernel.arch.tables.kernel_physical(where)


class CachedPages(Source):
    """The cached pages of a file."""

    def __init__(self, kernel: Reader, mapping: int) -> None:
        self._kernel = kernel
        self._page = kernel.page_size
        self._found = kernel.part(PageCache).placed(mapping, kernel.part(Problems).add)
        self._first, self._count, self._physical = -1, 1, 0

    def any(self, first: int, count: int) -> bool:
        return self.at(first) is not None or self._first < first + count

    def at(self, number: int) -> int | None:
        while self._first + self._count <= number:
            self._advance()
        if number < self._first:
            return None
        return self._physical + (number - self._first) * self._page

    def _advance(self) -> None:
        """Take the next folio."""
        pages, folios = self._kernel.part(Pages), self._kernel.part(Folios)
        for first, address in self._found:
            try:
                physical = pages.physical(address)
                if physical is None:
                    continue
                count = folios.pages(pages.get(physical))
            except ReadError as error:
                self._kernel.part(Problems).add(error)
                continue
            self._first, self._count, self._physical = first, count, physical
            return
        self._first, self._count = 1 << 64, 1


def _vdso(kernel: Reader) -> tuple[int, int] | None:
    """Where the kernel has the vDSO of 64-bit programs."""
    image = kernel.symbol_address("vdso_image_64")
    if image is None:
        start, end = kernel.symbol_address("vdso_start"), kernel.symbol_address("vdso_end")
        return None if start is None or end is None else (start, end)
    layout = Layout(kernel.prog, "struct vdso_image", ("data", "size"))
    data = kernel.read(image + layout.start, layout.size, "vdso_image")
    start, size = layout.unpack(data)
    return start, start + size
