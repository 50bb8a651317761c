"""Zones of memory (struct zone): how large they are, what is free in them, their counters."""

from __future__ import annotations

import struct
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, constant, find_member
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.mm.nodes import Node, Nodes

_LONGEST_NAME = 64
#: More zones than a kernel has, and more orders of free blocks.
_MOST_ZONES = 16
_MOST_ORDERS = 64
_MOST_LISTS = 64
#: Watermarks, in the kernel's order: WMARK_MIN, WMARK_LOW, WMARK_HIGH.
_MARKS = 3


class Zone(NamedTuple):
    """One zone: `number` in its node, the struct zone at `address`, its name, None where that
    cannot be read, the number of its first page, how many there are up to its last, how many of
    them exist, how many are free, and the counts below which the kernel looks for more."""

    node: Node
    number: int
    address: int
    name: str | None
    first: int
    spanned: int
    present: int
    free: int
    watermarks: tuple[int, int, int]
    counters: tuple[int, ...]
    #: Of old kernels.
    all_unreclaimable: bool | None = None
    pages_scanned: int | None = None


class FreeArea(NamedTuple):
    """The free blocks of 2**order pages: struct free_area and the heads of its lists, one for
    each migrate type, each with the first entry."""

    order: int
    address: int
    heads: tuple[tuple[int, int], ...]


class Zones:
    """The zones of a kernel, node by node. Raises ReadError, MissingFeature."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @cached_property
    def all(self) -> list[Zone]:
        return [zone for node in self._kernel.part(Nodes).all for zone in self._of_node(node)]

    def addresses(self, node: Node) -> list[int]:
        """The struct zones of a node, those without memory too."""
        offset, size = self._in_node
        whole = self._layout.whole
        count = min(size // whole, _MOST_ZONES)
        return [node.address + offset + number * whole for number in range(count)]

    def areas(self, zone: Zone) -> list[FreeArea]:
        """The lists of free blocks, by their order."""
        kernel, area = self._kernel, self._area
        count = min(self._layout.width("free_area") // area.whole, _MOST_ORDERS)
        start = zone.address + self._layout.at("free_area")
        data = kernel.read(start, count * area.whole, "free_area struct")
        found = []
        for order in range(count):
            at = order * area.whole
            found.append(FreeArea(order, start + at, self._heads(data, at, start)))
        return found

    def _heads(self, data: bytes, at: int, start: int) -> tuple[tuple[int, int], ...]:
        area, word = self._area, self._kernel.word_size
        at += area.at("free_list")
        count = min(area.width("free_list") // (2 * word), _MOST_LISTS)
        heads = range(at, at + count * 2 * word, 2 * word)
        return tuple((start + h, self._kernel.unsigned(data[h : h + word])) for h in heads)

    def _of_node(self, node: Node) -> list[Zone]:
        return [self._zone(node, *item) for item in enumerate(self.addresses(node))]

    def _zone(self, node: Node, number: int, address: int) -> Zone:
        kernel, layout = self._kernel, self._layout
        data = kernel.read(address, layout.whole, "zone buffer")
        name, first, spanned, present, marks, counters, stuck, scanned, _ = layout.unpack(
            data, layout.start
        )
        counts = self._words(counters)
        free = counts[self._free] if self._free < len(counts) else 0
        try:
            text: str | None = read_text(kernel, name, "zone name", _LONGEST_NAME)
        except ReadError:
            text = None
        low, middle, high = (*self._words(marks), 0, 0, 0)[:_MARKS]
        return Zone(
            node,
            number,
            address,
            text,
            first,
            spanned,
            present,
            free,
            (low, middle, high),
            counts,
            None if stuck is None else bool(stuck),
            scanned,
        )

    def _words(self, data: bytes) -> tuple[int, ...]:
        kernel = self._kernel
        count = len(data) // kernel.word_size
        return struct.unpack(f"{kernel.byte_order}{count}{kernel.word.lower()}", data)

    @cached_property
    def _layout(self) -> Layout:
        fields = (
            "name",
            "zone_start_pfn",
            "spanned_pages",
            "present_pages",
            ("watermark", "_watermark"),  # 4.20
            "vm_stat",
            "all_unreclaimable",
            "pages_scanned",
            "free_area",
        )
        optional = ("all_unreclaimable", "pages_scanned")
        return Layout(self._kernel.prog, "struct zone", fields, optional)

    @cached_property
    def _area(self) -> Layout:
        return Layout(self._kernel.prog, "struct free_area", ("free_list",))

    @cached_property
    def _in_node(self) -> tuple[int, int]:
        """Where the zones lie in a node, and the bytes of them all."""
        place = find_member(self._kernel.prog, "struct pglist_data", "node_zones")
        if place is None:
            raise MissingFeature("no struct pglist_data.node_zones in this kernel")
        return place

    @cached_property
    def _free(self) -> int:
        """Which of the counters is that of free pages."""
        return constant(self._kernel.prog, "NR_FREE_PAGES") or 0
