"""Rows about devices, and the lines that dev makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pycrash.api.context import View
from pycrash.api.fields import Address, Bits, Bytes, Hidden
from pycrash.api.rows import Row
from pycrash.render.columns import centered

#: Lines of resources are broken to stay within these columns.
_COLUMNS = 80
_NONE = "(none)"


@dataclass(frozen=True)
class CharRow(Row, kind="dev.char"):
    """Numbers of a character driver from `major`, `minor` on. `cdev` and its file_operations are
    0 where nothing serves them; `symbol` is the operations' name, empty without one."""

    major: int
    minor: int
    name: str
    cdev: Address
    operations: Address
    symbol: str
    place: Hidden[tuple[str, str]]


@dataclass(frozen=True)
class BlockRow(Row, kind="dev.block"):
    """A block driver. `gendisk` is a disk of it and `operations` that disk's, 0 where it has
    none."""

    major: int
    name: str
    gendisk: Address
    operations: Address
    symbol: str
    place: Hidden[tuple[str, str]]


@dataclass(frozen=True)
class Heading(Row):
    """No fact: a list of these begins."""

    what: Literal["char", "block", "dumps"]


@dataclass(frozen=True)
class ResourcesHeading(Row):
    """No fact: a tree of resources begins; the addresses in it have so many digits."""

    digits: int
    first: bool


@dataclass(frozen=True)
class ResourceRow(Row, kind="dev.resource"):
    """A range of I/O ports or of physical memory (`space`) up to and including `end`, `depth`
    levels below the whole; `name` is None where it cannot be read."""

    space: str
    address: Address
    start: Address
    end: Address
    name: str | None
    depth: int
    digits: Hidden[int]


@dataclass(frozen=True)
class PciBusRow(Row, kind="dev.pci_bus"):
    """A PCI bus; its devices follow. `parent` is None for a root."""

    address: Address
    name: str
    parent: Address | None


@dataclass(frozen=True)
class PciRow(Row, kind="dev.pci"):
    """A PCI device. `port` is what it is on PCI Express, empty where that has no name; `upstream`
    tells that it is the bridge which leads to the bus."""

    address: Address
    name: str
    device_class: Bits
    vendor: Bits
    device: Bits
    port: str
    bridge: bool
    upstream: bool


@dataclass(frozen=True)
class DisksHeading(Row):
    """No fact: the list of disks begins, and this is what its numbers are."""

    by_sync: bool
    driver: bool


@dataclass(frozen=True)
class DiskRow(Row, kind="dev.disk"):
    """A disk and its requests under way: reads and writes; on kernels from 2.6.31 to 5.10
    asynchronous and synchronous ones. `driver` is how many of them the driver has, None where
    that is not counted."""

    gendisk: Address
    name: str
    major: int
    queue: Address
    multiqueue: bool
    reads: int
    writes: int
    driver: int | None
    counted: Hidden[bool]


@dataclass(frozen=True)
class DeviceDumpRow(Row, kind="dev.dump"):
    """What a driver added to the dump: where it lies in the file."""

    index: int
    offset: Address
    size: Bytes
    name: str


@dataclass(frozen=True)
class DeviceNameRow(Row, kind="dev.contents"):
    """The device dump whose contents follow."""

    name: str


@dataclass(frozen=True)
class DeviceCopyRow(Row, kind="dev.copied"):
    """How much of a device dump was written to a file."""

    address: Address
    size: Bytes
    file: str


def heading(row: Heading, view: View) -> str:
    """What stands above a list."""
    width = view.pointer_width
    if row.what == "dumps":
        return f"INDEX  {'OFFSET':16}   {'SIZE':16} NAME"
    if row.what == "char":
        device, column = "CHRDEV", centered("CDEV", width)
    else:
        device, column = "BLKDEV", centered("GENDISK", width, "right")
    gap = "   " if width == 8 else "  "
    return f"{device}    NAME         {gap}{column}  {'OPERATIONS':{width}}"


def number_line(row: CharRow | BlockRow, view: View) -> str:
    """A line of either list."""
    width = view.pointer_width
    served = row.cdev if isinstance(row, CharRow) else row.gendisk
    name = row.name or ("(unknown)" if isinstance(row, BlockRow) else "")
    head = f" {row.major:3}      {name:13} "
    if not row.operations:
        return f"{head}{' ' if width > 8 else '  '}{centered(_NONE, width)}"
    gap = " " if width > len("OPERATIONS") else "  "
    place = row.place[view.radix == 16]
    return f"{head}{gap}{served:{width}x}  {place or f'{row.operations:x}'}"


def resources_heading(row: ResourcesHeading, view: View) -> Iterator[str]:
    if not row.first:
        yield ""
    columns = centered("RESOURCE", view.pointer_width), centered("RANGE", 2 * row.digits + 1)
    yield f"{'  '.join(columns)}  NAME"


def resource_lines(row: ResourceRow, view: View) -> Iterator[str]:
    """A resource; a name too long for the line goes on in the next, broken at a blank."""
    digits = row.digits
    head = f"{row.address:8x}  {row.start:0{digits}x}-{row.end:0{digits}x}"
    before = view.pointer_width + 2 + 2 * digits + 1 + 2
    name = "(unknown)" if row.name is None else row.name
    surplus = before + len(name) - _COLUMNS
    cut = name.rfind(" ", 0, len(name) - surplus) if surplus > 0 else -1
    if cut <= 0:
        yield f"{head}  {name}"
        return
    yield f"{head}  {name[:cut]}"
    yield " " * before + name[cut + 1 :]


def bus_lines(row: PciBusRow, view: View) -> Iterator[str]:
    width = view.pointer_width
    if row.parent is None:
        yield f"{centered('ROOT BUS', width)} {centered('BUSNAME', 7)}"
        yield f"{row.address:<{width}x} {centered(row.name, 7)}"
    else:
        yield f"  {centered('PCI BUS', width)} {centered('PARENT BUS', width)}"
        yield f"  {row.address:<{width}x} {row.parent:<{width}x}"
    columns = centered("PCI DEV", width), centered("DO:BU:SL.FN", 12), centered("CLASS", 6)
    yield f"  {' '.join(columns)} {centered('PCI_ID', 9)} {centered('TYPE', 10)}"


def pci_line(row: PciRow, view: View) -> str:
    number = centered(f"{row.vendor:x}:{row.device:x}", 9)
    kind = centered(f"{row.port}{' [BRIDGE]' if row.bridge else ''}", 10)
    columns = centered(row.name, 12), centered(f"{row.device_class:04x}", 6), number, kind
    return f"  {row.address:<{view.pointer_width}x} {' '.join(columns)}"


def disks_heading(row: DisksHeading, view: View) -> str:
    names = ("ASYNC", " SYNC") if row.by_sync else (" READ", "WRITE")
    width = view.pointer_width
    queue = 13 if width <= 11 else width + 2
    columns = f"{'GENDISK':{width + 2}} {'NAME':10} {'REQUEST_QUEUE':{queue}} TOTAL"
    return f"MAJOR {columns} {names[0]} {names[1]} {'  DRV' if row.driver else ''}"


def disk_line(row: DiskRow, view: View) -> str:
    width = view.pointer_width
    columns = f"{row.gendisk:<{width}x}   {row.name:10} {row.queue:<{max(width, 11)}x}  "
    numbers = f"{row.reads + row.writes:5} {row.reads:5} {row.writes:5}"
    driver = ""
    if row.counted:
        driver = "N/A(MQ)" if row.driver is None else f"{row.driver:5}"
    return f"{row.major:5} {columns} {numbers} {driver}"


def dump_line(row: DeviceDumpRow) -> str:
    return f"{centered(str(row.index), 5)}  0x{row.offset:<16x} {row.size:<16} {row.name}"
