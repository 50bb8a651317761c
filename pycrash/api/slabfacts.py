"""What kernel memory has of slab caches, as rows: all of them, one, or the object at an address."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.api.rows import Gap, Notice, Row
from pycrash.api.slabrows import (
    CacheCpuRow,
    CacheNameRow,
    CacheNodeRow,
    CacheRow,
    CachesBegin,
    ObjectBlock,
    ObjectsBegin,
    SheafRow,
    SheavesRow,
    SlabListRow,
    SlabRow,
    SlabsBegin,
)
from pycrash.errors import CrashError, ReadError
from pycrash.kernel.mm.pages import Pages
from pycrash.kernel.mm.slabcaches import Cache, SlabCaches
from pycrash.kernel.mm.slabcounts import SlabCounts
from pycrash.kernel.mm.slabfree import SlabDamage
from pycrash.kernel.mm.slablists import CpuSlabs, ListName, NodeSlabs, SlabLists
from pycrash.kernel.mm.slabobjects import Objects, Role, SlabObjects
from pycrash.kernel.mm.slabpages import SlabPage, SlabPages
from pycrash.kernel.mm.slabsheaves import Sheaves
from pycrash.kernel.walks.lists import EndlessList

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

_NO_COUNTS = (
    "option requires kmem_cache_node.nr_slabs member!\n"
    "(the kernel must be built with CONFIG_SLUB_DEBUG)"
)


@dataclass(frozen=True)
class SlabRequest:
    """How slab caches are shown: with all that CPUs and nodes have of them, or as one line each;
    of these CPUs alone, where they are given; which to leave out by name."""

    whole: bool = False
    cpus: Collection[int] | None = None
    ignored: Collection[str] = ()
    hide_offline: bool = False


def said(error: CrashError) -> Notice:
    """The message of what could not be followed."""
    cause = error if isinstance(error, ReadError) else None
    return Notice(str(error), quiet=error.quiet, cause=cause)


def cache_at(kernel: Kernel, address: int, beyond: bool = False) -> Generator[Notice, None, str]:
    """The name of the cache whose slab an address lies in, empty where it lies in none; with
    crash's warnings of an address that is none, and if asked for, of one beyond all memory."""
    is_kernel = kernel.memory.is_kernel(address)
    physical = kernel.arch.tables.kernel_physical(address) if is_kernel else None
    if physical is None:
        yield Notice(f"cannot make virtual-to-physical translation: {address:x}", "WARNING")
        return ""
    try:
        page = kernel.part(Pages).address(physical)
    except ReadError:
        raise
    except CrashError as error:
        page = None
        if beyond:
            yield Notice(str(error), "WARNING")
    if page is None:
        yield Notice(f"cannot find mem_map page for address: {address:x}", "WARNING")
        return ""
    return kernel.slab.cache_of(address)


def is_slab_page(kernel: Kernel, address: int) -> bool:
    """Whether an address is that of the struct of a slab of a known cache."""
    slabs = kernel.part(SlabPages)
    try:
        if kernel.part(Pages).physical(address) is None or not slabs.is_slab(address):
            return False
        return slabs.cache(address) in kernel.part(SlabCaches).names
    except ReadError:
        return False


class SlabFinder:
    """Finds the rows of one request."""

    def __init__(self, kernel: Kernel, request: SlabRequest) -> None:
        self._kernel = kernel
        self._request = request
        self._caches = kernel.part(SlabCaches)
        self._slabs = kernel.part(SlabPages)
        self._lists = kernel.part(SlabLists)
        self._objects = kernel.part(SlabObjects)

    def names(self, roots: bool = False) -> Iterator[Row]:
        """The name of every cache."""
        addresses, error = self._caches.roots if roots else self._caches.listed
        for address in addresses:
            yield CacheNameRow(address, self._caches.name(address))
        if error is not None:
            raise error

    def caches(self, name: str = "", roots: bool = False) -> Iterator[Row]:
        """Every cache, or the first of this name."""
        if not self._lists.counts:
            yield Notice(_NO_COUNTS)
            return
        addresses, error = self._caches.roots if roots else self._caches.listed
        if name:
            addresses = tuple(at for at in addresses if self._caches.name(at) == name)[:1]
        if addresses or not name:
            yield CachesBegin()
        for number, address in enumerate(addresses, 1):
            cache = yield from self._cache(address, roots)
            if cache is not None and self._request.whole:
                yield from self._holdings(cache)
                if number < len(addresses):
                    yield CachesBegin()
        if error is not None:
            raise error

    def at(self, address: int, name: str = "") -> Iterator[Row]:
        """The object at a kernel address, or all of the slab at that of its struct. `name` is a
        cache that was asked for as well."""
        whole, slab = self._request.whole, address
        if is_slab_page(self._kernel, address):
            whole = True
        elif (yield from cache_at(self._kernel, address)):
            slab = self._slabs.holding(address) or 0
        else:
            yield Notice(f"address is not allocated in slab subsystem: {address:x}")
            return
        if name:
            yield Notice(f"ignoring pre-selected {name} cache for address: {address:x}")
        yield CachesBegin()
        cache = yield from self._cache(self._slabs.cache(slab), roots=False)
        if cache is not None:
            yield from self._slab(cache, slab, None, None if whole else address)

    def _cache(self, address: int, roots: bool) -> Generator[Row, None, Cache | None]:
        """The line of a cache; gives None where there is no more to be had of it."""
        try:
            cache = self._caches.get(address)
        except ReadError as error:
            yield said(error)
            return None
        if cache.name in self._request.ignored:
            yield CacheNameRow(address, cache.name, ignored=True)
            return None
        counts = self._kernel.part(SlabCounts)
        counted = counts.with_copies(cache) if roots else counts.of(cache)
        yield from map(said, counted.problems)
        allocated, objects, slabs = counted.counts or (None, None, None)
        if counted.counts is None:
            yield Notice(f"{cache.name}: cannot gather relevant slab data")
        size = self._kernel.page_size << cache.order
        yield CacheRow(address, cache.name, cache.object_size, allocated, objects, slabs, size)
        return None if counted.counts is None else cache

    def _holdings(self, cache: Cache) -> Iterator[Row]:
        """What each CPU and each node has of a cache."""
        shown = self._request.cpus
        cpus = [cpu for cpu in self._lists.cpus(cache) if shown is None or cpu.cpu in shown]
        for cpu in cpus:
            yield from self._on_cpu(cache, cpu)
        yield from self._sheaves_of(cache)
        for node in self._lists.nodes(cache):
            taken = sum(self._slabs.node(cpu.slab) == node.node for cpu in cpus if cpu.slab)
            yield CacheNodeRow(node.address, node.node, node.slabs, node.partial, taken)
            if (yield from self._on_node(cache, node, "partial")):
                yield from self._on_node(cache, node, "full")
        yield Gap()

    def _on_cpu(self, cache: Cache, cpu: CpuSlabs) -> Iterator[Row]:
        if self._request.hide_offline and not self._kernel.cpus.is_online(cpu.cpu):
            yield CacheCpuRow(cpu.cpu, None)
            return
        yield CacheCpuRow(cpu.cpu, cpu.address)
        yield SlabListRow(cpu.cpu, None, "slab", not cpu.slab)
        if cpu.slab and not (yield from self._slab(cache, cpu.slab, ("cpu", cpu.cpu))):
            return
        if not self._lists.has_cpu_partial:
            return
        yield SlabListRow(cpu.cpu, None, "partial", not cpu.partial)
        try:
            for slab in self._lists.cpu_partial(cache, cpu):
                if not (yield from self._slab(cache, slab.address, ("cpu partial", cpu.cpu))):
                    return
        except (ReadError, SlabDamage) as error:
            yield said(error)

    def _sheaves_of(self, cache: Cache) -> Iterator[Row]:
        """What CPUs and nodes keep in sheaves."""
        shown, sheaves = self._request.cpus, self._kernel.part(Sheaves)
        try:
            for cpu in sheaves.cpus(cache):
                if shown is None or cpu.cpu in shown:
                    yield SheavesRow(cpu.cpu, cpu.address)
                    yield from (SheafRow(*sheaf) for sheaf in cpu.sheaves)
            yield from (SheafRow(*sheaf) for sheaf in sheaves.on_nodes(cache))
        except (ReadError, SlabDamage, EndlessList) as error:
            yield said(error)

    def _on_node(self, cache: Cache, node: NodeSlabs, name: ListName) -> Generator[Row, None, bool]:
        """The slabs on a list of a node, one line each; gives whether all of them are there."""
        if name == "full" and not self._caches.tracks_full(cache):
            yield SlabListRow(None, node.node, name, empty=True, tracked=False)
            return True
        begun = False
        try:
            begun = self._lists.is_empty(node, name)
            yield SlabListRow(None, node.node, name, begun)
            for slab in self._lists.on_node(cache, node, name):
                yield from [] if begun else [SlabsBegin()]
                begun = True
                role: Role = "full" if name == "full" else "node partial"
                yield self._slab_row(cache, slab, self._objects.in_use(cache, slab), role, None)
        except (ReadError, SlabDamage) as error:
            yield from [] if begun else [SlabsBegin()]
            yield said(error)
            return False
        return True

    def _slab_row(
        self, cache: Cache, slab: SlabPage, allocated: int, role: Role, cpu: int | None
    ) -> SlabRow:
        start = self._slabs.start(slab.address) or 0
        node, free = self._slabs.node(slab.address), slab.objects - allocated
        return SlabRow(
            *(slab.address, start, node, slab.objects, allocated, free, cache.name, role, cpu)
        )

    def _slab(
        self,
        cache: Cache,
        address: int,
        place: tuple[Role, int | None] | None,
        inside: int | None = None,
    ) -> Generator[Row, None, bool]:
        """A slab with all its objects, or the one that an address lies in; `place` is on whose
        list it is, where that is known. Gives whether all of them could be told."""
        try:
            if self._slabs.start(address) is None:
                raise SlabDamage(f"{cache.name}: invalid slab address: {address:x}")
            yield SlabsBegin()
            objects = self._objects.of(cache, self._slabs.get(address))
        except (ReadError, SlabDamage) as error:
            yield said(error)
            return False
        if objects.kept is not None:
            yield said(objects.kept)
        place = place or self._objects.role(objects)
        yield self._slab_row(cache, objects.slab, objects.allocated, *place)
        yield ObjectsBegin()
        yield ObjectBlock(objects, tuple(_shown(objects, inside)))
        hidden = objects.hides()
        if hidden is not None:
            yield said(hidden)
        return hidden is None


def _shown(objects: Objects, inside: int | None) -> Iterator[tuple[int, bool]]:
    """All objects whose state is known, or the one of them that an address lies in."""
    size, padding = objects.places.step, objects.padding
    for address, free in objects.states():
        if inside is None or address - padding <= inside < address - padding + size:
            yield address, free
