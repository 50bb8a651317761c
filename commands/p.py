"""p: the value of a C expression."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import (
    EXPRESSION,
    Args,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    ReadError,
    Row,
    UsageError,
    View,
    asked_radix,
    cpu_list,
    many,
)
from pycrash.cexpr.eval.arith import reading
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.gdb.declared import declared
from pycrash.cexpr.gdb.printing import print_value, type_text


@dataclass(frozen=True)
class Value(Row):
    """A printed value: `number` is its place in the history, `name` the symbol it is of.

    `filtered` tells that crash looks through the text before it prints it.
    """

    name: str
    number: int
    type: str
    text: str
    filtered: bool = False


@dataclass(frozen=True)
class PerCpu(Row):
    """A per-CPU variable: its declaration, and for each CPU its address, None if offline."""

    declaration: str
    addresses: tuple[tuple[int, int | None], ...]


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
    operands = (many(EXPRESSION),)
    examples = (
        ("A variable", "p jiffies"),
        ("A member through a pointer", "p init_task.mm->mmap_lock"),
        ("A structure at an address", "p *(struct list_head *)0xffffffff82a13f40"),
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
        yield from _evaluate(ctx, " ".join(words), symbol, radix, "u" in args)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            if isinstance(row, PerCpu):
                yield from _per_cpu_lines(row)
            elif isinstance(row, Value):
                yield from _value_lines(row)


def _evaluate(ctx: Context, text: str, name: str, radix: int, user: bool = False) -> Iterator[Row]:
    """The row of one expression; `name` is put in front of what is printed."""
    kernel = ctx.kernel

    def user_memory(address: int, size: int) -> bytes:
        return kernel.memory.read_user(ctx.task, address, size, reading(size))

    try:
        found = print_value(Session(ctx), text, radix, user_memory if user else None)
    except CrashError as error:
        if (isinstance(error, ReadError) and not error.quiet) or ctx.settings.debug:
            yield Notice(str(error))
        raise CrashError(f"gdb request failed: p {text}") from error
    text = "\n".join((*found.warnings, found.text))
    # It does so once symbols of a module are loaded.
    filtered = bool(name) or bool(kernel.modules.loaded)
    yield Value(name, found.number, found.type, text, filtered)


def _value_lines(row: Value) -> Iterator[str]:
    *warnings, text = [row.text] if not row.text.startswith("warning:") else _split(row.text)
    yield from warnings
    first, *rest = f"${row.number} = {text}".split("\n")
    if row.name:
        first = f"{row.name} = {first}"
    if row.filtered:
        # crash breaks the line in front of a brace that has something behind it.
        head, brace, tail = first.partition("{")
        if brace and (tail or not rest):
            yield head
            first = " {" + tail
    yield first
    yield from rest


def _split(text: str) -> list[str]:
    """Warnings and the value behind them."""
    lines = text.split("\n")
    count = next((i for i, line in enumerate(lines) if not line.startswith("warning:")), 0)
    return [*lines[:count], "\n".join(lines[count:])]


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
        declaration = declared(type_, name) if type_ else f"[undetermined type] {name};"
        yield PerCpu(
            declaration,
            tuple(
                (cpu, None if hidden and cpu not in cpus.online else cpus.address(base, cpu))
                for cpu in range(cpus.count)
            ),
        )
        return
    chosen = cpu_list(spec, cpus.count) if spec else [_current_cpu(ctx)]
    for cpu in range(cpus.count):
        if hidden and cpu not in cpus.online:
            yield PerCpu("", ((cpu, None),))
        elif cpu in chosen:
            address = cpus.address(base, cpu)
            text = f"*({type_}*) {address:#x}" if type_ else f"(void*) {address:#x}"
            place = f"per_cpu({name}, {cpu})"
            yield from _evaluate(ctx, text, place if type_ else f"&{place}", radix)


def _current_cpu(ctx: Context) -> int:
    return ctx.kernel.tasks.get(ctx.task).cpu


def _per_cpu_lines(row: PerCpu) -> Iterator[str]:
    if row.declaration:
        yield "PER-CPU DATA TYPE:"
        yield f"  {row.declaration}"
        yield "PER-CPU ADDRESSES:"
    for cpu, address in row.addresses:
        yield f"cpu {cpu} is OFFLINE" if address is None else f"  [{cpu}]: {address:x}"
