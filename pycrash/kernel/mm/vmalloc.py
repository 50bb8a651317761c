"""Areas of vmalloc space (struct vmap_area)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.walks.lists import Chain, EndlessList, entries

#: More pools of areas (vmap_nodes) than any kernel makes.
_MOST_POOLS = 1 << 12
#: Before 5.4, vmap_area.flags: the area has a vm_struct.
_HAS_STRUCT = 4


class VmapArea(NamedTuple):
    """One area: the struct vmap_area, its vm_struct, and where it starts and ends."""

    address: int
    vm_struct: int
    start: int
    end: int


class VmapAreas:
    """The areas of vmalloc space in use."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @cached_property
    def all(self) -> list[VmapArea]:
        """Those with a vm_struct, in the kernel's order: of one list by address, of several
        (6.9) sorted. Raises ReadError, MissingFeature, and CrashError for a damaged list."""
        found = [area for entry in self._entries() for area in self._area(entry)]
        return sorted(found, key=lambda area: area.start) if self._pools else found

    def at(self, address: int) -> VmapArea | None:
        """The area that an address lies in."""
        return next((area for area in self.all if area.start <= address < area.end), None)

    def of_physical(self, physical: int) -> Iterator[tuple[VmapArea, int]]:
        """Each area in which a page of memory is mapped, and the address it has there."""
        page, offset = physical & -self._kernel.page_size, physical % self._kernel.page_size
        for area in self.all:
            address = self._mapped(area, page)
            if address is not None:
                yield area, address + offset

    def _mapped(self, area: VmapArea, page: int) -> int | None:
        """The first address of an area at which a page is mapped."""
        for run in self._kernel.arch.tables.kernel_runs(area.start, area.end):
            if run.size == self._kernel.page_size:
                if page in run.places:
                    return run.address + run.places.index(page) * run.size
            elif run.places[0] is not None and 0 <= page - run.places[0] < run.size:
                return run.address + page - run.places[0]
        return None

    def _area(self, address: int) -> Iterator[VmapArea]:
        layout = self._layout
        data = self._kernel.read(address + layout.start, layout.size, "vmap_area struct")
        start, end, vm, _, flags, _ = layout.unpack(data)
        if flags == _HAS_STRUCT if self._has_kinds else vm:
            yield VmapArea(address, vm, start, end)

    def _entries(self) -> Iterator[int]:
        kernel = self._kernel
        if self._pools:
            address, count = self._pools
            layout = Layout(kernel.prog, "struct vmap_node", ("busy.head",))
            heads = [address + n * layout.whole + layout.start for n in range(count)]
            what = "invalid/corrupt vmap_nodes.busy list"
        else:
            heads = [kernel.required_symbol("vmap_area_list")]
            what = "invalid/corrupt vmap_area_list"
        for head in heads:
            yield from self._list(head, what)

    def _list(self, head: int, what: str) -> Iterator[int]:
        first = self._kernel.read_word(head, "vmap_area_list")
        back = self._layout.at("list")
        try:
            for entry in entries(self._kernel, Chain(first, end=head), "vmap_area.list"):
                yield entry - back
        except EndlessList as error:
            raise CrashError(what) from error

    @cached_property
    def _pools(self) -> tuple[int, int] | None:
        """The array of pools and its length, None on a kernel with one list."""
        kernel = self._kernel
        at, count = map(kernel.symbol_address, ("vmap_nodes", "nr_vmap_nodes"))
        if at is None or count is None:
            return None
        data = kernel.read(count, 4, "nr_vmap_nodes")
        return kernel.read_word(at, "vmap_nodes"), min(kernel.unsigned(data), _MOST_POOLS)

    @cached_property
    def _layout(self) -> Layout:
        fields = ("va_start", "va_end", "vm", "list", "flags", "purge_list")
        optional = ("flags", "purge_list")
        return Layout(self._kernel.prog, "struct vmap_area", fields, optional)

    @cached_property
    def _has_kinds(self) -> bool:
        """Whether the flags say what an area is for: before 5.4, which had a list of those to be
        purged; from 6.3 on there are flags for other things."""
        return "flags" in self._layout and "purge_list" in self._layout
