"""Slabs: the pages that objects of a cache lie in (struct slab; struct page up to 5.16)."""

from __future__ import annotations

import struct
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.layout import Layout, constant, find_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.nodes import Nodes
from pycrash.kernel.mm.pages import Pages

#: page.page_type has the type in its highest byte, since 6.11.
_TYPE_SHIFT = 24
#: Masks that make a tail page its first page, since 7.0, are shorter than this.
_LONGEST_MASK = 40


class SlabPage(NamedTuple):
    """A struct slab as it stands.

    Of its `objects`, `inuse` are not on its own list of free ones, which begins at `free`; a
    `frozen` one is a CPU's. `following` is the next of a CPU's partial slabs, and `link` that
    of its node's list: the address of a list_head.
    """

    address: int
    cache: int
    inuse: int
    objects: int
    frozen: bool
    free: int
    following: int
    link: int


class SlabPages:
    """Slabs by the address of their struct, and by that of their memory."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._pages = kernel.part(Pages)

    def get(self, address: int) -> SlabPage:
        """The slab at the address of a struct page. Raises ReadError."""
        data = self._kernel.read(address + self._start, self._size, "page.inuse")
        cache, free, following, link = self._layout.unpack(data, self._layout.start - self._start)
        inuse, packed = self._counters.unpack_from(data, self._inuse_at - self._start)
        objects, frozen = packed, False
        if self._packed:
            little = self._kernel.byte_order == "<"
            objects = packed & 0x7FFF if little else packed >> 1
            frozen = bool(packed >> 15 if little else packed & 1)
        return SlabPage(address, cache, inuse, objects, frozen, free, following or 0, link)

    def cache(self, slab: int) -> int:
        """The cache of the slab at the address of a struct page. Raises ReadError."""
        return self._kernel.read_word(slab + self._cache_at, "page.slab")

    def start(self, slab: int) -> int | None:
        """The address of a slab's memory, None where there is no such page."""
        physical = self._pages.physical(slab)
        if physical is None:
            return None
        return self._kernel.arch.tables.direct_address(physical) & self._kernel.word_mask

    def node(self, slab: int) -> int | None:
        """The NUMA node of a slab, None where it is of none."""
        physical = self._pages.physical(slab)
        if physical is None:
            return None
        node = self._kernel.part(Nodes).of_page(physical // self._kernel.page_size)
        return None if node is None else node.id

    def holding(self, address: int) -> int | None:
        """The slab that a kernel address lies in, None where it lies in none. Raises ReadError."""
        page = self._page(address)
        if page is None:
            return None
        if self.is_slab(page):
            return page
        head = self.head(page)
        return head if head != page and self.is_slab(head) else None

    def is_slab(self, page: int) -> bool:
        """Whether a struct page says that it is a slab's first. Raises ReadError."""
        kernel = self._kernel
        if self._type is not None:
            at = page + member_offset(kernel.prog, "struct page", "page_type")
            kind = kernel.unsigned(kernel.read(at, 4, "page_type"))
            wanted, mask = self._type
            return kind & mask == wanted
        return bool(kernel.read_word(page + self._flags_at, "page.flags") >> self._flag & 1)

    def head(self, page: int) -> int:
        """The first page of what a page is part of. Raises ReadError."""
        kernel = self._kernel
        info = kernel.read_word(page + self._head_at, "page.compound_head")
        if not info & 1:
            return page
        spare = ~(info - 1) & kernel.word_mask
        if not spare & spare + 1 and spare >> _LONGEST_MASK == 0:
            return page & ~spare
        return info - 1

    @cached_property
    def link_at(self) -> int:
        """Where in a slab the link of its node's lists lies."""
        return self._layout.at("slab_list")

    def _page(self, address: int) -> int | None:
        if not self._kernel.memory.is_kernel(address):
            return None
        try:
            physical = self._kernel.arch.tables.kernel_physical(address)
            return None if physical is None else self._pages.address(physical)
        except ReadError:
            raise
        except CrashError:  # beyond all memory there could be
            return None

    @cached_property
    def _struct(self) -> str:
        """The structure that speaks of a slab."""
        known = find_member(self._kernel.prog, "struct slab", "slab_cache")
        return "struct page" if known is None else "struct slab"

    @cached_property
    def _layout(self) -> Layout:
        fields = (("slab_cache", "slab"), "freelist", "next", ("slab_list", "lru.next"))
        return Layout(self._kernel.prog, self._struct, fields, ("next",))

    @cached_property
    def _cache_at(self) -> int:
        return Layout(self._kernel.prog, self._struct, (("slab_cache", "slab"),)).start

    @cached_property
    def _inuse_at(self) -> int:
        return member_offset(self._kernel.prog, self._struct, "inuse")

    @cached_property
    def _packed(self) -> bool:
        """Whether a bit of the number of objects says that the slab is a CPU's (3.1)."""
        return find_member(self._kernel.prog, self._struct, "frozen") is not None

    @cached_property
    def _counters(self) -> struct.Struct:
        return struct.Struct(f"{self._kernel.byte_order}HH")

    @cached_property
    def _start(self) -> int:
        return min(self._layout.start, self._inuse_at)

    @cached_property
    def _size(self) -> int:
        end = self._layout.start + self._layout.size
        return max(end, self._inuse_at + self._counters.size) - self._start

    @cached_property
    def _type(self) -> tuple[int, int] | None:
        """What page_type of a slab is under which mask, None where a flag says that (6.10)."""
        prog = self._kernel.prog
        kind = constant(prog, "PGTY_slab")
        if kind is not None:
            return kind << _TYPE_SHIFT, 0xFF << _TYPE_SHIFT
        base = constant(prog, "PAGE_TYPE_BASE")
        if base is None:
            return None
        # In 6.10 a type is the bit that is not set.
        base &= 0xFFFFFFFF
        return base, base | (constant(prog, "PG_slab") or 0)

    @cached_property
    def _flag(self) -> int:
        bit = constant(self._kernel.prog, "PG_slab")
        return 7 if bit is None else bit

    @cached_property
    def _flags_at(self) -> int:
        layout = Layout(self._kernel.prog, "struct page", (("flags.f", "flags"),))  # 6.18
        return layout.start

    @cached_property
    def _head_at(self) -> int:
        names = ("compound_info", "compound_head")  # 7.0
        return Layout(self._kernel.prog, "struct page", (names,)).start
