"""What an address belongs to: a symbol, a task, vmalloc space, a slab, a free block, a page."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from pycrash.api.kmemfacts import area_row, corrupted, vmap_rows, zone_begin
from pycrash.api.kmemrows import AddressNotFound, FreePageRow, VmapBegin
from pycrash.api.pagerows import PageHeading, page_row, physical_digits
from pycrash.api.rows import Gap, Notice, Row
from pycrash.api.slabfacts import SlabFinder, SlabRequest, cache_at, is_slab_page
from pycrash.api.slabline import kernel_address
from pycrash.api.symbolrows import symbol_row
from pycrash.api.taskcontext import task_context
from pycrash.errors import CrashError
from pycrash.kernel.mm.freelists import FreeList, FreeLists
from pycrash.kernel.mm.pages import Pages
from pycrash.kernel.mm.vmalloc import VmapAreas
from pycrash.kernel.mm.zones import Zone, Zones
from pycrash.kernel.walks.lists import DuplicateEntry

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


@dataclass(frozen=True)
class Where:
    """An address that kmem was given: a `physical` one, or one of the kernel's, which may be that
    of a struct page."""

    kernel: Kernel
    value: int
    physical: bool

    @classmethod
    def of(cls, kernel: Kernel, value: int, physical: bool) -> Where:
        """What a value is: physical if so said, or if it cannot be an address of the kernel's."""
        return cls(kernel, value, physical or not kernel.memory.is_kernel(value))

    @cached_property
    def place(self) -> int | None:
        """The physical address that is meant: that of the page whose struct page it is, or what
        it is mapped to; None where that is nothing."""
        if self.physical:
            return self.value
        page = self.kernel.part(Pages).physical(self.value)
        return self.kernel.arch.tables.kernel_physical(self.value) if page is None else page

    @cached_property
    def page(self) -> int | None:
        """The struct page of it, None where the kernel keeps none."""
        if self.place is None:
            return None
        try:
            return self.kernel.part(Pages).address(self.place)
        except CrashError:
            return None


def page_rows(where: Where, begun: bool = False) -> Generator[Row, None, bool]:
    """The record of the page, if there is one, behind the heading where that was not shown."""
    if where.place is None or where.page is None:
        return False
    if not begun:
        yield PageHeading(physical_digits(where.kernel))
    yield page_row(where.kernel, where.place)
    return True


def free_page_rows(where: Where, patient: bool) -> Generator[Row, None, bool]:
    """The free block that the page is in, and its list. Of a damaged list a `patient` caller is
    told, and for any other one it is the end. Raises CrashError, ReadError."""
    if where.place is None:
        return False
    if where.page is None:
        yield Notice(f"cannot determine page for {where.value:x}")
        return False
    kernel, walker = where.kernel, FreeLists(where.kernel)
    number = where.place // kernel.page_size
    for zone in kernel.part(Zones).all:
        if not zone.free or not 0 <= number - zone.node.first < zone.node.pages:
            continue
        try:
            found = _find(walker, zone, where)
        except _Corrupted as error:
            if not patient:
                raise
            yield Notice(str(error.__cause__))
            yield Notice(str(error))
            continue
        if found is not None:
            yield from zone_begin(kernel, zone, alone=True)
            yield area_row(kernel, found[0], None)
            yield _free_page(where, *found)
            return True
    return False


class _Corrupted(CrashError):
    """A list of free blocks leads in circles."""


def _find(walker: FreeLists, zone: Zone, where: Where) -> tuple[FreeList, int] | None:
    """The list and the block in it that a page is in. Raises _Corrupted, ReadError."""
    size, page = where.kernel.part(Pages).size, where.page or 0
    for free_list in walker.of_zone(zone):
        length = free_list.pages * size
        try:
            for block in walker.blocks(free_list):
                if 0 <= page - block < length:
                    return free_list, block
        except DuplicateEntry as error:
            raise _Corrupted(corrupted(free_list)) from error
    return None


def _free_page(where: Where, free_list: FreeList, block: int) -> FreePageRow:
    place = ((where.page or 0) - block) // where.kernel.part(Pages).size
    inside = bool(where.value % where.kernel.page_size)
    return FreePageRow(block, free_list.order, where.value, place + 1, where.physical, inside)


def vmap_areas(where: Where, begun: bool = False) -> Iterator[Row]:
    """The areas of vmalloc space with an address, or with a physical page mapped in them."""
    areas = where.kernel.part(VmapAreas)
    if where.physical:
        found = [area for area, _ in areas.of_physical(where.value)]
    else:
        found = [area for area in areas.all if area.start <= where.value < area.end]
    if not begun and areas.all:
        yield VmapBegin()
    yield from vmap_rows(found)


def search_rows(where: Where, hide_offline: bool = False) -> Iterator[Row]:
    """Everything that an address belongs to, in crash's order. Raises CrashError, ReadError."""
    kernel = where.kernel
    address = kernel_address(kernel, where.value, where.physical)
    if address == kernel.word_mask:
        address = None  # It stands for no address.
    yield from _symbol(where, address)
    if not where.physical and kernel.arch.tables.is_mapped(where.value):
        yield from _task(kernel, _on_stack(kernel, where.value))
        if where.place is not None and kernel.part(VmapAreas).at(where.value) is not None:
            yield from vmap_areas(where)
            yield Gap()
            yield from _page(Where(kernel, where.place, physical=True))
            return
    if where.physical:
        mapped = next(kernel.part(VmapAreas).of_physical(where.value), None)
        if mapped is not None:
            yield from _task(kernel, _on_stack(kernel, mapped[1]))
            yield from _nearest_symbol(kernel, mapped[1], listed=True)
            yield from vmap_areas(where)
            yield Gap()
            yield from _page(where) if address is not None else [_not_found(where)]
            return
    if address is not None:
        yield from _slabs(where, address, hide_offline)
    if (yield from free_page_rows(where, patient=True)):
        yield Gap()
    if address is None:
        yield _not_found(where)
        return
    yield from _task(kernel, _task_at(kernel, address) or _on_stack(kernel, address))
    yield from _page(where)


def _symbol(where: Where, address: int | None) -> Iterator[Row]:
    """The symbol of an address in the kernel's image or in a module."""
    kernel = where.kernel
    symbols = kernel.symbols
    first, last = symbols.address("_stext"), symbols.address("_end")
    in_image = address is not None and first <= address <= last
    if in_image or symbols.module_of(where.value) is not None:
        yield from _nearest_symbol(kernel, address or where.value)


def _nearest_symbol(kernel: Kernel, address: int, listed: bool = False) -> Iterator[Row]:
    found = kernel.symbols.lookup(address)
    if found is not None:
        yield replace(symbol_row(kernel, *found), listed=listed)
        yield Gap()


def _slabs(where: Where, address: int, hide_offline: bool) -> Iterator[Row]:
    """The object of a slab cache at a kernel address, or all of a slab."""
    kernel = where.kernel
    of_cache = yield from cache_at(kernel, address)
    if of_cache or (not where.physical and is_slab_page(kernel, where.value)):
        request = SlabRequest(hide_offline=hide_offline)
        yield from SlabFinder(kernel, request).at(address)
        yield Gap()


def _task(kernel: Kernel, task: int | None) -> Iterator[Row]:
    if task is not None:
        yield task_context(kernel, task)
        yield Gap()


def _task_at(kernel: Kernel, address: int) -> int | None:
    """The task whose task_struct an address lies in."""
    size = kernel.tasks.size
    fits = (task.address for task in kernel.tasks.all if 0 <= address - task.address < size)
    return next(fits, None)


def _on_stack(kernel: Kernel, address: int) -> int | None:
    """The task on whose stack an address lies."""
    size = kernel.stacks.size
    fits = (task.address for task in kernel.tasks.all if 0 <= address - task.stack < size)
    return next(fits, None)


def _page(where: Where) -> Iterator[Row]:
    if not (yield from page_rows(where)):
        yield _not_found(where)


def _not_found(where: Where) -> AddressNotFound:
    return AddressNotFound(where.value, where.physical)
