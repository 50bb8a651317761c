"""Sections of physical memory (struct mem_section, CONFIG_SPARSEMEM_EXTREME), each with its part
of the array of struct pages."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, MissingFeature
from pycrash.kernel.core.layout import Layout, constant
from pycrash.kernel.core.reader import Reader

#: In mem_section.section_mem_map: the section has memory, and records of its pages.
PRESENT, HAS_MAP = 1, 2
MARKS = ((PRESENT, "present"), (HAS_MAP, "map"), (4, "online"), (8, "early"), (16, "device"))
#: Flags at the bottom of it where the kernel does not say how many: up to 6.4 there are five.
_FLAG_BITS = 5
#: Where the note does not say how large sections are, before 5.8, on x86-64.
_SECTION_BITS = 27


class Section(NamedTuple):
    """One mem_section: its number, its address, and section_mem_map as it stands: where the
    struct page of page frame 0 would be, and marks at the bottom."""

    number: int
    address: int
    encoded: int

    @property
    def has_pages(self) -> bool:
        """Whether the kernel keeps struct pages for it."""
        return self.encoded & (PRESENT | HAS_MAP) == PRESENT | HAS_MAP


class Sections:
    """The sections of a kernel. What goes through all of them reads each root once."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._known: dict[int, Section | None] = {}

    @property
    def all(self) -> Iterator[Section]:
        """Those with memory, by number. Raises ReadError, MissingFeature."""
        for root, at in enumerate(self._roots):
            if at and self._kernel.memory.is_kernel(at):  # nearly all are 0
                yield from self._of_root(root, at)

    def get(self, number: int) -> Section | None:
        """The section of a number, None where there is none.

        Raises CrashError for one beyond all, and ReadError.
        """
        if number not in self._known:
            self._known[number] = self._read(number)
        return self._known[number]

    def start(self, section: Section) -> int:
        """The physical address where a section begins."""
        return section.number << self.bits

    def coded(self, section: Section) -> int:
        """Where the struct page of page frame 0 would be, seen from a section."""
        return section.encoded & self._map_mask

    @cached_property
    def bits(self) -> int:
        """A section has this power of 2 of bytes."""
        try:
            return self._kernel.vmcoreinfo.number("SECTION_SIZE_BITS")
        except MissingFeature:
            return _SECTION_BITS

    def _read(self, number: int) -> Section | None:
        root, place = divmod(number, self._in_root)
        if root >= len(self._roots):
            raise CrashError(f"sparsemem: invalid section number: {number}")
        kernel, at = self._kernel, self._roots[root]
        if not kernel.memory.is_kernel(at):
            return None
        address = at + place * self._layout.whole
        encoded = kernel.read_word(address + self._layout.start, "mem_section")
        return Section(number, address, encoded) if encoded else None

    def _of_root(self, root: int, at: int) -> Iterator[Section]:
        layout, first = self._layout, root * self._in_root
        data = self._kernel.read(at, self._in_root * layout.whole, "mem_section")
        for place in range(self._in_root):
            (encoded,) = layout.unpack(data, place * layout.whole + layout.start)
            if encoded & PRESENT:
                yield Section(first + place, at + place * layout.whole, encoded)

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self._kernel.prog, "struct mem_section", ("section_mem_map",))

    @cached_property
    def _in_root(self) -> int:
        """Sections that one entry of the root table speaks of."""
        return self._kernel.page_size // self._layout.whole

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
    def _map_mask(self) -> int:
        bits = constant(self._kernel.prog, "SECTION_MAP_LAST_BIT") or _FLAG_BITS
        return self._kernel.word_mask & -(1 << bits)
