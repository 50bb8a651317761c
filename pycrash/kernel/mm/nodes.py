"""NUMA nodes (struct pglist_data): which pages are whose."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from pycrash.errors import MissingFeature
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader

#: More nodes than a kernel is built for.
_MOST_NODES = 1024


class Node(NamedTuple):
    """One node: the struct pglist_data at `address`, its number, its first page's number, how
    many there are up to its last, and its struct bootmem_data, on kernels that had one."""

    address: int
    id: int
    first: int
    pages: int
    bootmem_data: int | None = None


class Nodes:
    """`all` are the nodes in the order of their numbers. Raises ReadError, MissingFeature."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @cached_property
    def all(self) -> list[Node]:
        kernel, layout = self._kernel, self._layout
        found = []
        for address in self.addresses:
            data = kernel.read(address, layout.whole, "pglist_data")
            found.append(Node(address, *layout.unpack(data, layout.start)))
        return sorted(found, key=lambda node: node.id)

    def of_page(self, number: int) -> Node | None:
        """The node of the page of a number."""
        fits = (n for n in self.all if n.first <= number < n.first + n.pages)
        return next(fits, None)

    @cached_property
    def addresses(self) -> list[int]:
        """The struct pglist_data of every node."""
        kernel = self._kernel
        span = kernel.symbol_span("node_data")
        if span is None:
            one = kernel.symbol_address("contig_page_data")
            if one is None:
                raise MissingFeature("no symbol node_data in this kernel")
            return [one]
        size = kernel.word_size
        count = min(span[1] // size, _MOST_NODES)
        data = kernel.read(span[0], count * size, "node_data")
        words = (kernel.unsigned(data[at : at + size]) for at in range(0, len(data), size))
        return [address for address in words if address]

    @cached_property
    def _layout(self) -> Layout:
        fields = ("node_id", "node_start_pfn", "node_spanned_pages", "bdata")
        return Layout(self._kernel.prog, "struct pglist_data", fields, optional=("bdata",))
