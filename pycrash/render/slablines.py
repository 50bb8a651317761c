"""How slab caches, slabs and their objects are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pycrash.api.context import View
from pycrash.api.rows import Row
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
from pycrash.kernel.mm.slabsheaves import Sheaf

Lines = Iterator[str]


class SlabText:
    """Lines of rows: `makers` has what makes them, by the class of the row."""

    def __init__(self, view: View) -> None:
        self._width = view.pointer_width
        self._wide = self._width > 8
        self._redzone = view.settings.redzone
        self.makers: dict[type[Row], Callable[[Any], Lines]] = {
            CachesBegin: self._caches,
            CacheNameRow: self._name,
            CacheRow: self._cache,
            CacheCpuRow: self._cpu,
            CacheNodeRow: self._node,
            SlabListRow: self._list,
            SlabsBegin: self._slabs,
            SlabRow: self._slab,
            ObjectsBegin: self._objects,
            ObjectBlock: self._block,
            SheavesRow: self._sheaves,
            SheafRow: self._sheaf,
        }

    def _caches(self, row: CachesBegin) -> Lines:
        gap = " " * (12 if self._wide else 4)
        yield f"CACHE{gap} OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE  NAME"

    def _name(self, row: CacheNameRow) -> Lines:
        if row.ignored:
            yield f"{row.address:x} {'[IGNORED]':<43}  {row.name}"
        else:
            yield f"{row.address:x} {row.name}"

    def _cache(self, row: CacheRow) -> Lines:
        counts = ["?" if n is None else n for n in (row.allocated, row.objects, row.slabs)]
        yield (
            f"{row.address:<{self._width}x} {row.object_size:8}  {counts[0]:>9}  {counts[1]:>8}  "
            f"{counts[2]:>5}  {row.slab_size // 1024:4}k  {row.name}"
        )

    def _cpu(self, row: CacheCpuRow) -> Lines:
        if row.address is None:
            yield f"CPU {row.cpu} [OFFLINE]"
        else:
            yield f"CPU {row.cpu} KMEM_CACHE_CPU:"
            yield f"  {row.address:x}"

    def _list(self, row: SlabListRow) -> Lines:
        whose = f"NODE {row.node}" if row.cpu is None else f"CPU {row.cpu}"
        yield f"{whose} {row.list.upper()}:"
        if not row.tracked:
            yield "  (not tracked)"
        elif row.empty:
            yield "  (empty)"

    def _slabs(self, row: SlabsBegin) -> Lines:
        after = (" " * 14, " " * 12) if self._wide else (" " * 6, " " * 4)
        yield f"  SLAB{after[0]}MEMORY{after[1]}NODE  TOTAL  ALLOCATED  FREE"

    def _slab(self, row: SlabRow) -> Lines:
        width = self._width
        node = -1 if row.node is None else row.node
        yield (
            f"  {row.slab:<{width}x}  {row.memory:<{width}x}  {node:4}  {row.objects:5}  "
            f"{row.allocated:9}  {row.free:4}"
        )

    def _objects(self, row: ObjectsBegin) -> Lines:
        yield "  FREE / [ALLOCATED]"

    def _block(self, row: ObjectBlock) -> Lines:
        of = row.objects
        back = of.padding if self._redzone else 0
        mark = "" if of.cpu is None else f"(cpu {of.cpu} cache)"
        for address, free in row.states:
            place = address - back
            if not free:
                yield f"  [{place:x}]"
            elif address in of.sheaves:
                yield f"   {place:x}  {_sheaf_mark(of.sheaves[address])}"
            else:
                yield f"   {place:x}  {mark}"

    def _sheaves(self, row: SheavesRow) -> Lines:
        yield f"CPU {row.cpu} SLUB_PERCPU_SHEAVES:"
        yield f"  {row.address:x}"

    def _sheaf(self, row: SheafRow) -> Lines:
        whose = f"NODE {row.node}" if row.cpu is None else f"CPU {row.cpu}"
        yield f"{whose} {row.name.upper()} SHEAF:"
        yield f"  {row.sheaf:x}"
        yield from (f"   {address:x}" for address in row.objects)
        if not row.objects:
            yield "  (empty)"

    def _node(self, row: CacheNodeRow) -> Lines:
        gap = " " * (2 if self._wide else 10)
        yield "KMEM_CACHE_NODE   NODE  SLABS  PARTIAL  PER-CPU"
        yield f"{row.address:x}{gap}{row.node:4}  {row.slabs:5}  {row.partial:7}  {row.per_cpu:7}"


def _sheaf_mark(sheaf: Sheaf) -> str:
    """Who keeps a free object."""
    return f"(node {sheaf.node} cache)" if sheaf.cpu is None else f"(cpu {sheaf.cpu} cache)"
