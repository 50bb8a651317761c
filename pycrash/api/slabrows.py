"""Rows about slab caches, their slabs, and the objects in these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pycrash.api.fields import Address, Bytes
from pycrash.api.rows import Begin, Bundle, Row, quick
from pycrash.kernel.mm.slabobjects import Objects, Role


@dataclass(frozen=True)
class CachesBegin(Begin):
    """Slab caches follow."""


@dataclass(frozen=True)
class SlabsBegin(Begin):
    """Slabs follow."""


@dataclass(frozen=True)
class ObjectsBegin(Begin):
    """The objects of a slab follow."""


@dataclass(frozen=True)
class CacheNameRow(Row, kind="kmem.cache.name"):
    """A slab cache (struct kmem_cache) by its name alone. An `ignored` one was to be left out."""

    address: Address
    name: str
    ignored: bool = False


@dataclass(frozen=True)
class CacheRow(Row, kind="kmem.cache"):
    """A slab cache (struct kmem_cache): the size of its objects, how many of them are in use and
    how many there are, in how many slabs of which size. The counts are None where lists of it
    are damaged."""

    address: Address
    name: str
    object_size: Bytes
    allocated: int | None
    objects: int | None
    slabs: int | None
    slab_size: Bytes


@dataclass(frozen=True)
class CacheCpuRow(Row, kind="kmem.cache.cpu"):
    """What a CPU has of a cache (struct kmem_cache_cpu); None of one that is offline and hidden."""

    cpu: int
    address: Address | None


@dataclass(frozen=True)
class CacheNodeRow(Row, kind="kmem.cache.node"):
    """What a NUMA node has of a cache (struct kmem_cache_node): its slabs, those of them on its
    list of partial ones, and those that a shown CPU allocates from."""

    address: Address
    node: int
    slabs: int
    partial: int
    per_cpu: int


@dataclass(frozen=True)
class SlabListRow(Row, kind="kmem.cache.list"):
    """The slabs on a list of a CPU or a node follow, if there are any. A list that is not
    `tracked` is not kept by the kernel."""

    cpu: int | None
    node: int | None
    list: Literal["slab", "partial", "full"]
    empty: bool
    tracked: bool = True


@dataclass(frozen=True)
class SlabRow(Row, kind="kmem.slab"):
    """A slab (struct slab; struct page up to 5.16), where its memory begins, its NUMA node, and
    how many of its objects are in use or free. `role` is what it is to the allocator: the one that
    a `cpu` allocates from, on the list of partial ones of such, on its node's, or full."""

    slab: Address
    memory: Address
    node: int | None
    objects: int
    allocated: int
    free: int
    cache: str
    role: Role
    cpu: int | None


@dataclass(frozen=True)
class SheavesRow(Row, kind="kmem.cache.sheaves"):
    """What a CPU keeps of a cache in sheaves (struct slub_percpu_sheaves)."""

    cpu: int
    address: Address


@dataclass(frozen=True)
class SheafRow(Row, kind="kmem.sheaf"):
    """An array of free objects that a CPU or a node keeps (struct slab_sheaf), a CPU's by the
    name of the member that has it."""

    sheaf: Address
    name: str
    cpu: int | None
    node: int | None
    objects: tuple[Address, ...]


@quick
@dataclass(frozen=True)
class ObjectRow(Row, kind="kmem.object"):
    """An object of a slab, `address` behind its red zone. `cpu` is the CPU that keeps a free one
    for itself, `sheaf` the struct slab_sheaf that it is in."""

    address: Address
    state: Literal["allocated", "free"]
    cache: str
    slab: Address
    node: int | None
    cpu: int | None
    sheaf: Address | None


@dataclass(frozen=True)
class ObjectBlock(Bundle):
    """Objects of a slab, each by its address and whether it is free."""

    objects: Objects
    states: tuple[tuple[int, bool], ...]

    def rows(self) -> Iterator[ObjectRow]:
        of = self.objects
        name, slab, node = of.cache.name, of.slab.address, of.node
        for address, free in self.states:
            state: Literal["allocated", "free"] = "free" if free else "allocated"
            cpu = of.keeper(address) if free else None
            sheaf = of.sheaves.get(address)
            place = None if sheaf is None else sheaf.address
            yield ObjectRow(address, state, name, slab, node, cpu, place)


#: The kinds of rows about slab caches.
SLAB_ROWS: tuple[type[Row], ...] = (
    CacheNameRow,
    CacheRow,
    CacheCpuRow,
    CacheNodeRow,
    SlabListRow,
    SlabRow,
    SheavesRow,
    SheafRow,
    ObjectRow,
)
