"""Sheaves: arrays of free objects that CPUs and NUMA nodes keep of a slab cache (struct
slab_sheaf, 6.18), which the slabs count as in use."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.layout import Layout, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.slabcaches import Cache
from pycrash.kernel.mm.slabfree import SlabDamage
from pycrash.kernel.walks.lists import Chain, EndlessList, entries

#: More objects than a kernel puts into one.
_MOST_OBJECTS = 1 << 14
#: More sheaves than a node keeps.
_MOST_SHEAVES = 1 << 12
#: Those of a CPU, and the list of a node, in the order they are shown.
CPU_SHEAVES = ("main", "spare", "rcu_free")


class Sheaf(NamedTuple):
    """A struct slab_sheaf and the free objects in it: a CPU's by the name of the member that has
    it ("main"), or one of a node's list of full ones ("full")."""

    address: int
    name: str
    cpu: int | None
    node: int | None
    objects: tuple[int, ...]


class CpuSheaves(NamedTuple):
    """A struct slub_percpu_sheaves: what a CPU has."""

    cpu: int
    address: int
    sheaves: tuple[Sheaf, ...]


class Kept(NamedTuple):
    """Each object in a sheaf to that, and why others are missing."""

    objects: dict[int, Sheaf]
    problem: CrashError | None


class Sheaves:
    """The sheaves of caches."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._last: tuple[int, Kept] = 0, Kept({}, None)

    def cpus(self, cache: Cache) -> Iterator[CpuSheaves]:
        """What each CPU has, nothing on kernels without. Raises ReadError, SlabDamage."""
        kernel = self._kernel
        for cpu in range(kernel.cpus.count if cache.cpu_sheaves else 0):
            layout, address = self._cpu_layout, kernel.cpus.address(cache.cpu_sheaves, cpu)
            data = kernel.read(address + layout.start, layout.size, "slub_percpu_sheaves")
            named = zip(CPU_SHEAVES, layout.unpack(data), strict=True)
            found = [self._sheaf(cache, at, name, cpu, None) for name, at in named if at]
            yield CpuSheaves(cpu, address, tuple(found))

    def on_nodes(self, cache: Cache) -> Iterator[Sheaf]:
        """The full sheaves that nodes keep (node_barn.sheaves_full).

        Raises ReadError, SlabDamage, EndlessList.
        """
        for node, barn in self._barns(cache):
            back, head = self._link_at, barn + self._full_at
            first = self._kernel.read_word(head, "node_barn.sheaves_full")
            for link in entries(self._kernel, Chain(first, end=head), "barn_list", _MOST_SHEAVES):
                yield self._sheaf(cache, link - back, "full", None, node)

    def keeping(self, cache: Cache) -> Kept:
        """All that is in the sheaves of a cache."""
        if self._last[0] != cache.address:
            self._last = cache.address, self._read(cache)
        return self._last[1]

    def _read(self, cache: Cache) -> Kept:
        found: dict[int, Sheaf] = {}
        try:
            for sheaf in chain(*(cpu.sheaves for cpu in self.cpus(cache)), self.on_nodes(cache)):
                found.update(dict.fromkeys(sheaf.objects, sheaf))
        except (ReadError, SlabDamage, EndlessList) as error:
            return Kept(found, error)
        return Kept(found, None)

    def _sheaf(
        self, cache: Cache, address: int, name: str, cpu: int | None, node: int | None
    ) -> Sheaf:
        kernel, layout = self._kernel, self._layout
        data = kernel.read(address + layout.start, layout.size, "slab_sheaf")
        (count,) = layout.unpack(data)
        if count > _MOST_OBJECTS:
            raise SlabDamage(f"{cache.name}: invalid sheaf: {address:x} size: {count}")
        words = kernel.read(
            address + self._objects_at, count * kernel.word_size, "slab_sheaf.objects"
        )
        objects = struct.unpack(f"{kernel.byte_order}{count}{kernel.word}", words)
        return Sheaf(address, name, cpu, node, objects)

    def _barns(self, cache: Cache) -> Iterator[tuple[int, int]]:
        """The node_barn of each node that has one. Raises ReadError."""
        if not cache.cpu_sheaves:
            return
        if cache.barns:
            yield from ((node, barn) for node, barn in cache.barns if barn)
            return
        # Before 7.0 the structure of the node has it.
        at = member_offset(self._kernel.prog, "struct kmem_cache_node", "barn")
        for node, address in cache.nodes:
            barn = address and self._kernel.read_word(address + at, "kmem_cache_node.barn")
            if barn:
                yield node, barn

    @cached_property
    def _cpu_layout(self) -> Layout:
        return Layout(self._kernel.prog, "struct slub_percpu_sheaves", CPU_SHEAVES)

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self._kernel.prog, "struct slab_sheaf", ("size",))

    @cached_property
    def _objects_at(self) -> int:
        return member_offset(self._kernel.prog, "struct slab_sheaf", "objects")

    @cached_property
    def _link_at(self) -> int:
        return member_offset(self._kernel.prog, "struct slab_sheaf", "barn_list")

    @cached_property
    def _full_at(self) -> int:
        return member_offset(self._kernel.prog, "struct node_barn", "sheaves_full")
