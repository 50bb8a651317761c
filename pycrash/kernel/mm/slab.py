"""Slab caches: which one a page of kernel memory belongs to (struct kmem_cache, struct slab)."""

from __future__ import annotations

from functools import cached_property

import drgn
from drgn.helpers.linux.slab import find_containing_slab_cache

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.walks.lists import Chain, EndlessList, entries

_MAX_NAME = 512


class Slab:
    """The slab caches of a kernel."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._pages: dict[int, str] = {}

    @cached_property
    def names(self) -> dict[int, str]:
        """Address of each kmem_cache on the kernel's list (slab_caches) to its name.

        What follows an entry that cannot be read is missing.
        """
        kernel = self._kernel
        layout = Layout(kernel.prog, "struct kmem_cache", ["list", "name"])
        list_at, name_at = layout.at("list"), layout.at("name")
        found: dict[int, str] = {}
        head = kernel.required_symbol("slab_caches")
        try:
            chain = Chain(kernel.read_word(head, "slab_caches"), end=head)
            for link in entries(kernel, chain, "kmem_cache.list"):
                cache = link - list_at
                found[cache] = self._text(kernel.read_word(cache + name_at, "kmem_cache.name"))
        except (ReadError, EndlessList):
            pass
        return found

    def cache_of(self, address: int) -> str:
        """The name of the cache whose slab an address lies in, empty where it lies in none."""
        page = address // self._kernel.page_size
        if page not in self._pages:
            try:
                cache = find_containing_slab_cache(self._kernel.prog, address).value_()
            except (drgn.FaultError, LookupError, ValueError):
                cache = 0
            self._pages[page] = self.names.get(cache, "")
        return self._pages[page]

    def _text(self, address: int) -> str:
        try:
            text = self._kernel.prog.read_c_string(address, max_size=_MAX_NAME)
        except drgn.FaultError:
            return "(unknown)"
        return text.decode("utf-8", "replace")
