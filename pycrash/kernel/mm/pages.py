"""The kernel's records of physical pages (struct page), and the names of their flags."""

from __future__ import annotations

from bisect import bisect_right
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.mm.sections import Sections

#: The members of struct page that a Page has, behind its addresses.
PAGE_FIELDS = (
    "mapping",
    ("index", "__folio_index"),  # 6.16
    ("_refcount", "_count"),
    ("flags.f", "flags"),  # 6.18
)
_MOST_FLAGS = 64
_LONGEST_NAME = 64


class Page(NamedTuple):
    """One struct page as it stands: `mapping` the owner with marks in its low bits, `offset` the
    page's place in it (index), `users` the references (_refcount), 0 of a free page."""

    address: int
    physical: int
    mapping: int
    offset: int
    users: int
    flags: int


class Pages:
    """Physical addresses to pages."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._sections = kernel.part(Sections)

    def address(self, physical: int) -> int | None:
        """The struct page of a physical address, None where the kernel keeps none.

        Raises CrashError for an address beyond all sections, and ReadError.
        """
        section = self._sections.get(physical >> self._sections.bits)
        if section is None or not section.has_pages:
            return None
        return self._sections.coded(section) + physical // self._kernel.page_size * self.size

    def get(self, physical: int) -> Page:
        """The page of a physical address that has a record. Raises CrashError, ReadError."""
        address = self.address(physical)
        if address is None:
            raise CrashError(f"no page of physical address {physical:x}")
        layout = self._layout
        data = self._kernel.read(address + layout.start, layout.size, "virtual page struct cache")
        start = physical & -self._kernel.page_size
        return Page(address, start, *layout.unpack(data))

    def physical(self, address: int) -> int | None:
        """The memory that the struct page at an address stands for; None where none is there."""
        section = bisect_right(self._first_pages, (address, self._kernel.word_mask)) - 1
        if section < 0:
            return None
        first, number = self._first_pages[section]
        place, rest = divmod(address - first, self.size)
        if rest or place * self._kernel.page_size >> self._sections.bits:
            return None
        return (number << self._sections.bits) + place * self._kernel.page_size

    @property
    def size(self) -> int:
        """Bytes of a struct page."""
        return self._layout.whole

    def flag(self, name: str) -> int:
        """The bit of a flag, 0 where this kernel has none of that name."""
        return next((mask for mask, flag in self._flags if flag == name), 0)

    def flag_names(self, flags: int) -> tuple[str, ...]:
        """The names of the flags of a page, in the kernel's order."""
        return tuple(name for mask, name in self._flags if flags & mask)

    @cached_property
    def zeros(self) -> frozenset[int]:
        """The physical addresses of the page of zeros and of the large one, where known."""
        return frozenset(filter(None, map(self._zeros, ("zero_pfn", "huge_zero_pfn"))))

    def _zeros(self, name: str) -> int | None:
        kernel = self._kernel
        at = kernel.symbol_address(name)
        if at is None:
            return None
        try:
            return kernel.read_word(at, f"read {name}") * kernel.page_size
        except ReadError:
            return None

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self._kernel.prog, "struct page", PAGE_FIELDS)

    @cached_property
    def _first_pages(self) -> list[tuple[int, int]]:
        """(address of its first struct page, number) of each section that has pages, by address.

        Where the sections are damaged those before the first that cannot be read.
        """
        found = []
        with suppress(ReadError):  # kept: who goes over pages would run into it at each
            for section in self._sections.all:
                page = self.address(self._sections.start(section))
                if page is not None:
                    found.append((page, section.number))
        return sorted(found)

    @cached_property
    def _flags(self) -> tuple[tuple[int, str], ...]:
        """(mask, name) of each flag, by the kernel's own table (pageflag_names)."""
        kernel = self._kernel
        span = kernel.symbol_span("pageflag_names")
        if span is None:
            return ()
        layout = Layout(kernel.prog, "struct trace_print_flags", ("mask", "name"))
        count = min(span[1] // layout.whole, _MOST_FLAGS)
        data = kernel.read(span[0], count * layout.whole, "pageflag_names array")
        found = []
        for at in range(0, len(data), layout.whole):
            mask, name = layout.unpack(data, at + layout.start)
            if not name:
                break
            found.append((mask, read_text(kernel, name, "pageflag_names entry", _LONGEST_NAME)))
        return tuple(found)
