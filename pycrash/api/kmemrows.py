"""Rows about memory as a whole: its use, nodes, zones, free blocks, counters, vmalloc areas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pycrash.api.fields import Address, Bits, Bytes, Hidden, Pages, Percent
from pycrash.api.rows import Begin, Bundle, Row


@dataclass(frozen=True)
class UseBegin(Begin):
    """What memory is used for is told."""


@dataclass(frozen=True)
class MemoryUse(Row, kind="kmem.use"):
    """Pages that are used for something, and how much that is of another use, the `whole`."""

    name: str
    pages: Pages
    percent: Percent | None
    whole: str | None
    page_size: Hidden[int]


@dataclass(frozen=True)
class ZoneRow(Row):
    """A zone of a node's memory, the struct zone at `address`: how many pages there are from its
    first to its last, how many exist, and how many are free; where it starts, the struct page of
    that, None where it has no memory, and that page's number. `watermarks` are the counts of free
    pages below which the kernel looks for more: min, low, high."""

    node: int
    zone: int
    address: Address
    name: str | None
    size: Pages
    present: Pages
    free: Pages
    start: Address
    page: Address | None
    first_page: int
    watermarks: tuple[int, int, int]


@dataclass(frozen=True)
class ZoneCountersRow(ZoneRow, kind="kmem.zone.counters"):
    """A zone with its counters; of old kernels, whether it was given up, and what was scanned."""

    counters: dict[str, int]
    all_unreclaimable: bool | None
    pages_scanned: int | None


@dataclass(frozen=True)
class ZoneFreeRow(ZoneRow, kind="kmem.zone.free"):
    """A zone whose free blocks follow. `offset` is how many struct pages its first lies behind
    its node's first."""

    offset: int


@dataclass(frozen=True)
class FreeNode(Begin):
    """The free blocks of a node begin, where there are several nodes."""

    node: int
    first: bool


@dataclass(frozen=True)
class FreeAreaRow(Row, kind="kmem.free_area"):
    """A list of free blocks of 2**order pages each: `address` is its head, in a struct free_area.
    `blocks` is None where they were not counted."""

    node: int
    zone: int
    order: int
    migrate_type: int
    address: Address
    blocks: int | None
    block_size: Bytes


@dataclass(frozen=True)
class FreeAreas(Begin):
    """Lists of free blocks begin."""


@dataclass(frozen=True)
class FreeBlockRow(Row, kind="kmem.free_block"):
    """A free block: `page` is its first struct page."""

    page: Address
    order: int


@dataclass(frozen=True)
class FreePageRow(Row, kind="kmem.free_page"):
    """The page of an `address` is free: it is the `place`th, from 1 on, of the block of 2**order
    pages that begins with the struct page `page`."""

    page: Address
    order: int
    address: Address
    place: int
    physical: Hidden[bool]
    inside: Hidden[bool]


@dataclass(frozen=True)
class FreeBlocks(Bundle):
    """Some free blocks of one list."""

    pages: Sequence[int]
    order: int

    def rows(self) -> Iterator[Row]:
        return (FreeBlockRow(page, self.order) for page in self.pages)


@dataclass(frozen=True)
class FreeTotalRow(Row, kind="kmem.free_total"):
    """How many pages the counters of all zones say are free, and how many were found."""

    counted: Pages
    found: Pages


@dataclass(frozen=True)
class NodeRow(Row, kind="kmem.node"):
    """A node, the struct pglist_data at `address`: how many pages there are up to its last,
    its struct zones, the struct page of its first page, that page's address and number, and its
    bootmem_data on kernels that have one."""

    node: int
    address: Address
    size: Pages
    zones: tuple[Address, ...]
    page: Address | None
    start: Address
    first_page: int
    bootmem_data: Address | None
    first: Hidden[bool]


@dataclass(frozen=True)
class NodeZoneRow(ZoneRow, kind="kmem.zone"):
    """A zone of the node before it."""


@dataclass(frozen=True)
class SectionRow(Row, kind="kmem.section"):
    """A section of memory, the struct mem_section at `address`: where the struct page of page 0
    would be, where that of its first page is, marks (present, has a map, online, early, device),
    and its first page's number."""

    number: int
    address: Address
    coded_mem_map: Address
    page: Address
    marks: tuple[str, ...]
    first_page: int


@dataclass(frozen=True)
class MemoryBlockRow(Row, kind="kmem.memory_block"):
    """A block of memory that can be plugged, the struct memory_block at `address`."""

    address: Address
    name: str
    start: Address
    last: Address | None
    node: int | None
    state: str
    section: int


@dataclass(frozen=True)
class MemoryBlocksBegin(Begin):
    """A list of memory blocks begins."""

    digits: int
    ends_known: bool
    nodes_known: bool


@dataclass(frozen=True)
class SectionsBegin(Begin):
    """A list of sections begins."""


@dataclass(frozen=True)
class CountersRow(Row, kind="kmem.counters"):
    """Counters of one kind, by the kernel's names. `longest` is the length of the longest name
    of those that stand in one column."""

    name: str
    counters: dict[str, int]
    longest: Hidden[int]


@dataclass(frozen=True)
class VmapRow(Row, kind="kmem.vmalloc"):
    """An area of vmalloc space: `address` is its vmap_area."""

    address: Address
    vm_struct: Address
    start: Address
    end: Address


@dataclass(frozen=True)
class VmapBegin(Begin):
    """A list of areas of vmalloc space begins."""


@dataclass(frozen=True)
class PerCpuOffsets(Begin):
    """The offsets of per-CPU memory begin."""


@dataclass(frozen=True)
class PerCpuOffsetRow(Row, kind="kmem.per_cpu"):
    """What is added to the address of a per-CPU variable for a CPU."""

    cpu: int
    offset: Address
    hidden: Hidden[bool]


@dataclass(frozen=True)
class PoolRow(Row, kind="kmem.hugepages"):
    """Huge pages of one size: `address` is the struct hstate."""

    address: Address
    name: str
    size: Bytes
    free: int
    total: int


@dataclass(frozen=True)
class PoolsBegin(Begin):
    """A list of pools of huge pages begins."""


@dataclass(frozen=True)
class FlagsBegin(Begin):
    """The flags of pages begin: all, or those of a word. `longest` is the longest name's length,
    `digits` what the highest flag needs."""

    flags: int
    longest: int
    digits: int


@dataclass(frozen=True)
class PageFlagRow(Row, kind="kmem.page_flag"):
    """A flag of pages: its name, its bit, and the mask of that."""

    name: str
    bit: int
    mask: Bits


@dataclass(frozen=True)
class NoFlags(Begin):
    """No flag of pages is set in a word."""


@dataclass(frozen=True)
class AddressNotFound(Row, kind="kmem.not_found"):
    """The kernel has no record of the page of an address."""

    address: Address
    physical: bool
