"""Slab objects by an address: of which cache one is, where it begins, and whether it is in use."""

from __future__ import annotations

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.slabcaches import SlabCaches
from pycrash.kernel.mm.slabobjects import Holder, SlabObjects
from pycrash.kernel.mm.slabpages import SlabPages

#: Pages whose cache is kept at hand.
_MOST_PAGES = 1 << 17


class Slab:
    """What holds an address, for whoever meets one."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._pages: dict[int, str] = {}

    def cache_of(self, address: int) -> str:
        """The name of the cache whose slab an address lies in, empty where it lies in none."""
        page = address // self._kernel.page_size
        name = self._pages.get(page)
        if name is None:
            if len(self._pages) >= _MOST_PAGES:
                self._pages.clear()
            name = self._pages[page] = self._name(address)
        return name

    def object_at(self, address: int) -> Holder | None:
        """The object that holds an address; None where none does, or nothing can be told."""
        if not self.cache_of(address):
            return None
        try:
            return self._kernel.part(SlabObjects).holding(address)
        except CrashError:
            return None

    def _name(self, address: int) -> str:
        slabs = self._kernel.part(SlabPages)
        try:
            slab = slabs.holding(address)
            cache = 0 if slab is None else slabs.cache(slab)
        except (ReadError, MissingFeature):
            return ""
        return self._kernel.part(SlabCaches).names.get(cache, "")
