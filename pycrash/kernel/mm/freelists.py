"""The free pages of the buddy allocator: blocks of 2**order pages, on lists by order and migrate
type (struct free_area)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.pages import Pages
from pycrash.kernel.mm.zones import Zone, Zones
from pycrash.kernel.walks.lists import Chain, DuplicateEntry

#: The array of struct pages is read in pieces, of which the last so many are kept.
_PIECE = 1 << 16
_MOST_PIECES = 256


class FreeList(NamedTuple):
    """One list of free blocks: its struct free_area, its head's address, and what that points at
    first."""

    zone: Zone
    order: int
    area: int
    migrate_type: int
    head: int
    first: int

    @property
    def pages(self) -> int:
        """Pages of each block on it."""
        return 1 << self.order


class FreeLists:
    """Walks the lists of free blocks. One walker goes to no block twice."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._pages = kernel.part(Pages)
        self._zones = kernel.part(Zones)
        self._seen: dict[int, bytearray] = {}
        self._pieces: dict[int, bytes] = {}

    def of_zone(self, zone: Zone) -> Iterator[FreeList]:
        """The lists of a zone, by order and migrate type. Raises ReadError."""
        for area in self._zones.areas(zone):
            for migrate_type, (head, first) in enumerate(area.heads):
                yield FreeList(zone, area.order, area.address, migrate_type, head, first)

    def blocks(self, found: FreeList) -> Iterator[int]:
        """The first struct pages of the blocks on a list, in its order.

        It ends as crash ends it: at its head, at a null pointer, at its first or second entry
        again. Raises DuplicateEntry behind one that came before on this list or on another one,
        and ReadError.
        """
        if found.first == found.head:
            return
        chain = Chain(found.first, end=found.head)
        second = self._next(found.first, "first list entry")
        here, count, offset = found.first, 0, self._lru
        while True:
            yield here - offset
            if not self._enter(here - offset):
                raise DuplicateEntry(here - offset)
            count += 1
            following = self._next(here, "list entry")
            if chain.over(following, here, second, count):
                return
            here = following

    def _enter(self, page: int) -> bool:
        """Mark a page as seen; False where it was. That costs a byte for each page there is."""
        at, place = divmod(page, _PIECE)
        marks = self._seen.get(at)
        if marks is None:
            marks = self._seen[at] = bytearray(_PIECE // self._pages.size + 1)
        slot = place // self._pages.size
        if marks[slot]:
            return False
        marks[slot] = 1
        return True

    def _next(self, entry: int, what: str) -> int:
        """What a list entry points at. Where one lies that another is near to, all around is read
        at once: lists of small blocks go through much of the page array, in any order."""
        word = self._kernel.word_size
        at, place = divmod(entry, _PIECE)
        piece = self._pieces.get(at)
        if piece is None:
            self._pieces[at] = b""
            if len(self._pieces) > _MOST_PIECES:
                del self._pieces[next(iter(self._pieces))]
        elif not piece:
            piece = self._pieces[at] = self._piece(at)
        if place % word or not piece:
            return self._kernel.read_word(entry, what)
        return self._kernel.unsigned(piece[place : place + word])

    def _piece(self, at: int) -> bytes:
        """A piece of memory; none where not all of it can be read."""
        try:
            return self._kernel.read(at * _PIECE, _PIECE)
        except ReadError:
            return b""

    @cached_property
    def _lru(self) -> int:
        return member_offset(self._kernel.prog, "struct page", "lru")
