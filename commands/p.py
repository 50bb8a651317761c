"""p: the value of a C expression."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import (
    C_EXPRESSION,
    Address,
    Args,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    Row,
    UsageError,
    View,
    asked_radix,
    cpu_list,
    many,
)
from pycrash.api.valuerows import ValueRow, value_lines, value_row, why_not
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.gdb.declared import declared
from pycrash.cexpr.gdb.printing import print_value, type_text
from pycrash.kernel.core.space import Space, space_of


@dataclass(frozen=True)
class PerCpuRow(Row, kind="p.variable"):
    """A per-CPU variable: its type, empty where it is not known; its places follow."""

    symbol: str
    type: str


@dataclass(frozen=True)
class CpuRow(Row, kind="p.cpu"):
    """Where a CPU has its part of a per-CPU variable, None where it is offline and hidden."""

    cpu: int
    address: Address | None


class P(Command):
    name = "p"
    summary = "value of an expression"
    synopsis = "[-x|-d][-u] [expression | symbol[:cpuspec]]"
    description = """\
Evaluates a C expression over the kernel's variables, functions, types and enumerators, and
prints its value. Each value gets a number, under which later expressions can use it: $1, $2;
$ is the last one.

For a per-CPU variable the type and the address on each CPU are shown. With a colon and CPUs
behind its name its values are: `:a` or `:all` of every CPU, `:0,2-4` of some, a lone colon of
the CPU of the current task."""
    flags = (
        Flag("x", "print numbers in hexadecimal"),
        Flag("d", "print numbers in decimal"),
        Flag("u", "the expression's addresses are user addresses of the current task"),
        Flag("h", "the same as -x"),
    )
    operands = (many(C_EXPRESSION),)
    rows = (ValueRow, PerCpuRow, CpuRow)
    related = ("struct", "whatis", "rd", "gdb", "sym")
    examples = (
        ("A variable", "p jiffies"),
        ("A member through a pointer", "p init_task.signal->nr_threads"),
        ("A structure at an address", "p *(struct list_head *)0xffffffffa90aabc0"),
        ("The run queue of the first CPU", "p runqueues:0"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        radix = asked_radix(args, "xh")
        # gdb would take what begins with a dash for an option of its own: crash drops it.
        words = [word for word in args.operands if not word.startswith("-")]
        if not args.operands:
            raise UsageError
        name, colon, spec = args.operands[0].rpartition(":")
        if not colon:
            name = args.operands[0]
        symbols = ctx.kernel.symbols
        symbol = name if symbols.exists(name) else ""
        if variable := _per_cpu_name(ctx, name):
            yield from _per_cpu(ctx, variable, spec if colon else None, radix)
            return
        if colon and symbol:
            yield Notice(f"{symbol} is not percpu; cpuspec ignored.", "WARNING")
            words[0] = name
        space = space_of(ctx.kernel, "UVADDR", lambda: ctx.task) if "u" in args else None
        yield from _value(ctx, " ".join(words), radix, symbol, space, label=symbol)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            if isinstance(row, PerCpuRow):
                unknown = f"[undetermined type] {row.symbol};"
                yield "PER-CPU DATA TYPE:"
                yield f"  {declared(row.type, row.symbol) if row.type else unknown}"
                yield "PER-CPU ADDRESSES:"
            elif isinstance(row, CpuRow):
                offline = f"cpu {row.cpu} is OFFLINE"
                yield offline if row.address is None else f"  [{row.cpu}]: {row.address:x}"
            elif isinstance(row, ValueRow):
                yield from value_lines(row)


def _value(
    ctx: Context,
    text: str,
    radix: int,
    symbol: str,
    space: Space | None = None,
    cpu: int | None = None,
    label: str = "",
) -> Iterator[Row]:
    """The row of one expression; `label` is put in front of what is printed."""
    # It does so once symbols of a module are loaded.
    filtered = bool(label) or bool(ctx.kernel.modules.loaded)
    try:
        found = print_value(Session(ctx), text, radix, space)
        yield value_row(text, found, symbol=symbol, cpu=cpu, label=label, filtered=filtered)
    except CrashError as error:
        yield why_not(error, ctx.settings.debug)
        raise CrashError(f"gdb request failed: p {text}") from error


def _per_cpu_name(ctx: Context, name: str) -> str:
    """The per-CPU variable a word means, empty if it means none."""
    symbols = ctx.kernel.symbols
    # Up to 2.6.33 these variables had a prefix.
    for candidate in (name, name.removeprefix("per_cpu__"), f"per_cpu__{name}"):
        symbol = symbols.by_name(candidate)
        if symbol is not None and symbol.letter in "dDV" and symbols.is_percpu(symbol):
            return candidate
    return ""


def _per_cpu(ctx: Context, name: str, spec: str | None, radix: int) -> Iterator[Row]:
    kernel = ctx.kernel
    cpus = kernel.cpus
    base = kernel.symbols.address(name)
    try:
        type_ = type_text(Session(ctx), name)
    except CrashError:
        type_ = ""
    if type_.startswith("<"):
        type_ = ""
    hidden = ctx.settings.offline == "hide"
    if spec is None:
        yield PerCpuRow(name, type_)
        for cpu in range(cpus.count):
            offline = hidden and cpu not in cpus.online
            yield CpuRow(cpu, None if offline else cpus.address(base, cpu))
        return
    chosen = cpu_list(spec, cpus.count) if spec else [_current_cpu(ctx)]
    for cpu in range(cpus.count):
        if hidden and cpu not in cpus.online:
            yield CpuRow(cpu, None)
        elif cpu in chosen:
            address = cpus.address(base, cpu)
            text = f"*({type_}*) {address:#x}" if type_ else f"(void*) {address:#x}"
            label = f"{'' if type_ else '&'}per_cpu({name}, {cpu})"
            yield from _value(ctx, text, radix, name, cpu=cpu, label=label)


def _current_cpu(ctx: Context) -> int:
    return ctx.kernel.tasks.get(ctx.task).cpu
