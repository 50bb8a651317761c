"""How many objects of a slab cache there are, and how many of them are in use."""

from __future__ import annotations

from typing import NamedTuple

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.slabcaches import Cache, SlabCaches
from pycrash.kernel.mm.slabfree import FreeLists, SlabDamage
from pycrash.kernel.mm.slablists import CpuSlabs, EndlessSlabs, NodeSlabs, SlabLists
from pycrash.kernel.mm.slabpages import SlabPage, SlabPages
from pycrash.kernel.mm.slabsheaves import Sheaves
from pycrash.kernel.walks.lists import EndlessList

#: A count of objects that no slab has.
_NO_COUNT = 0xFFFF


class Counts(NamedTuple):
    """Objects of a cache, those of them that are not free, and its slabs."""

    allocated: int
    objects: int
    slabs: int


class Counted(NamedTuple):
    """The counts of a cache, None where a list of it cannot be followed; what is wrong with it."""

    counts: Counts | None
    problems: tuple[CrashError, ...]


class NoObjects(SlabDamage):
    """A slab without objects, of which crash says no more than that it cannot count."""

    @property
    def quiet(self) -> bool:
        return True


class SlabCounts:
    """Counts of slab caches: what the nodes have, less what is on a list of free objects."""

    def __init__(self, kernel: Reader) -> None:
        self._caches = kernel.part(SlabCaches)
        self._lists = kernel.part(SlabLists)
        self._free = kernel.part(FreeLists)
        self._sheaves = kernel.part(Sheaves)
        self._slabs = kernel.part(SlabPages)
        self._known: dict[int, Counted] = {}

    def of(self, cache: Cache) -> Counted:
        """The counts of a cache. Raises MissingFeature."""
        if cache.address not in self._known:
            self._known[cache.address] = self._count(cache)
        return self._known[cache.address]

    def with_copies(self, cache: Cache) -> Counted:
        """The counts of a cache and of its copies for control groups, up to 5.8.

        Raises MissingFeature.
        """
        counted = [self.of(cache)]
        problems: list[CrashError] = []
        try:
            counted += [
                self.of(self._caches.get(at)) for at in self._caches.children(cache.address)
            ]
        except (ReadError, EndlessList) as error:
            problems.append(error)
        problems += [problem for one in counted for problem in one.problems]
        known = [one.counts for one in counted if one.counts is not None]
        whole = Counts(*map(sum, zip(*known, strict=True))) if len(known) == len(counted) else None
        return Counted(whole, tuple(problems))

    def _count(self, cache: Cache) -> Counted:
        problems: list[CrashError] = []
        try:
            cpus, nodes = self._lists.cpus(cache), self._lists.nodes(cache)
            free = sum(self._on_cpu(cache, cpu, problems) for cpu in cpus)
            free += sum(self._on_node(cache, node, problems) for node in nodes)
        except (ReadError, SlabDamage) as error:
            return Counted(None, (*problems, error))
        kept = self._sheaves.keeping(cache)
        free += len(kept.objects)
        problems += filter(None, [kept.problem])
        objects = sum(node.objects for node in nodes)
        slabs = sum(node.slabs for node in nodes)
        return Counted(Counts(objects - free, objects, slabs), tuple(problems))

    def _on_cpu(self, cache: Cache, cpu: CpuSlabs, problems: list[CrashError]) -> int:
        """The free objects that a CPU has. Raises ReadError, SlabDamage."""
        free = 0
        if cpu.slab:
            if self._slabs.node(cpu.slab) is None:
                raise SlabDamage(f"page_to_nid: invalid page: {cpu.slab:x}")
            free = _spare(cache, self._slabs.get(cpu.slab))
            kept = self._free.walk(cache, cpu.slab, cpu.free)
            free += len(kept.objects)
            problems += filter(None, [kept.damage])
        try:
            return free + sum(_spare(cache, slab) for slab in self._lists.cpu_partial(cache, cpu))
        except (ReadError, SlabDamage) as error:
            problems.append(error)
            return free

    def _on_node(self, cache: Cache, node: NodeSlabs, problems: list[CrashError]) -> int:
        """The free objects of a node's partial slabs. Raises ReadError, EndlessSlabs."""
        free = 0
        try:
            for slab in self._lists.on_node(cache, node, "partial"):
                if slab.inuse == _NO_COUNT:
                    where = f"{cache.name}: partial list slab: {slab.address:x}"
                    raise SlabDamage(f"{where} invalid page.inuse: -1")
                free += _spare(cache, slab)
        except EndlessSlabs:
            raise
        except SlabDamage as error:
            problems.append(error)
        return free


def _spare(cache: Cache, slab: SlabPage) -> int:
    """The objects on a slab's own list. Raises SlabDamage where it can have none."""
    if not slab.objects:
        raise NoObjects(f"{cache.name}: slab: {slab.address:x} invalid page.objects: 0")
    return slab.objects - slab.inuse
