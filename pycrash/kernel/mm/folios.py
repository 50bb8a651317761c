"""Large folios: several pages that are one (struct folio; compound pages before 5.16)."""

from __future__ import annotations

from functools import cached_property

from pycrash.kernel.core.layout import Layout, find_member
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.pages import Page, Pages

#: Of the flags in a folio's second page, those that hold its order (since 6.6).
_ORDER_BITS = 0xFF
#: More than any folio has, whatever a damaged one says.
_LARGEST = 32


class Folios:
    """How large the folio is that begins with a page."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def pages(self, page: Page) -> int:
        """Its number of pages: 1 where it is no first page of several. Raises ReadError."""
        if not page.flags & self._head:
            return 1
        at, size = self._order_at
        order = self._kernel.unsigned(self._kernel.read(page.address + at, size, "folio order"))
        return 1 << min(order & _ORDER_BITS, _LARGEST)

    @cached_property
    def _head(self) -> int:
        return self._kernel.part(Pages).flag("head")

    @cached_property
    def _order_at(self) -> tuple[int, int]:
        """Where the order lies behind the first struct page, and its bytes."""
        prog = self._kernel.prog
        place = find_member(prog, "struct folio", "_folio_order", "_flags_1")
        if place is not None:
            return place
        layout = Layout(prog, "struct page", ("compound_order",))
        return layout.whole + layout.start, layout.size
