"""The objects of slabs: which are free, who keeps them, and which one holds an address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from pycrash.errors import ReadError
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.slabcaches import Cache, SlabCaches
from pycrash.kernel.mm.slabfree import FreeLists, SlabDamage
from pycrash.kernel.mm.slablists import CpuSlabs, SlabLists
from pycrash.kernel.mm.slabpages import SlabPage, SlabPages
from pycrash.kernel.mm.slabsheaves import Sheaf, Sheaves

#: What a slab is to the allocator: the one a CPU allocates from, on a CPU's list of partial
#: ones, on its node's, or full and on no list.
Role = Literal["cpu", "cpu partial", "node partial", "full"]


class Objects(NamedTuple):
    """The objects of a slab, whose memory begins at `start` on a NUMA node, None where that is
    not known.

    `allocated` of them are in use as far as could be told. `free` are the addresses of those
    that are not, `sheaves` has for those of them that are in one which, and `cpu` is the CPU
    whose slab it is, None of any other. `own` is what the slab's list of free objects breaks off
    with, `kept` what that of its CPU does: then what is not in `free` may be free.
    """

    cache: Cache
    slab: SlabPage
    start: int
    padding: int
    node: int | None
    cpu: int | None
    allocated: int
    free: frozenset[int]
    sheaves: dict[int, Sheaf]
    own: SlabDamage | None
    kept: SlabDamage | None

    @property
    def damage(self) -> SlabDamage | None:
        """What hides the state of objects."""
        return self.own or self.kept

    @property
    def places(self) -> range:
        """Where each object begins, its red zone in front of it among it."""
        size = max(self.cache.size, 1)
        return range(self.start, self.start + self.slab.objects * size, size)

    def states(self) -> Iterator[tuple[int, bool]]:
        """Each object by its address behind the red zone, and whether it is free: up to the
        first of which a list that breaks off does not tell."""
        for place in self.places:
            address = place + self.padding
            free = address in self.free
            if not free and self.damage:
                return
            yield address, free

    def hides(self) -> SlabDamage | None:
        """Why the states of some objects are not known."""
        return self.damage if len(self.free) < self.slab.objects else None

    def keeper(self, address: int) -> int | None:
        """The CPU that keeps a free object."""
        sheaf = self.sheaves.get(address)
        return self.cpu if sheaf is None else sheaf.cpu


class Holder(NamedTuple):
    """The object that holds an address: `start` behind its red zone, if it has one, and whether
    it is in use, None where a damaged list hides that. `role` is what its slab is, `cpu` whose
    slab that is or on whose list it is."""

    cache: Cache
    slab: int
    start: int
    allocated: bool | None
    role: Role
    cpu: int | None
    node: int | None
    sheaf: int | None


class SlabObjects:
    """Objects by their slab, and by an address in them."""

    def __init__(self, kernel: Reader) -> None:
        self._caches = kernel.part(SlabCaches)
        self._lists = kernel.part(SlabLists)
        self._free = kernel.part(FreeLists)
        self._slabs = kernel.part(SlabPages)
        self._sheaves = kernel.part(Sheaves)
        self._owners: dict[int, list[CpuSlabs]] = {}

    def of(self, cache: Cache, slab: SlabPage) -> Objects:
        """The objects of a slab of a cache. Raises SlabDamage, and ReadError for what a CPU has."""
        start = self._slabs.start(slab.address)
        if start is None:
            raise SlabDamage(f"{cache.name}: invalid slab address: {slab.address:x}")
        own = self._free.walk(cache, slab.address, slab.free)
        free, kept = set(own.objects), None
        owner = next((c for c in self._cpus(cache) if c.slab == slab.address), None)
        if owner is None:
            allocated = slab.inuse
        else:
            mine = self._free.walk(cache, slab.address, owner.free)
            # All of a CPU's slab is in use to the slab, but for what other CPUs gave back.
            spare = slab.objects - slab.inuse if slab.free else 0
            allocated = slab.objects - len(mine.objects) - spare
            free |= set(mine.objects)
            kept = mine.damage
        sheaves = self._in_sheaves(cache, slab)
        return Objects(
            *(cache, slab, start, self._padding(cache), self._slabs.node(slab.address)),
            None if owner is None else owner.cpu,
            allocated - len(sheaves),
            frozenset(free | set(sheaves)),
            sheaves,
            own.damage,
            kept,
        )

    def in_use(self, cache: Cache, slab: SlabPage) -> int:
        """The objects in use of a slab that is no CPU's."""
        return slab.inuse - len(self._in_sheaves(cache, slab))

    def _in_sheaves(self, cache: Cache, slab: SlabPage) -> dict[int, Sheaf]:
        kept = self._sheaves.keeping(cache).objects
        start = self._slabs.start(slab.address) if kept else None
        if start is None:
            return {}
        first, size = start + self._padding(cache), max(cache.size, 1)
        places = range(first, first + slab.objects * size, size)
        return {place: kept[place] for place in places if place in kept}

    def _padding(self, cache: Cache) -> int:
        return cache.padding if self._caches.is_padded(cache) else 0

    def holding(self, address: int) -> Holder | None:
        """The object that a kernel address lies in, None where it lies in none.

        Raises ReadError, SlabDamage.
        """
        where = self._slabs.holding(address)
        if where is None:
            return None
        slab = self._slabs.get(where)
        if slab.cache not in self._caches.names:
            return None
        objects = self.of(self._caches.get(slab.cache), slab)
        places = objects.places
        number = (address - objects.start) // places.step
        if not 0 <= number < len(places):
            return None
        start = places[number] + objects.padding
        free = start in objects.free
        unsure = objects.damage and not free
        role, cpu = self.role(objects)
        sheaf = objects.sheaves.get(start)
        return Holder(
            *(objects.cache, where, start, None if unsure else not free, role),
            *(cpu if sheaf is None else sheaf.cpu, objects.node),
            None if sheaf is None else sheaf.address,
        )

    def role(self, objects: Objects) -> tuple[Role, int | None]:
        """What a slab is, and whose. Raises ReadError."""
        slab = objects.slab
        if objects.cpu is not None:
            return "cpu", objects.cpu
        for cpu in self._cpus(objects.cache):
            if slab.address in self._partial(objects.cache, cpu):
                return "cpu partial", cpu.cpu
        return ("node partial" if slab.inuse < slab.objects else "full"), None

    def _partial(self, cache: Cache, cpu: CpuSlabs) -> set[int]:
        found = set()
        try:
            for slab in self._lists.cpu_partial(cache, cpu):
                found.add(slab.address)
        except (ReadError, SlabDamage):
            pass
        return found

    def _cpus(self, cache: Cache) -> list[CpuSlabs]:
        if cache.address not in self._owners:
            self._owners[cache.address] = self._lists.cpus(cache)
        return self._owners[cache.address]
