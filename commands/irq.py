"""irq: interrupts, their handlers, counts and affinity; softirqs; the IDT."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import (
    CPUS,
    DECIMAL,
    Address,
    Args,
    Begin,
    Command,
    Context,
    CrashError,
    Flag,
    Hidden,
    Notice,
    Row,
    UsageError,
    View,
    cpu_list,
    integer,
    many,
)
from pycrash.kernel.irq.interrupts import Interrupts, softirqs
from pycrash.render.columns import centered

NOT_SUPPORTED = "-{} option not supported or applicable on this architecture or kernel"
_NO_COUNT = "cannot determine number of IRQs"


@dataclass(frozen=True)
class Action:
    """An irqaction; `name` is None where it cannot be read."""

    address: Address
    name: str | None


@dataclass(frozen=True)
class IrqRow(Row, kind="irq.irq"):
    """An interrupt: `address` is its irq_desc, 0 where it has none, and `actions` what drivers
    registered for it."""

    irq: int
    address: Address
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class AffinityRow(Row, kind="irq.affinity"):
    """The CPUs that may take an interrupt, and the names of those who registered for it."""

    irq: int
    names: tuple[str, ...]
    cpus: tuple[int, ...]


@dataclass(frozen=True)
class CountHeading(Row, kind="irq.cpus"):
    """The CPUs whose counts follow."""

    cpus: tuple[int, ...]


@dataclass(frozen=True)
class CountRow(Row, kind="irq.count"):
    """How often each CPU took an interrupt. `chip` is the controller, `flow` how the interrupt
    is triggered; None is what cannot be read."""

    irq: int
    counts: dict[int, int]
    chip: str | None
    flow: str | None
    names: tuple[str, ...]


@dataclass(frozen=True)
class SoftirqRow(Row, kind="irq.softirq"):
    """The function of a softirq; `module` is the module it is in, None for the kernel proper."""

    number: int
    function: Address
    symbol: str | None
    module: str | None


@dataclass(frozen=True)
class GateRow(Row, kind="irq.gate"):
    """The handler of a vector in the IDT; `symbol` is empty where nothing has a name there."""

    vector: int
    function: Address
    symbol: str
    place: Hidden[tuple[str, str]]


class Irq(Command):
    name = "irq"
    summary = "interrupts and who handles them"
    synopsis = "[[[index ...] | -u ] | -d | -b | -a | -s [-c cpu]]"
    description = (
        "Lists the interrupts by number: the address of the irq_desc structure, of each "
        "irqaction that a driver registered, and the name it gave. With numbers, only those."
    )
    flags = (
        Flag("u", "Only the interrupts that have a descriptor."),
        Flag("d", "The handler of each vector in the interrupt descriptor table (x86-64)."),
        Flag("b", "The functions of the softirqs."),
        Flag("a", "The CPUs that may take each interrupt that is in use."),
        Flag("s", "How often each CPU took each interrupt that is in use."),
        Flag("c", "With -s, only these CPUs, such as 3, or 1,8-14, or all.", value=CPUS),
    )
    at_once = "dba"
    operands = (many(DECIMAL.named("index", "the number of an interrupt")),)
    rows = (IrqRow, AffinityRow, CountHeading, CountRow, SoftirqRow, GateRow)
    related = ("dev", "mach", "runq", "timer")
    examples = (
        ("The interrupts in use", "irq -u"),
        ("How often the first CPU was interrupted by what", "irq -s -c 0"),
        ("Who handles interrupt 4", "irq 4"),
    )

    def read(self, ctx: Context, before: Args, letter: str, value: str | None) -> Iterator[Row]:
        symbol = ctx.kernel.symbol_address
        if letter == "c" and "c" in before:
            yield Notice("only one -c option allowed")
        elif letter == "u" and symbol("no_irq_chip") is None and symbol("no_irq_type") is None:
            text = '-u option ignored: "no_irq_chip" or "no_irq_type" symbols do not exist'
            yield Notice(f"irq: {text}", "WARNING")

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from self.read_all(ctx, args)
        if "d" in args:
            yield from _gates(ctx)
        elif "b" in args:
            yield from _softirqs(ctx)
        elif "a" in args:
            yield from _affinities(ctx)
        elif args.count("c") > 1:
            raise UsageError
        elif "s" in args:
            yield from _counts(ctx, args.value("c"))
        else:
            yield from _irqs(ctx, args)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            if isinstance(row, IrqRow):
                yield from _irq_lines(row, view)
            elif isinstance(row, AffinityRow):
                yield f"{row.irq:3} {','.join(row.names):20} {_ranges(row.cpus)}"
            elif isinstance(row, CountHeading):
                yield "     " + "".join(f"{f'CPU{cpu}':>10} " for cpu in row.cpus)
            elif isinstance(row, CountRow):
                yield _count_line(row)
            elif isinstance(row, SoftirqRow):
                yield _softirq_line(row, view)
            elif isinstance(row, GateRow):
                number = f"[{row.vector}]"
                yield f"{number:>5} {row.place[view.radix == 16] or f'{row.function:016x}'}"
            elif isinstance(row, Begin):
                yield _heading(args, view)


def _irqs(ctx: Context, args: Args) -> Iterator[Row]:
    table = ctx.kernel.part(Interrupts)
    if not table.count:
        raise CrashError(_NO_COUNT)
    begun = False
    for number in map(integer, args.operands) if args.operands else range(table.count):
        if number >= table.count:
            raise CrashError(f"invalid IRQ value: {number}  ({table.count - 1} max)")
        address = table.address(number)
        if "u" in args and not args.operands and not address:
            continue
        found = table.actions(address) if address else ()
        actions = tuple(Action(action.address, action.name) for action in found)
        if not begun:
            yield Begin()
            begun = True
        yield IrqRow(number, address, actions)


def _used(ctx: Context) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """The number, the descriptor, and the names of those who registered, of each in use."""
    table = ctx.kernel.part(Interrupts)
    for number in range(table.count):
        address = table.address(number)
        if address and table.first_action(address):
            names = (action.name for action in table.actions(address))
            yield number, address, tuple(name for name in names if name is not None)


def _affinities(ctx: Context) -> Iterator[Row]:
    table = ctx.kernel.part(Interrupts)
    if not table.has_affinity:
        raise CrashError(NOT_SUPPORTED.format("a"))
    if not table.count:
        raise CrashError(_NO_COUNT)
    yield Begin()
    for number, address, names in _used(ctx):
        yield AffinityRow(number, names, tuple(table.affinity(address)))


def _counts(ctx: Context, chosen: str | None) -> Iterator[Row]:
    table, cpus = ctx.kernel.part(Interrupts), ctx.kernel.cpus
    if not table.count:
        raise CrashError(_NO_COUNT)
    wanted = list(range(cpus.count)) if chosen is None else cpu_list(chosen, cpus.count)
    hidden = [c for c in wanted if ctx.settings.offline == "hide" and not cpus.is_online(c)]
    for cpu in hidden:
        yield Notice(f"CPU{cpu} is OFFLINE.")
    shown = [cpu for cpu in wanted if cpu not in hidden]
    yield CountHeading(tuple(shown))
    for number, address, names in _used(ctx):
        counts = table.counts(address, shown)
        yield CountRow(number, counts, table.chip(address), table.flow(address), names)


def _softirqs(ctx: Context) -> Iterator[Row]:
    functions = softirqs(ctx.kernel)
    yield Begin()
    for number, function in enumerate(functions):
        if function:
            found = ctx.kernel.symbols.lookup(function)
            symbol = found[0].name if found is not None and not found[1] else None
            module = ctx.kernel.symbols.module_of(function)
            yield SoftirqRow(number, function, symbol, module)


def _gates(ctx: Context) -> Iterator[Row]:
    text = ctx.kernel.symbols.text
    for vector, function in enumerate(ctx.kernel.arch.gates):
        place = text(function), text(function, 16)
        yield GateRow(vector, function, place[0], place)


def _heading(args: Args, view: View) -> str:
    width = view.pointer_width
    if "b" in args:
        return f"SOFTIRQ_VEC {centered('ACTION', width, 'right')}"
    if "a" in args:
        return "IRQ NAME                 AFFINITY"
    columns = centered("IRQ_DESC/_DATA", width), centered("IRQACTION", width)
    return f" IRQ  {'  '.join(columns)}  NAME"


def _irq_lines(row: IrqRow, view: View) -> Iterator[str]:
    """A line for the interrupt, and one more for each action behind the first."""
    wide = max(view.pointer_width, len("IRQ_DESC/_DATA"))
    narrow = max(view.pointer_width, len("IRQACTION"))
    address = centered(f"{row.address:x}" if row.address else "(unused)", wide)
    head = f"{centered(str(row.irq % 2**32), 4, 'right')}  {address}  "
    if not row.actions:
        yield f"{head}{centered('(unused)', narrow)}  "
    for action in row.actions:
        name = "" if action.name is None else f'"{action.name}"'
        yield f"{head}{centered(f'{action.address:x}', narrow)}  {name}"
        head = " " * len(head)


def _count_line(row: CountRow) -> str:
    counts = "".join(f"{count:10} " for count in row.counts.values())
    chip = "" if row.chip is None else f"{row.chip:>8}"
    flow = "" if row.flow is None else f"-{row.flow:8}"
    return f"{row.irq:3}: {counts}{chip}{flow} {','.join(row.names)}"


def _softirq_line(row: SoftirqRow, view: View) -> str:
    number = f"[{row.number}]"
    function = centered(f"{row.function:x}", view.pointer_width, "right")
    module = f"  [{row.module}]" if row.module else ""
    return f"    {number:7} {function}  <{row.symbol or '(null)'}>{module}"


def _ranges(cpus: tuple[int, ...]) -> str:
    """CPUs as "0-3,8"."""
    runs: list[list[int]] = []
    for cpu in cpus:
        if runs and cpu == runs[-1][-1] + 1:
            runs[-1][1:] = [cpu]
        else:
            runs.append([cpu])
    return ",".join("-".join(map(str, run)) for run in runs)
