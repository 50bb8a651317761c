"""What kmem shows of memory as a whole, found and put into rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from pycrash.api.kmemrows import (
    CountersRow,
    FlagsBegin,
    FreeAreaRow,
    FreeAreas,
    FreeBlocks,
    FreeNode,
    FreeTotalRow,
    MemoryBlockRow,
    MemoryBlocksBegin,
    MemoryUse,
    NodeRow,
    NodeZoneRow,
    NoFlags,
    PageFlagRow,
    PerCpuOffsetRow,
    PerCpuOffsets,
    PoolRow,
    PoolsBegin,
    SectionRow,
    SectionsBegin,
    UseBegin,
    VmapRow,
    ZoneCountersRow,
    ZoneFreeRow,
)
from pycrash.api.pagerows import physical_digits
from pycrash.api.rows import Gap, Notice, Row
from pycrash.errors import CrashError
from pycrash.kernel.core.layout import enumerators
from pycrash.kernel.mm.counters import Counters
from pycrash.kernel.mm.freelists import FreeList, FreeLists
from pycrash.kernel.mm.hugepages import HugePages
from pycrash.kernel.mm.memoryblocks import MemoryBlocks
from pycrash.kernel.mm.nodes import Node, Nodes
from pycrash.kernel.mm.pages import Pages
from pycrash.kernel.mm.sections import MARKS, Section, Sections
from pycrash.kernel.mm.swap import SwapAreas
from pycrash.kernel.mm.usage import Usage
from pycrash.kernel.mm.vmalloc import VmapArea
from pycrash.kernel.mm.zones import Zone, Zones
from pycrash.kernel.walks.lists import DuplicateEntry

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

#: Free blocks that go into one bundle.
_BUNDLE = 4096


def use_rows(kernel: Kernel, shared: int | None) -> Iterator[Row]:
    """What memory is used for; `shared` is the count of pages with several users, if wanted.

    Raises ReadError, MissingFeature.
    """
    usage = kernel.part(Usage)
    all_of = _Whole(kernel, "TOTAL MEM", usage.total)
    yield UseBegin()
    yield all_of.row
    free = usage.free
    yield all_of.part("FREE", free)
    yield all_of.part("USED", usage.total - free)
    if shared is not None:
        yield all_of.part("SHARED", shared)
    yield all_of.part("BUFFERS", usage.buffers)
    cached = usage.cached
    if cached < 0:
        yield Notice(f"page_cache_size went negative ({cached}), setting to 0")
    yield all_of.part("CACHED", max(cached, 0))
    yield all_of.part("SLAB", usage.slab)
    huge, huge_free = kernel.part(HugePages).pages
    huge_pages = _Whole(kernel, "TOTAL HUGE", huge)
    yield from (Gap(), huge_pages.row, huge_pages.part("HUGE FREE", huge_free), Gap())
    swap = 0
    if kernel.symbol_address("nr_swapfiles") is not None:
        areas = kernel.part(SwapAreas).all
        swap, used = sum(area.pages for area in areas), sum(area.used for area in areas)
        swapped = _Whole(kernel, "TOTAL SWAP", swap)
        yield swapped.row
        yield swapped.part("SWAP USED", used)
        yield swapped.part("SWAP FREE", swap - used)
    limit = usage.commit_limit(huge, swap)
    if limit is not None:
        yield Gap()
        limits = _Whole(kernel, "COMMIT LIMIT", limit, "TOTAL LIMIT")
        yield from (limits.row, limits.part("COMMITTED", usage.committed))


class _Whole:
    """Pages of which others are a part."""

    def __init__(self, kernel: Kernel, name: str, pages: int, called: str = "") -> None:
        self._called, self._pages, self._page_size = called or name, pages, kernel.page_size
        self.row = MemoryUse(name, pages, None, None, kernel.page_size)

    def part(self, name: str, pages: int) -> MemoryUse:
        percent = pages * 100 // self._pages if self._pages else 0
        return MemoryUse(name, pages, percent, self._called, self._page_size)


def free_rows(kernel: Kernel, listed: bool) -> Iterator[Row]:
    """The free blocks of each zone: counted by lists, or `listed` one by one.

    Raises CrashError for a damaged list, ReadError, MissingFeature.
    """
    zones, walker, found = kernel.part(Zones).all, FreeLists(kernel), 0
    for zone in zones:
        yield from zone_begin(kernel, zone)
        if not zone.free:
            continue
        if not listed:
            yield FreeAreas()
        for free_list in walker.of_zone(zone):
            count = 0
            if listed:
                yield area_row(kernel, free_list, None)
            try:
                for blocks in _bundled(walker.blocks(free_list)):
                    count += len(blocks)
                    if listed:
                        yield FreeBlocks(blocks, free_list.order)
            except DuplicateEntry as error:
                yield Notice(str(error))
                raise CrashError(corrupted(free_list)) from error
            if not listed:
                yield area_row(kernel, free_list, count)
            found += count << free_list.order
    yield FreeTotalRow(sum(zone.free for zone in zones), found)


def corrupted(free_list: FreeList) -> str:
    """What is said of a list that leads in circles."""
    return f"corrupted free list {free_list.migrate_type} from free_area struct: {free_list.area:x}"


def _bundled(blocks: Iterator[int]) -> Iterator[list[int]]:
    """Blocks in bundles; where they end in an error, those before it still come."""
    failure: CrashError | None = None

    def until_failure() -> Iterator[int]:
        nonlocal failure
        try:
            yield from blocks
        except CrashError as error:
            failure = error

    kept = until_failure()
    while bundle := list(islice(kept, _BUNDLE)):
        yield bundle
    if failure is not None:
        raise failure


def zone_begin(kernel: Kernel, zone: Zone, alone: bool = False) -> Iterator[Row]:
    """A zone whose free blocks are shown, behind those before it or `alone`."""
    nodes, pages = kernel.part(Nodes).all, kernel.part(Pages)
    if len(nodes) > 1 and (alone or not zone.number):
        yield FreeNode(zone.node.id, alone or zone.node == nodes[0])
    if zone.number and not alone:
        yield Gap()
    page = _first_page(kernel, zone.first) if zone.spanned else None
    offset = 0
    if page is not None:
        offset = (page - (_first_page(kernel, zone.node.first) or 0)) // pages.size
    yield ZoneFreeRow(*_zone(kernel, zone), offset)


def area_row(kernel: Kernel, found: FreeList, blocks: int | None) -> FreeAreaRow:
    """A list of free blocks."""
    zone = found.zone
    size = kernel.page_size << found.order
    place = zone.node.id, zone.number, found.order, found.migrate_type
    return FreeAreaRow(*place, found.head, blocks, size)


def node_rows(kernel: Kernel) -> Iterator[Row]:
    """The nodes with their zones, then the sections and blocks of memory. Raises ReadError."""
    zones, nodes = kernel.part(Zones), kernel.part(Nodes).all
    for node in nodes:
        yield _node(kernel, node, node == nodes[0])
        yield from (NodeZoneRow(*_zone(kernel, zone)) for zone in zones.all if zone.node == node)
    yield SectionsBegin()
    for section in kernel.part(Sections).all:
        yield _section(kernel, section)
    blocks = kernel.part(MemoryBlocks)
    if blocks.exist:
        digits = physical_digits(kernel)
        yield MemoryBlocksBegin(digits, blocks.ends_known, blocks.nodes_known)
        for block in blocks.all:
            yield MemoryBlockRow(*block)


def zone_rows(kernel: Kernel) -> Iterator[Row]:
    """The zones with their counters. Raises ReadError."""
    counters = kernel.part(Counters)
    for zone in kernel.part(Zones).all:
        counts = counters.of_zone(zone.counters)
        old = zone.all_unreclaimable, zone.pages_scanned
        yield ZoneCountersRow(*_zone(kernel, zone), counts, *old)


def counter_rows(kernel: Kernel) -> Iterator[Row]:
    """The counters of memory management. Raises ReadError."""
    counters = kernel.part(Counters)
    groups, events = counters.groups, counters.events
    longest = max((len(name) for group in groups for name in group.counters), default=0)
    for number, group in enumerate(groups):
        if number:
            yield Gap()
        yield CountersRow(*group, longest)
    if events is not None:
        yield Gap()
        yield CountersRow(*events, max(map(len, events.counters)))


def vmap_rows(areas: Iterable[VmapArea]) -> Iterator[Row]:
    """Areas of vmalloc space."""
    for area in areas:
        yield VmapRow(*area)


def per_cpu_rows(kernel: Kernel, hide_offline: bool) -> Iterator[Row]:
    """Where the per-CPU memory of each CPU is. Raises ReadError."""
    cpus = kernel.cpus
    yield PerCpuOffsets()
    for cpu in range(cpus.count):
        offset = cpus.offsets[cpu] if cpu < len(cpus.offsets) else 0
        yield PerCpuOffsetRow(cpu, offset, hide_offline and not cpus.is_online(cpu))


def pool_rows(kernel: Kernel) -> Iterator[Row]:
    """The pools of huge pages. Raises MissingFeature, ReadError."""
    pools = kernel.part(HugePages).pools
    yield PoolsBegin()
    for pool in pools:
        size = kernel.page_size << pool.order
        yield PoolRow(pool.address, pool.name, size, pool.free, pool.total)


def flag_rows(kernel: Kernel, flags: int) -> Iterator[Row]:
    """The flags of pages that are set in a word, all of them for 0. Raises CrashError."""
    found = enumerators(kernel.prog, "enum pageflags")
    if not found:
        raise CrashError("enum pageflags does not exist in this kernel")
    named = [(name, bit) for name, bit in found if "PG_" in name]
    highest = max((bit for _, bit in named), default=0)
    digits = (highest + 1) // 4 + 1
    yield FlagsBegin(flags, max((len(name) for name, _ in found), default=0), digits)
    shown = 0
    for name, bit in named:
        if not flags or flags >> bit & 1:
            shown += 1
            yield PageFlagRow(name, bit, 1 << bit)
    if not shown:
        yield NoFlags()


def _zone(
    kernel: Kernel, zone: Zone
) -> tuple[int, int, int, str | None, int, int, int, int, int | None, int, tuple[int, int, int]]:
    """The fields that all rows about a zone have."""
    page = _first_page(kernel, zone.first) if zone.spanned else None
    return (
        zone.node.id,
        zone.number,
        zone.address,
        zone.name,
        zone.spanned,
        zone.present,
        zone.free,
        zone.first * kernel.page_size,
        page,
        zone.first if zone.spanned else 0,
        zone.watermarks,
    )


def _first_page(kernel: Kernel, number: int) -> int | None:
    try:
        return kernel.part(Pages).address(number * kernel.page_size)
    except CrashError:
        return None


def _node(kernel: Kernel, node: Node, first: bool) -> NodeRow:
    zones = tuple(kernel.part(Zones).addresses(node))
    page, start = _first_page(kernel, node.first), node.first * kernel.page_size
    size = node.pages
    return NodeRow(
        node.id, node.address, size, zones, page, start, node.first, node.bootmem_data, first
    )


def _section(kernel: Kernel, section: Section) -> SectionRow:
    sections = kernel.part(Sections)
    number = sections.start(section) // kernel.page_size
    coded = sections.coded(section)
    page = coded + number * kernel.part(Pages).size
    marks = tuple(name for mask, name in MARKS if section.encoded & mask)
    return SectionRow(section.number, section.address, coded, page, marks, number)
