"""How memory as a whole is shown: its use, nodes, zones, free blocks, counters, vmalloc areas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pycrash.api.context import View
from pycrash.api.kmemrows import (
    AddressNotFound,
    CountersRow,
    FlagsBegin,
    FreeAreaRow,
    FreeAreas,
    FreeBlocks,
    FreeNode,
    FreePageRow,
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
    VmapBegin,
    VmapRow,
    ZoneCountersRow,
    ZoneFreeRow,
)
from pycrash.api.rows import Gap, Row
from pycrash.render.columns import centered
from pycrash.render.ctext import size_text

#: What crash draws between the free blocks of two nodes, and behind the zones of one.
_RULE = 74
_SECTIONS_RULE = 67
_MARKS = {"present": "P", "map": "M", "online": "O", "early": "E", "device": "D"}
_BLOCK_NAME = 10
_STATE = len("OFFLINE")


class KmemText:
    """Makes lines of rows; a heading decides how those behind it look."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._width = view.pointer_width
        self._flags = FlagsBegin(0, 0, 0)
        self._blocks = MemoryBlocksBegin(0, True, True)
        #: What makes the lines of each kind of row.
        self.makers: dict[type[Row], Callable[[Any], Iterator[str]]] = {
            UseBegin: self._use_heading,
            MemoryUse: self._use,
            ZoneFreeRow: self._zone_free,
            FreeNode: self._free_node,
            FreePageRow: self._free_page,
            FreeAreas: self._areas_heading,
            FreeAreaRow: self._area,
            FreeBlocks: self._free_blocks,
            FreeTotalRow: self._free_total,
            NodeRow: self._node,
            NodeZoneRow: self._node_zone,
            SectionsBegin: self._sections_heading,
            SectionRow: self._section,
            MemoryBlocksBegin: self._blocks_heading,
            MemoryBlockRow: self._block,
            ZoneCountersRow: self._zone_counters,
            CountersRow: self._counters,
            VmapBegin: self._vmap_heading,
            VmapRow: self._vmap,
            PerCpuOffsets: self._offsets_heading,
            PerCpuOffsetRow: self._offset,
            PoolsBegin: self._pools_heading,
            PoolRow: self._pool,
            FlagsBegin: self._flags_heading,
            PageFlagRow: self._flag,
            NoFlags: self._no_flags,
            AddressNotFound: self._not_found,
            Gap: self._gap,
        }

    def _gap(self, row: Gap) -> Iterator[str]:
        yield ""

    def _use_heading(self, row: UseBegin) -> Iterator[str]:
        yield "                 PAGES        TOTAL      PERCENTAGE"

    def _use(self, row: MemoryUse) -> Iterator[str]:
        head = f"{row.name:>13}  {row.pages:7}  {size_text(row.pages * row.page_size):>11}"
        yield (
            f"{head}         ----"
            if row.whole is None
            else f"{head}  {row.percent:3}% of {row.whole}"
        )

    def _zone_free(self, row: ZoneFreeRow) -> Iterator[str]:
        page = centered("MEM_MAP", self._width)
        yield f"ZONE  NAME        SIZE    FREE  {page}  START_PADDR  START_MAPNR"
        name = "(unknown)" if row.name is None else f"{row.name:<9}"
        address = centered(f"{row.page or 0:x}", self._width)
        start = centered(f"{row.start:x}", len("START_PADDR"), "right")
        place = centered(str(row.offset), len("START_MAPNR"), "right")
        yield f"{row.zone:3}   {name} {row.size:6}  {row.free:6}  {address}  {start}  {place}"

    def _free_node(self, row: FreeNode) -> Iterator[str]:
        if not row.first:
            yield from ("", "-" * _RULE, "")
        yield from ("NODE", f" {row.node:2}")

    def _areas_heading(self, row: FreeAreas) -> Iterator[str]:
        yield "AREA    SIZE  FREE_AREA_STRUCT  BLOCKS  PAGES"

    def _area(self, row: FreeAreaRow) -> Iterator[str]:
        address = centered(f"{row.address:x}", max(self._width, len("FREE_AREA_STRUCT")))
        line = f"{row.order:3}  {row.block_size // 1024:>6}k  {address}  "
        if row.blocks is None:
            yield "AREA    SIZE  FREE_AREA_STRUCT"
            yield line
        else:
            yield f"{line}{row.blocks:6} {row.blocks << row.order:6}"

    def _free_blocks(self, row: FreeBlocks) -> Iterator[str]:
        yield "\n".join(map("{:x}".format, row.pages))

    def _free_page(self, row: FreePageRow) -> Iterator[str]:
        ending = {1: "st", 2: "nd", 3: "rd"}.get(row.place % 10, "th")
        inside = "in " if row.physical and row.inside else ""
        place = f"({row.address:x} is {inside}{row.place}{ending} of {1 << row.order} pages)"
        yield f"{row.page:x}  {place if row.order else ''}"

    def _free_total(self, row: FreeTotalRow) -> Iterator[str]:
        same = "(verified)" if row.counted == row.found else f"(found {row.found})"
        yield from ("", f"nr_free_pages: {row.counted}  {same}")

    def _node(self, row: NodeRow) -> Iterator[str]:
        width = max(self._width, len("BOOTMEM_DATA"))
        heads = (centered(head, width) for head in ("PGLIST_DATA", "BOOTMEM_DATA", "NODE_ZONES"))
        if not row.first:
            yield from ("", "-" * _SECTIONS_RULE, "")
        yield f"NODE  {centered('SIZE', 8)}  {'  '.join(heads)}"
        boot = "----" if row.bootmem_data is None else f"{row.bootmem_data:x}"
        zones = [centered(f"{zone:x}", width) for zone in row.zones] or [""]
        head = (
            f" {row.node:2}   {centered(str(row.size), 8)}  "
            f"{centered(f'{row.address:x}', width)}  {centered(boot, width)}  "
        )
        yield head + zones[0]
        for zone in zones[1:]:
            yield " " * len(head) + zone.rstrip()
        yield f"{centered('MEM_MAP', self._width)}     START_PADDR    START_MAPNR"
        page = centered(f"{row.page or 0:x}", self._width)
        start = centered(f"{row.start:x}", len("   START_PADDR  "), "right")
        first = centered(str(row.first_page), len("START_MAPNR"), "right")
        yield f"{page}  {start}  {first}"
        page = centered("MEM_MAP", self._width, "right")
        yield from ("", f"ZONE  NAME         SIZE  {page}  START_PADDR  START_MAPNR")

    def _node_zone(self, row: NodeZoneRow) -> Iterator[str]:
        name = "(unknown) " if row.name is None else row.name
        yield (
            f" {row.zone:2}   {name:<9} {row.size:7}  {row.page or 0:{self._width}x}  "
            f"{row.start:11x}  {row.first_page:11}"
        )

    def _sections_heading(self, row: SectionsBegin) -> Iterator[str]:
        rule = _SECTIONS_RULE if self._width > 8 else 59
        coded = centered("CODED_MEM_MAP", max(self._width, len("CODED_MEM_MAP")))
        yield from ("", "-" * rule, "")
        yield (
            f"NR  {centered('SECTION', self._width)}  {coded}  "
            f"{centered('MEM_MAP', self._width)}  STATE PFN"
        )

    def _section(self, row: SectionRow) -> Iterator[str]:
        width = self._width
        coded = centered(f"{row.coded_mem_map:x}", max(width, len("CODED_MEM_MAP")), "right")
        marks = centered("".join(_MARKS[mark] for mark in row.marks), len("STATE"))
        first = f"{row.first_page:{'d' if self._view.radix == 10 else 'x'}}"
        yield (
            f"{row.number:2}  {centered(f'{row.address:x}', width)}  {coded}  "
            f"{centered(f'{row.page:x}', width, 'right')}  {marks} {first:<{width}}"
        )

    def _blocks_heading(self, row: MemoryBlocksBegin) -> Iterator[str]:
        self._blocks = row
        what = "PHYSICAL RANGE" if row.ends_known else "PHYSICAL START"
        head = f"{centered('MEM_BLOCK', self._width)} {centered('NAME', _BLOCK_NAME)}   "
        state = f"{'STATE':<{_STATE}} START_SECTION_NO"
        yield ""
        if row.nodes_known:
            yield f"{head}{centered(what, 2 * row.digits + 2)}   NODE  {state}"
        else:
            yield f"{head}{centered(what, 2 * row.digits)}    {state}"

    def _block(self, row: MemoryBlockRow) -> Iterator[str]:
        digits = self._blocks.digits
        if row.last is None:
            place = centered(f"{row.start:x}", 2 * digits + 3)
        else:
            place = f"{row.start:{digits}x} - {row.last:{digits}x}"
        end = f"{row.state:<{_STATE}} {row.section:<12}"
        head = f" {row.address:<{self._width}x} "
        if row.node is None:
            yield f"{head}{centered(row.name, _BLOCK_NAME)} {place}  {end}"
        else:
            node = centered(str(row.node), len("NODE"))
            yield f"{head}{centered(row.name, _BLOCK_NAME + 2)} {place} {node}  {end}"

    def _zone_counters(self, row: ZoneCountersRow) -> Iterator[str]:
        name = "(unknown) " if row.name is None else row.name
        yield f'NODE: {row.node}  ZONE: {row.zone}  ADDR: {row.address:x}  NAME: "{name}"'
        if not row.size:
            yield from ("  [unpopulated]", "")
            return
        present = f"  PRESENT: {row.present}" if row.present < row.size else ""
        yield f"  SIZE: {row.size}{present}  MIN/LOW/HIGH: {'/'.join(map(str, row.watermarks))}"
        yield "  VM_STAT:"
        yield from _counter_lines(row.counters, max(map(len, row.counters), default=0))
        end = ""
        if row.all_unreclaimable is not None:
            end = f"  ALL_UNRECLAIMABLE: {'yes' if row.all_unreclaimable else 'no'}  "
        if row.pages_scanned is not None:
            end += f"PAGES_SCANNED: {row.pages_scanned}  "
        yield from (end, "")

    def _counters(self, row: CountersRow) -> Iterator[str]:
        yield f"  {row.name}:"
        yield from _counter_lines(row.counters, row.longest)

    def _vmap_heading(self, row: VmapBegin) -> Iterator[str]:
        width = self._width
        place = centered("ADDRESS RANGE", 2 * width + len(" - "))
        yield f"{centered('VMAP_AREA', width)}  {centered('VM_STRUCT', width)}  {place}     SIZE"

    def _vmap(self, row: VmapRow) -> Iterator[str]:
        width = self._width
        address, vm = (centered(f"{a:x}", width) for a in (row.address, row.vm_struct))
        place = f"{row.start:{width}x} - {row.end:<{width}x}"
        yield f"{address}  {vm}  {place}  {row.end - row.start:7}"

    def _offsets_heading(self, row: PerCpuOffsets) -> Iterator[str]:
        yield "PER-CPU OFFSET VALUES:"

    def _offset(self, row: PerCpuOffsetRow) -> Iterator[str]:
        name = f"CPU {row.cpu}"
        yield f"{name:>7}: {row.offset:x}{' [OFFLINE]' if row.hidden else ''}"

    def _pools_heading(self, row: PoolsBegin) -> Iterator[str]:
        yield f"{centered('HSTATE', self._width)}   SIZE    FREE   TOTAL  NAME"

    def _pool(self, row: PoolRow) -> Iterator[str]:
        size = size_text(row.size).replace(" ", "", 1)
        yield f"{row.address:x}  {size:>5}  {row.free:6}  {row.total:6}  {row.name}"

    def _flags_heading(self, row: FlagsBegin) -> Iterator[str]:
        self._flags = row
        if row.flags:
            yield f"FLAGS: {row.flags:x}"
        yield f"{'  ' if row.flags else ''}{'PAGE-FLAG':<{row.longest}} BIT  VALUE"

    def _flag(self, row: PageFlagRow) -> Iterator[str]:
        head = self._flags
        indent = "  " if head.flags else ""
        yield f"{indent}{row.name:<{head.longest}}  {row.bit:2}  {row.mask:0{head.digits}x}"

    def _no_flags(self, row: NoFlags) -> Iterator[str]:
        yield "  (none found)"

    def _not_found(self, row: AddressNotFound) -> Iterator[str]:
        kind = "physical" if row.physical else "kernel virtual"
        yield f"{row.address:x}: {kind} address not found in mem map"


def _counter_lines(counters: dict[str, int], longest: int) -> Iterator[str]:
    for name, value in counters.items():
        yield f"{name:>{longest}}: {value}"
