"""Which slabs of a cache each CPU and each NUMA node has (struct kmem_cache_cpu,
struct kmem_cache_node)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Literal, NamedTuple

from pycrash.kernel.core.layout import Layout, find_member
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.pages import Pages
from pycrash.kernel.mm.slabcaches import Cache, SlabCaches
from pycrash.kernel.mm.slabfree import SlabDamage
from pycrash.kernel.mm.slabpages import SlabPage, SlabPages

#: Slabs of one list that are followed, at most.
_MOST_SLABS = 1 << 22


class CpuSlabs(NamedTuple):
    """A struct kmem_cache_cpu: the slab a CPU allocates from, the first of the free objects it
    keeps of it, and the first of its partial slabs; 0 where it has none."""

    cpu: int
    address: int
    slab: int
    free: int
    partial: int


class NodeSlabs(NamedTuple):
    """A struct kmem_cache_node, by the number of its node: how many slabs of the cache are
    there, how many of them on its list of partial ones, and how many objects in all of them."""

    node: int
    address: int
    partial: int
    slabs: int
    objects: int


class EndlessSlabs(SlabDamage):
    """A list of slabs leads back into itself, so nothing that was counted on it holds."""


ListName = Literal["partial", "full"]


class SlabLists:
    """The lists that the slabs of a cache are on."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._caches = kernel.part(SlabCaches)
        self._slabs = kernel.part(SlabPages)
        self._pages = kernel.part(Pages)

    @property
    def counts(self) -> bool:
        """Whether the kernel counts the slabs of a node (CONFIG_SLUB_DEBUG)."""
        return find_member(self._kernel.prog, "struct kmem_cache_node", "nr_slabs") is not None

    @property
    def has_cpu_partial(self) -> bool:
        """Whether CPUs keep partial slabs (CONFIG_SLUB_CPU_PARTIAL)."""
        return find_member(self._kernel.prog, "struct kmem_cache_cpu", "partial") is not None

    def cpus(self, cache: Cache) -> list[CpuSlabs]:
        """What each CPU has; nothing on kernels where CPUs have no slabs (7.0).

        Raises ReadError.
        """
        if not cache.cpu_slab:
            return []
        return [self._cpu(cache, cpu) for cpu in range(self._kernel.cpus.count)]

    def nodes(self, cache: Cache) -> list[NodeSlabs]:
        """What each node has that has memory of this cache. Raises ReadError, MissingFeature."""
        layout, found = self._node_layout, []
        for node, address in cache.nodes:
            if address:
                at = address + layout.start
                data = self._kernel.read(at, layout.size, "kmem_cache_node nr_partial")
                found.append(NodeSlabs(node, address, *layout.unpack(data)))
        return found

    def cpu_partial(self, cache: Cache, cpu: CpuSlabs) -> Iterator[SlabPage]:
        """The partial slabs of a CPU. Raises ReadError, SlabDamage."""
        seen: set[int] = set()
        here = cpu.partial
        while here:
            self._check(here, f"{cache.name}: invalid partial list slab pointer: {here:x}")
            if here in seen:
                raise EndlessSlabs(f"{cache.name}: duplicate partial list slab pointer: {here:x}")
            seen.add(here)
            slab = self._slabs.get(here)
            yield slab
            here = slab.following

    def on_node(self, cache: Cache, node: NodeSlabs, name: ListName) -> Iterator[SlabPage]:
        """The slabs on a list of a node. Raises ReadError, SlabDamage, MissingFeature."""
        head, here = self._first(node, name)
        head_of = f"{cache.name}: {name} list slab"
        if here != head:
            first = here - self._slabs.link_at
            self._check(first, f"{cache.name}: invalid {name} list slab pointer: {first:x}")
        seen: set[int] = set()
        while here != head:
            slab = self._slabs.get(here - self._slabs.link_at)
            yield slab
            here = slab.link
            # As in crash the first link may come twice, so the same slab is named.
            if here in seen or len(seen) > _MOST_SLABS:
                raise EndlessSlabs(f"{head_of}: {slab.address:x} duplicate slab entry: {here:x}")
            seen.add(here)
            if here != head:
                wrong = f"{head_of}: {slab.address:x} invalid page.lru.next: {here:x}"
                self._check(here - self._slabs.link_at, wrong)

    def is_empty(self, node: NodeSlabs, name: ListName) -> bool:
        """Whether a list of a node has no slabs. Raises ReadError, MissingFeature."""
        head, first = self._first(node, name)
        return head == first

    def _first(self, node: NodeSlabs, name: ListName) -> tuple[int, int]:
        """The address of a list's head, and of the first link, which may be the head."""
        head = node.address + self._list_layout.at(name)
        return head, self._kernel.read_word(head, f"kmem_cache_node {name}")

    def _check(self, slab: int, wrong: str) -> None:
        """Raise SlabDamage where a slab is no struct page."""
        if self._pages.physical(slab) is None:
            raise SlabDamage(wrong)

    def _cpu(self, cache: Cache, cpu: int) -> CpuSlabs:
        kernel, layout = self._kernel, self._cpu_layout
        address = kernel.cpus.address(cache.cpu_slab, cpu)
        data = kernel.read(address + layout.start, layout.size, "kmem_cache_cpu.freelist")
        free, slab, partial = layout.unpack(data)
        return CpuSlabs(cpu, address, slab, free, partial or 0)

    @cached_property
    def _cpu_layout(self) -> Layout:
        fields = ("freelist", ("slab", "page"), "partial")  # 5.17
        return Layout(self._kernel.prog, "struct kmem_cache_cpu", fields, ("partial",))

    @cached_property
    def _node_layout(self) -> Layout:
        fields = ("nr_partial", "nr_slabs", "total_objects")
        return Layout(self._kernel.prog, "struct kmem_cache_node", fields)

    @cached_property
    def _list_layout(self) -> Layout:
        return Layout(self._kernel.prog, "struct kmem_cache_node", ("partial", "full"), ("full",))
