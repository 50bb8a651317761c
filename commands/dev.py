"""dev: devices with their operations, I/O resources, PCI, disk I/O, device dumps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from pycrash.api import (
    DECIMAL,
    FILE,
    Args,
    Command,
    Context,
    CrashError,
    Flag,
    Gap,
    Notice,
    ReadError,
    Row,
    UsageError,
    View,
    leading_integer,
    one,
)
from pycrash.api.memoryrows import MemoryRow, blocks, memory_rows
from pycrash.kernel.block.disks import Disks
from pycrash.kernel.block.inflight import InFlight
from pycrash.kernel.core.space import space_of
from pycrash.kernel.devices.dumps import DeviceDump, device_dumps
from pycrash.kernel.devices.numbers import BlockDrivers, CharDevices
from pycrash.kernel.devices.pci import PciBus, PciBuses
from pycrash.kernel.devices.resources import MEMORY, PORTS, resources
from pycrash.render import devicerows as shown
from pycrash.render.memory import memory_text

_NOT_SUPPORTED = "-{} option not supported or applicable on this architecture or kernel"
#: Disks that crash leaves out: those in memory, and files.
_SKIPPED = ("ram", "loop")
_NO_DUMPS = "no device dumps found in this dumpfile"


class Dev(Command):
    name = "dev"
    summary = "devices, the resources they use, and their I/O"
    synopsis = "[-i | -p | -d | -D ] [-V | -v index [file]]"
    description = (
        "Lists the numbers that character and block drivers registered, each with the structure "
        "that serves it and with its operations."
    )
    flags = (
        Flag("i", "The I/O ports and the physical memory that drivers claimed, as a tree."),
        Flag("p", "The PCI buses and the devices on them."),
        Flag("d", "The requests of each disk that are under way."),
        Flag("D", "The same of the disks that have any."),
        Flag("V", "What drivers added to the dump (vmcoredd)."),
        Flag("v", "The contents of one of these, or with a file name a copy.", value=DECIMAL),
    )
    at_once = "ipdDV"
    operands = (one(FILE),)
    rows = (
        *(shown.CharRow, shown.BlockRow, shown.ResourceRow, shown.PciBusRow, shown.PciRow),
        *(shown.DiskRow, shown.DeviceDumpRow, shown.DeviceNameRow, shown.DeviceCopyRow, MemoryRow),
    )
    related = ("irq", "mach", "sbitmapq", "log")
    examples = (
        ("Drivers by number", "dev"),
        ("Who claims which physical memory", "dev -i"),
        ("The PCI devices", "dev -p"),
        ("Disks with requests under way", "dev -d"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        ways = {"i": _resources, "p": _pci, "d": _disks, "D": _busy_disks, "V": _dumps}
        for letter, way in ways.items():
            if letter in args:
                yield from way(ctx)
                return
        index = leading_integer(args.value("v") or "-1")
        if len(args.operands) > (index >= 0):
            raise UsageError
        if index >= 0:
            yield from _dump(ctx, index, *args.operands)
            return
        yield from _numbers(ctx)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        yield from memory_text(rows, partial(_lines, view), view.pointer_width, order="<")


def _lines(view: View, found: Iterator[Row]) -> Iterator[str]:
    for row in found:
        if isinstance(row, shown.CharRow | shown.BlockRow):
            yield shown.number_line(row, view)
        elif isinstance(row, shown.ResourceRow):
            yield from shown.resource_lines(row, view)
        elif isinstance(row, shown.PciBusRow):
            yield from shown.bus_lines(row, view)
        elif isinstance(row, shown.PciRow):
            yield shown.pci_line(row, view)
        elif isinstance(row, shown.DiskRow):
            yield shown.disk_line(row, view)
        elif isinstance(row, shown.DisksHeading):
            yield shown.disks_heading(row, view)
        elif isinstance(row, shown.ResourcesHeading):
            yield from shown.resources_heading(row, view)
        elif isinstance(row, shown.Heading):
            yield shown.heading(row, view)
        elif isinstance(row, shown.DeviceDumpRow):
            yield shown.dump_line(row)
        elif isinstance(row, shown.DeviceNameRow):
            yield f"DEVICE: {row.name}"
        elif isinstance(row, shown.DeviceCopyRow):
            yield f"{row.size} bytes copied from 0x{row.address:x} to {row.file}"
        elif isinstance(row, Gap):
            yield ""


def _numbers(ctx: Context) -> Iterator[Row]:
    text = ctx.kernel.symbols.text

    def names(operations: int) -> tuple[str, tuple[str, str]]:
        place = (text(operations), text(operations, 16)) if operations else ("", "")
        return place[0], place

    yield shown.Heading("char")
    for device in ctx.kernel.part(CharDevices).all():
        yield shown.CharRow(*device, *names(device.operations))
    yield Gap()
    yield shown.Heading("block")
    for driver in ctx.kernel.part(BlockDrivers).all():
        yield shown.BlockRow(*driver, *names(driver.operations))


def _resources(ctx: Context) -> Iterator[Row]:
    for space, symbol in (("io", PORTS), ("memory", MEMORY)):
        digits = 0
        for found in resources(ctx.kernel, symbol):
            if not digits:
                digits = 8 if found.end > 0xFFFF else 4
                yield shown.ResourcesHeading(digits, space == "io")
            yield shown.ResourceRow(space, *found, digits)


def _pci(ctx: Context) -> Iterator[Row]:
    buses = ctx.kernel.part(PciBuses)
    if not buses.is_known:
        raise CrashError(_NOT_SUPPORTED.format("p"))
    empty = True
    for root in buses.roots():
        empty = False
        yield shown.PciBusRow(root.address, root.name, None)
        yield from _on_bus(buses, root)
        for bus in buses.below(root.address):
            yield shown.PciBusRow(bus.address, bus.name, bus.parent)
            yield from _on_bus(buses, bus)
            yield Gap()
        yield Gap()
    if empty:
        raise CrashError("no PCI devices found on this system.")


def _on_bus(buses: PciBuses, bus: PciBus) -> Iterator[Row]:
    if bus.bridge is not None:
        yield shown.PciRow(*bus.bridge, upstream=True)
    for device in buses.devices(bus.address):
        yield shown.PciRow(*device, upstream=False)


def _busy_disks(ctx: Context) -> Iterator[Row]:
    return (
        row for row in _disks(ctx) if not isinstance(row, shown.DiskRow) or row.reads + row.writes
    )


def _disks(ctx: Context) -> Iterator[Row]:
    disks, flight = ctx.kernel.part(Disks), ctx.kernel.part(InFlight)
    if not disks.are_known:
        raise CrashError(_NOT_SUPPORTED.format("d"))
    counted = flight.has_driver_count
    yield shown.DisksHeading(flight.by_sync, counted)
    for disk in disks.all():
        if disk.name.startswith(_SKIPPED):
            continue
        problems: list[ReadError] = []
        reads, writes = flight.of(disk, problems.append)
        yield from (Notice(str(problem), cause=problem) for problem in problems)
        multiqueue = flight.is_multiqueue(disk)
        driver = flight.driver(disk) if counted and not multiqueue else None
        numbers = disk.queue, multiqueue, reads, writes, driver, counted
        yield shown.DiskRow(disk.address, disk.name, disk.major, *numbers)


def _device_dumps(ctx: Context, letter: str) -> Sequence[DeviceDump]:
    if ctx.kernel.is_live:
        raise CrashError(f"-{letter} option not supported on a live system")
    found = device_dumps(ctx.kernel)
    if not found:
        raise CrashError(_NO_DUMPS)
    return found


def _dumps(ctx: Context) -> Iterator[Row]:
    found = _device_dumps(ctx, "V")
    yield shown.Heading("dumps")
    for index, dump in enumerate(found):
        yield shown.DeviceDumpRow(index, dump.offset, dump.size, dump.name)


def _dump(ctx: Context, index: int, file: str = "") -> Iterator[Row]:
    """One device dump as words, or copied to a file."""
    found = _device_dumps(ctx, "v")
    if index >= len(found):
        raise CrashError(f"no device dump found at index: {index}")
    dump = found[index]
    space = space_of(ctx.kernel, "FILEADDR", lambda: ctx.task)
    if not file:
        yield shown.DeviceNameRow(dump.name)
        yield from memory_rows(ctx.kernel, space, dump.offset, -(-dump.size // 8), 8)
        return
    try:
        with open(file, "wb") as out:
            yield shown.DeviceNameRow(dump.name)
            what = "raw dump to file"
            for block in blocks(space, dump.offset, dump.size, what, ctx.kernel.page_size):
                out.write(block)
    except OSError:
        raise CrashError(f"cannot open output file: {file}") from None
    yield shown.DeviceCopyRow(dump.offset, dump.size, file)
