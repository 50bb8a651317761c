"""The cached pages of a file (struct address_space)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import Layout, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.walks.xarray import walk

#: Marks what is no page in the tree: a swap entry, or how long ago a page was there.
_VALUE = 1
#: The low bits of an entry, and what marks a node of an XArray in them.
_TAGS, _NODE = 3, 2


class PageCache:
    """`mapping` is the address of a struct address_space, as Inode.mapping has it."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def count(self, mapping: int) -> int:
        """How many pages of a file are cached. Raises ReadError."""
        layout = self._layout
        data = self._kernel.read(mapping, layout.whole, "address_space buffer")
        pages: int = layout.unpack(data, layout.start)[0]
        return pages

    def entries(self, mapping: int) -> Iterator[int]:
        """The struct page of each cached page in the order of the file; of a large folio the
        first alone. What a tree without a node holds may be anything. Raises ReadError."""
        kernel, tree = self._kernel, mapping + self._layout.at("i_pages")
        if self.tree_name == "xarray":
            at = tree + member_offset(kernel.prog, "struct xarray", "xa_head")
            head = kernel.read_word(at, "xarray xa_head")
            if head & _TAGS != _NODE:
                yield head & ~_TAGS
                return
        for _, entry in walk(kernel, tree, _stop):
            if not entry & _VALUE:
                yield entry

    def placed(
        self, mapping: int, problem: Callable[[ReadError], None]
    ) -> Iterator[tuple[int, int]]:
        """(number in the file, struct page) of each cached page by rising number; of a large
        folio the first alone. What cannot be read is passed to `problem`."""
        for number, entry in walk(self._kernel, mapping + self._layout.at("i_pages"), problem):
            if not entry & _VALUE:
                yield number, entry

    @cached_property
    def tree_name(self) -> str:
        """What the pages are in: an "xarray", before 4.20 a "radix tree"."""
        return "xarray" if self._kernel.has_type("struct xarray") else "radix tree"

    @cached_property
    def _layout(self) -> Layout:
        # A radix tree by the older name before 4.17.
        fields = ("nrpages", ("i_pages", "page_tree"))
        return Layout(self._kernel.prog, "struct address_space", fields)


def _stop(problem: ReadError) -> None:
    raise problem
