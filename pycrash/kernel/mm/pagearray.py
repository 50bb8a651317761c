"""The array of struct pages as a whole, piece by piece: large machines have many millions."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import Layout, constant
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.pages import PAGE_FIELDS, Page, Pages
from pycrash.kernel.mm.sections import Section, Sections

if TYPE_CHECKING:
    import numpy as np

#: How many pages are looked at together.
_PIECE = 1 << 15
#: crash's word for what is read.
_WHAT = "virtual page struct cache"
#: Damaged sections claim memory that there never was: so many one behind the other, of which not
#: one struct page is there, are the end.
_MOST_MISSING = 16
#: What of a Page the members are, in the order of PAGE_FIELDS; the count of users is signed.
_NAMES = ("mapping", "offset", "users", "flags")


class PagePiece(NamedTuple):
    """Successive struct pages: the address of the first, the physical address of the first page,
    the distances of both, and the members asked for as a structured array."""

    page: int
    physical: int
    size: int
    page_size: int
    members: np.ndarray[Any, Any]

    def pages(self) -> Iterator[Page]:
        """One by one, of a piece with the members that a Page has."""
        count = len(self.members)
        yield from map(
            Page,
            range(self.page, self.page + count * self.size, self.size),
            range(self.physical, self.physical + count * self.page_size, self.page_size),
            *(self.members[name].tolist() for name in _NAMES),
        )


class PageArray:
    """All struct pages of a kernel. What a dump lacks of them reads as zeros, as in crash."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._pages, self._sections = kernel.part(Pages), kernel.part(Sections)

    def pieces(self) -> Iterator[PagePiece]:
        """All of them, by their numbers, each with what a Page has. Raises ReadError."""
        for page, physical, data in self.raw():
            yield self.piece(page, physical, data)

    def piece(self, page: int, physical: int, data: bytes) -> PagePiece:
        """Struct pages as they stand in memory, with what a Page has."""
        import numpy as np

        members = np.frombuffer(data, self._kind)
        return PagePiece(page, physical, self._pages.size, self._kernel.page_size, members)

    def raw(self) -> Iterator[tuple[int, int, bytes]]:
        """All of them as they stand: the address of a first one, the physical address of its
        page, and the bytes of some. Raises ReadError behind too much that is not there."""
        missing: list[Section] = []
        for section in self._sections.all:
            # One without records has addresses too, as if it had.
            if (yield from self._section(section)):
                missing.clear()
                continue
            missing.append(section)
            if len(missing) > _MOST_MISSING:
                address = self._sections.coded(missing[0])
                raise ReadError(address & self._kernel.word_mask, _WHAT)

    def count_shared(self) -> int:
        """Pages with several users that are not reserved. Raises ReadError."""
        reserved = 1 << (constant(self._kernel.prog, "PG_reserved") or 0)
        total = 0
        for piece in self.pieces():
            free_for_all = (piece.members["flags"] & reserved) == 0
            total += int((free_for_all & (piece.members["users"] > 1)).sum())
        return total

    def _section(self, section: Section) -> Generator[tuple[int, int, bytes], None, bool]:
        """Those of a section; whether any of them is there."""
        there = False
        size, page_size = self._pages.size, self._kernel.page_size
        start = self._sections.start(section)
        first = self._sections.coded(section) + start // page_size * size
        count = (1 << self._sections.bits) // page_size
        for number in range(0, count, _PIECE):
            here = min(_PIECE, count - number)
            at = first + number * size
            data = self._read(at, here * size)
            there = there or data is not None
            yield at, start + number * page_size, bytes(here * size) if data is None else data
        return there

    def _read(self, address: int, size: int) -> bytes | None:
        """Part of the array, zeros in place of each page of memory that cannot be read; None where
        none can."""
        kernel = self._kernel
        try:
            return kernel.read(address, size, _WHAT)
        except ReadError:
            pass
        found, end, there = [], address + size, False
        while address < end:
            count = min(kernel.page_size - address % kernel.page_size, end - address)
            try:
                found.append(kernel.read(address, count, _WHAT))
                there = True
            except ReadError:
                found.append(bytes(count))
            address += count
        return b"".join(found) if there else None

    @cached_property
    def _kind(self) -> np.dtype[Any]:
        """The members of a struct page that a Page has."""
        import numpy as np

        layout, order = (
            Layout(self._kernel.prog, "struct page", PAGE_FIELDS),
            self._kernel.byte_order,
        )
        fields = [field if isinstance(field, str) else field[0] for field in PAGE_FIELDS]
        signs = ("i" if name == "users" else "u" for name in _NAMES)
        return np.dtype(
            {
                "names": _NAMES,
                "formats": [
                    f"{order}{sign}{layout.width(field)}"
                    for sign, field in zip(signs, fields, strict=True)
                ],
                "offsets": [layout.at(field) for field in fields],
                "itemsize": self._pages.size,
            }
        )
