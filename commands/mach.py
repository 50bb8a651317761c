"""mach: the machine, its memory and its processors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import (
    Address,
    Args,
    Begin,
    Bytes,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    Row,
    UsageError,
    View,
    WrongOption,
    asked_radix,
)
from pycrash.api.args import WRONG
from pycrash.api.structrows import StructRow, struct_lines, struct_rows
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.expressions import Expressions
from pycrash.kernel.system.hypervisor import hypervisor
from pycrash.render.ctext import installed_text

#: crash's words for the firmware's types of memory.
_TYPES = {
    **dict(
        enumerate(
            (
                *("(invalid type)", "E820_RAM", "E820_RESERVED", "E820_ACPI", "E820_NVS"),
                "E820_UNUSABLE",
            )
        )
    ),
    12: "E820_PRAM",
    128: "E820_RESERVED_KERN",
}


@dataclass(frozen=True)
class MachineRow(Row, kind="mach.machine"):
    """The machine. `cpus` are those there are, of which `offline` are not in use; `mhz` is 0
    where the clock is unknown. The bases are where areas of the address space begin, None where
    there is no such area, `start_map` that of the kernel's image; `stack_size` is a task's."""

    machine: str
    memory: Bytes
    cpus: int
    offline: int
    hypervisor: str | None
    mhz: int
    hz: int
    page_size: Bytes
    kernel_base: Address
    vmalloc_base: Address | None
    vmemmap_base: Address | None
    start_map: Address | None
    modules_base: Address | None
    stack_size: Bytes


@dataclass(frozen=True)
class StacksRow(Row, kind="mach.stacks"):
    """A use for which each CPU has a stack of its own; those follow."""

    use: str
    size: Bytes


@dataclass(frozen=True)
class StackRow(Row, kind="mach.stack"):
    """A CPU's stack; `available` is false where no memory is mapped there."""

    cpu: int
    online: bool
    address: Address
    available: bool


@dataclass(frozen=True)
class RangeRow(Row, kind="mach.range"):
    """Physical memory from `start` up to `end` by the firmware's map; `type` is its number for
    what it is, 1 for memory to use."""

    start: Address
    end: Address
    type: int


@dataclass(frozen=True)
class CpuRow(Row, kind="mach.cpu"):
    """The CPU whose data follow; `cpu` is None for the one that booted."""

    cpu: int | None
    online: bool
    address: Address


class Mach(Command):
    name = "mach"
    summary = "the machine, its memory and its processors"
    synopsis = "[-m | -c -[xd] | -o]"
    description = (
        "Shows what machine it was: the memory and processors, the length of a tick and of a "
        "page, where the areas of the kernel's address space begin, and the stacks that each "
        "CPU switches to."
    )
    flags = (
        Flag("m", "The map of physical memory that the firmware handed over (x86-64)."),
        Flag("c", "What the kernel knows of each processor: its struct cpuinfo_x86 (x86-64)."),
        Flag("x", "With -c, shows integers in hexadecimal."),
        Flag("d", "With -c, shows integers in decimal."),
        Flag("o", "The console log of OPAL, which PowerPC alone has."),
    )
    rows = (MachineRow, StacksRow, StackRow, RangeRow, CpuRow, StructRow)
    related = ("sys", "irq", "dev", "runq")
    examples = (
        ("The machine", "mach"),
        ("Physical memory as the firmware told it", "mach -m"),
        ("The processors", "mach -c"),
    )

    def refuse(self, ctx: Context, error: WrongOption) -> Iterator[Row]:
        yield from self._looked_over(ctx, error.given)
        raise UsageError

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from self._looked_over(ctx, args.given)
        if "o" in args:
            raise UsageError
        if "c" in args:
            yield from _processors(ctx, asked_radix(args))
        if "c" not in args and "m" not in args:
            yield from _machine(ctx)

    @staticmethod
    def _looked_over(ctx: Context, given: Sequence[tuple[str, str | None]]) -> Iterator[Row]:
        """What crash says of the options, -o among them, which is for another machine, and the map
        as often as it is asked for: what is wrong comes out first. Raises CrashError."""
        maps = 0
        for place, (letter, value) in enumerate(given, 1):
            try:
                asked_radix(Args(tuple(given[:place])))
            except CrashError:
                yield from _ranges(ctx, maps)
                raise
            maps += letter == "m"
            if letter in (WRONG, "o"):
                yield Notice(value or "invalid option -- 'o'")
        yield from _ranges(ctx, maps)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        machine = ""
        for row in rows:
            if isinstance(row, MachineRow):
                machine = row.machine
                yield from _machine_lines(row)
            elif isinstance(row, StacksRow):
                yield from _stacks_lines(row, machine)
            elif isinstance(row, StackRow):
                yield _stack_line(row, machine, view)
            elif isinstance(row, Begin):
                yield "      PHYSICAL ADDRESS RANGE         TYPE"
            elif isinstance(row, RangeRow):
                name = _TYPES.get(row.type, f"type {row.type}")
                yield f"{row.start:016x} - {row.end:016x}  {name}"
            elif isinstance(row, CpuRow):
                yield from _cpu_lines(row, view)
            elif isinstance(row, StructRow):
                yield from struct_lines(row, view)


def _ranges(ctx: Context, times: int) -> Iterator[Row]:
    """The map of physical memory, so many times."""
    for _ in range(times):
        yield Begin()
        for found in ctx.kernel.arch.firmware_map:
            yield RangeRow(*found)


def _machine(ctx: Context) -> Iterator[Row]:
    kernel, system, cpus = ctx.kernel, ctx.kernel.system, ctx.kernel.cpus
    areas = {area.name: area.first for area in reversed(kernel.arch.tables.ranges)}
    yield MachineRow(
        system.utsname.machine,
        system.memory,
        cpus.count,
        cpus.count - (len(cpus.online) or cpus.count),
        hypervisor(kernel),
        system.mhz,
        system.hz,
        kernel.page_size,
        kernel.arch.tables.kernel_base,
        areas.get("vmalloc"),
        areas.get("vmemmap"),
        kernel.arch.start_map,
        areas.get("modules"),
        kernel.stacks.size,
    )
    for use in kernel.arch.special_stacks:
        yield StacksRow(use.name, use.size)
        for cpu, base in enumerate(use.bases):
            yield StackRow(cpu, cpus.is_online(cpu), base, cpu not in use.absent)


def _processors(ctx: Context, radix: int) -> Iterator[Row]:
    data, expressions = ctx.kernel.arch.cpu_data, ctx.kernel.part(Expressions)
    datatype = expressions.types.find(data.name)
    if datatype is None:
        raise CrashError(f"invalid structure name: {data.name}")
    structs = expressions.structs(Session(ctx).options(radix))
    for cpu, address in enumerate(data.addresses):
        online = data.boot_only or ctx.kernel.cpus.is_online(cpu)
        yield CpuRow(None if data.boot_only else cpu, online, address)
        if online or ctx.settings.offline != "hide":
            yield from struct_rows(data.name, address, [structs.whole(datatype, address)])


def _is_pc(machine: str) -> bool:
    return machine == "x86_64"


def _machine_lines(row: MachineRow) -> Iterator[str]:
    """The machine as crash lays it out: in one way for x86-64, in another for all others."""
    wide = _is_pc(row.machine)
    modules = ("KERNEL MODULES BASE", row.modules_base)
    offline = f" [OFFLINE: {row.offline}]" if row.offline else ""
    speed = f"{row.mhz} Mhz" if row.mhz else None if row.machine == "aarch64" else "(unknown)"
    lines = (
        ("MACHINE TYPE", row.machine),
        ("MEMORY SIZE", installed_text(row.memory)),
        ("CPUS", f"{row.cpus}{offline}" if wide else row.cpus - row.offline),
        ("HYPERVISOR", row.hypervisor if wide else None),
        ("PROCESSOR SPEED", speed),
        ("HZ", row.hz),
        ("PAGE SIZE", row.page_size),
        *_bases(("KERNEL VIRTUAL BASE", row.kernel_base), *(() if wide else (modules,))),
        *_bases(("KERNEL VMALLOC BASE", row.vmalloc_base)),
        *_bases(("KERNEL VMEMMAP BASE", row.vmemmap_base), ("KERNEL START MAP", row.start_map)),
        *_bases(*((modules,) if wide else ())),
        ("KERNEL STACK SIZE", row.stack_size),
    )
    for name, value in lines:
        if value is not None:
            yield f"{name:>{22 if wide else 19}}: {value}"


def _bases(*bases: tuple[str, int | None]) -> Iterator[tuple[str, str | None]]:
    return ((name, None if base is None else f"{base:x}") for name, base in bases)


def _stacks_lines(row: StacksRow, machine: str) -> Iterator[str]:
    width = 22 if _is_pc(machine) else 19
    yield f"{f'{row.use} STACK SIZE':>{width}}: {row.size}"
    yield f"{f'{row.use} STACKS':>{width}}:"


def _stack_line(row: StackRow, machine: str, view: View) -> str:
    if not _is_pc(machine):
        return f"{f'CPU {row.cpu}':>19}: {row.address:x}"
    missing = "" if row.available else " [unavailable]"
    offline = " [OFFLINE]" if view.settings.offline == "hide" and not row.online else ""
    return f"{f'CPU {row.cpu}':>22}: {row.address:016x}{missing}{offline}"


def _cpu_lines(row: CpuRow, view: View) -> Iterator[str]:
    if row.cpu is None:
        yield "BOOT CPU:"
        return
    if row.cpu:
        yield ""
    hidden = view.settings.offline == "hide" and not row.online
    yield f"CPU {row.cpu}:{' [OFFLINE]' if hidden else ''}"
