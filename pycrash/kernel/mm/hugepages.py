"""Pools of huge pages (struct hstate)."""

from __future__ import annotations

from typing import NamedTuple

from pycrash.errors import MissingFeature
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader

#: More sizes of huge pages than any machine has.
_MOST = 16
_LARGEST_ORDER = 63


class Pool(NamedTuple):
    """The huge pages of one size, 2**order small ones: the struct hstate, its name, and how many
    there are and are free."""

    address: int
    order: int
    name: str
    total: int
    free: int


class HugePages:
    """The pools of a kernel."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @property
    def pools(self) -> list[Pool]:
        """Those in use. Raises MissingFeature on a kernel without huge pages, ReadError."""
        kernel = self._kernel
        span = kernel.symbol_span("hstates")
        if span is None:
            raise MissingFeature("hstates[] array does not exist")
        fields = ("order", "name", "nr_huge_pages", "free_huge_pages")
        layout = Layout(kernel.prog, "struct hstate", fields)
        count = min(span[1] // layout.whole, _MOST)
        data = kernel.read(span[0], count * layout.whole, "hstate")
        found = []
        for at in range(0, count * layout.whole, layout.whole):
            order, name, total, free = layout.unpack(data, at + layout.start)
            if 0 < order <= _LARGEST_ORDER:
                text = name.partition(b"\0")[0].decode("utf-8", "replace")
                found.append(Pool(span[0] + at, order, text, total, free))
        return found

    @property
    def pages(self) -> tuple[int, int]:
        """Small pages that are part of huge ones, and of those in free ones."""
        pools = self.pools if self._kernel.symbol_span("hstates") is not None else []
        total = sum(pool.total << pool.order for pool in pools)
        return total, sum(pool.free << pool.order for pool in pools)
