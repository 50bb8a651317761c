"""The kernel's records of physical pages (struct page), found by sections of memory
(CONFIG_SPARSEMEM_EXTREME), and the names of their flags."""

from __future__ import annotations

import struct
from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, constant
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text

#: In mem_section.section_mem_map: the section has memory, and records of its pages.
_PRESENT, _HAS_MAP = 1, 2
#: Flags at the bottom of it where the kernel does not say how many: up to 6.4 there are five.
_FLAG_BITS = 5
#: Where the note does not say how large sections are, before 5.8, on x86-64.
_SECTION_BITS = 27
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
        self._maps: dict[int, int] = {}

    def address(self, physical: int) -> int | None:
        """The struct page of a physical address, None where the kernel keeps none.

        Raises CrashError for an address beyond all sections, and ReadError.
        """
        number = physical >> self._section_bits
        encoded = self._section(number)
        if encoded & (_PRESENT | _HAS_MAP) != _PRESENT | _HAS_MAP:
            return None
        size = self._layout.whole
        return (encoded & self._map_mask) + physical // self._kernel.page_size * size

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
        """The memory that the struct page at an address stands for; None where none is there.

        Raises ReadError.
        """
        section = bisect_right(self._first_pages, (address, self._kernel.word_mask)) - 1
        if section < 0:
            return None
        first, number = self._first_pages[section]
        place, rest = divmod(address - first, self._layout.whole)
        if rest or place * self._kernel.page_size >> self._section_bits:
            return None
        return (number << self._section_bits) + place * self._kernel.page_size

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
        fields = (
            "mapping",
            ("index", "__folio_index"),  # 6.16
            ("_refcount", "_count"),
            ("flags.f", "flags"),  # 6.18
        )
        return Layout(self._kernel.prog, "struct page", fields)

    def _section(self, number: int) -> int:
        """What a section says of its pages (section_mem_map), 0 where there is no section."""
        found = self._maps.get(number)
        if found is None:
            found = self._maps[number] = self._read_section(number)
        return found

    def _read_section(self, number: int) -> int:
        root, place = divmod(number, self._in_root)
        if root >= len(self._roots):
            raise CrashError(f"sparsemem: invalid section number: {number}")
        kernel, at = self._kernel, self._roots[root]
        if not kernel.memory.is_kernel(at):
            return 0
        where = at + place * self._section_layout.whole + self._section_layout.start
        return kernel.read_word(where, "mem_section")

    @cached_property
    def _first_pages(self) -> list[tuple[int, int]]:
        """(address of its first struct page, number) of each section that has pages, by address."""
        found = []
        for root in (root for root, at in enumerate(self._roots) if at):
            for number in range(root * self._in_root, (root + 1) * self._in_root):
                page = self.address(number << self._section_bits)
                if page is not None:
                    found.append((page, number))
        return sorted(found)

    @cached_property
    def _section_layout(self) -> Layout:
        return Layout(self._kernel.prog, "struct mem_section", ("section_mem_map",))

    @cached_property
    def _in_root(self) -> int:
        """Sections that one entry of the root table speaks of."""
        return self._kernel.page_size // self._section_layout.whole

    @cached_property
    def _roots(self) -> tuple[int, ...]:
        """The table of pointers to sections. Raises MissingFeature where there is none."""
        kernel = self._kernel
        try:
            # The note has where the table is, whether it is an array or behind a pointer.
            address = kernel.vmcoreinfo.symbol("mem_section")
            count = kernel.vmcoreinfo.length("mem_section")
        except MissingFeature:
            span = kernel.symbol_span("mem_section")
            if span is None:
                raise MissingFeature("no symbol mem_section in this kernel") from None
            address, count = span[0], span[1] // kernel.word_size
        data = kernel.read(address, count * kernel.word_size, "memory section root table")
        return struct.unpack(f"{kernel.byte_order}{count}{kernel.word}", data)

    @cached_property
    def _section_bits(self) -> int:
        try:
            return self._kernel.vmcoreinfo.number("SECTION_SIZE_BITS")
        except MissingFeature:
            return _SECTION_BITS

    @cached_property
    def _map_mask(self) -> int:
        bits = constant(self._kernel.prog, "SECTION_MAP_LAST_BIT") or _FLAG_BITS
        return self._kernel.word_mask & -(1 << bits)

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
