"""sys: the system that died."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pycrash.api import (
    Address,
    Args,
    Begin,
    Bits,
    Bytes,
    Choice,
    Command,
    Context,
    CrashError,
    Date,
    Flag,
    MissingFeature,
    Notice,
    Offer,
    Row,
    Seconds,
    Text,
    UsageError,
    View,
    Word,
    is_number,
    number,
    one,
)
from pycrash.kernel.symbols.table import offset_text
from pycrash.render.columns import clock_time
from pycrash.render.ctext import date_text, installed_text, printable

if TYPE_CHECKING:
    from pycrash.kernel.system.facts import SystemFacts

NOT_SUPPORTED = "-{} option not supported or applicable on this architecture or kernel"


@dataclass(frozen=True)
class SystemRow(Row, kind="sys.facts"):
    """The facts of the system block; from the first on that cannot be read they are None,
    but for the date, which may be so alone.

    `kernel_marks` and `dumpfile_marks` are the words in brackets behind a file's name;
    `dumpfile_parts` are the files of a split dump, of which `dumpfile` is the first.
    `offline` counts the CPUs that are, `mhz` is 0 where the clock is unknown.
    """

    kernel: str | None = None
    kernel_marks: tuple[str, ...] | None = None
    dumpfile: str | None = None
    dumpfile_marks: tuple[str, ...] | None = None
    dumpfile_parts: tuple[str, ...] | None = None
    cpus: int | None = None
    offline: int | None = None
    date: Date | None = None
    uptime: Seconds | None = None
    load_average: tuple[float, float, float] | None = None
    tasks: int | None = None
    nodename: str | None = None
    release: str | None = None
    version: str | None = None
    machine: str | None = None
    mhz: int | None = None
    memory: Bytes | None = None
    panic: str | None = None


@dataclass(frozen=True)
class TaintRow(Row, kind="sys.taint"):
    """The taint mask; `letters` is None where the kernel has only the number."""

    mask: Bits
    letters: str | None


@dataclass(frozen=True)
class DmiRow(Row, kind="sys.dmi"):
    """One field of the firmware's description; `value` is None where it is not set."""

    name: str
    value: str | None


@dataclass(frozen=True)
class SystemCallRow(Row, kind="sys.call"):
    """One entry of the table. It is `valid` where it is the address of `symbol`; else it lies
    `offset` bytes behind that, or near none. `source` is "FILE: LINE" or empty.
    """

    number: int
    address: Address
    valid: bool
    symbol: str | None
    offset: Bytes
    source: str


class Sys(Command):
    name = "sys"
    summary = "the system that died, its system calls and configuration"
    synopsis = "[-c [name|number]] [-t] [-i] config"
    description = (
        "Without an argument shows what the banner at the start shows: the files, the "
        "processors, when the system died and how long it had run, its load, tasks, names "
        "and memory, and why it went down."
    )
    flags = (
        Flag("c", "Show the system call table: all of it, the entries whose function's name "
             "contains a text, or the entry of a number. Numbers are in the output radix."),
        Flag("t", "Show the kernel's taint mask and the letters of its bits."),
        Flag("i", "Show the machine's DMI strings."),
        Flag(
            "p",
            "Brings a live system down (undocumented): refused, as nothing is ever written.",
            value=Word("anic", "the rest of the word"),
            word="panic",
        ),
    )  # fmt: skip
    at_once = "ti"
    operands = (one(Choice("config", "what to show", {"config": "the kernel's configuration"})),)
    rows = (SystemRow, TaintRow, DmiRow, SystemCallRow, Text)
    related = ("log", "mach", "mod", "triage")
    examples = (
        ("The system block:", "sys"),
        ("Every system call that has to do with reading:", "sys -c read"),
        ("The kernel's own copy of its .config:", "sys config"),
    )

    def complete(self, ctx: Context, words: Sequence[str]) -> Iterable[Offer] | None:
        if "-c" not in words[:-1]:
            return None
        calls = ((row.number, row.symbol) for row in _calls_of(ctx, None) if row.valid)
        return (
            Offer(symbol.rpartition("sys_")[2], f"{number}: {symbol}")
            for number, symbol in calls
            if symbol
        )

    def read(self, ctx: Context, before: Args, letter: str, value: str | None) -> Iterator[Row]:
        if (letter, value) == ("p", "anic"):
            if ctx.kernel.is_live:
                raise CrashError(f"cannot write to {ctx.kernel.given[1]}")
            raise CrashError("cannot panic a dumpfile!")
        return iter(())

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from self.read_all(ctx, args)
        yield from self._asked(ctx, args)

    @staticmethod
    def _asked(ctx: Context, args: Args) -> Iterator[Row]:
        if "t" in args:
            return iter([_taint(ctx)])
        if "i" in args:
            return _dmi(ctx)
        if "p" in args:
            raise UsageError
        if "c" in args:
            return _system_calls(ctx, args.operands)
        if not args.operands:
            return _system(ctx)
        return _config(ctx, args.operands)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        width = 0
        if "i" in args:
            rows = list(rows)
            width = max((len(row.name) for row in rows if isinstance(row, DmiRow)), default=0)
        for row in rows:
            if isinstance(row, SystemRow):
                yield from system_lines(row)
            elif isinstance(row, TaintRow):
                if row.letters is None:
                    yield f"TAINTED: {row.mask:x}"
                else:
                    yield f"TAINTED_MASK: {row.mask:x}  {row.letters}"
            elif isinstance(row, DmiRow) and row.value is not None:
                indexed = row.name.startswith("dmi_ident[")
                yield f"  {row.name:>{0 if indexed else width}}: {row.value}"
            elif isinstance(row, Text):
                yield row.text
            elif isinstance(row, Begin):
                yield "NUM  SYSTEM CALL                FILE AND LINE NUMBER"
            elif isinstance(row, SystemCallRow):
                yield _call_line(row, view.radix)


def _system(ctx: Context) -> Iterator[Row]:
    row, problem = system_row(ctx)
    damage = ctx.kernel.system.log_damage
    if damage is not None:
        yield Notice(str(damage), damage.level)
    yield row
    if problem is not None:
        raise problem


def _taint(ctx: Context) -> TaintRow:
    taints = ctx.kernel.system.taints
    if taints.plain is not None:
        return TaintRow(taints.plain, None)
    if not taints.has_table:
        raise CrashError(NOT_SUPPORTED.format("t"))
    return TaintRow(taints.mask, taints.letters)


def _dmi(ctx: Context) -> Iterator[Row]:
    from pycrash.kernel.system.dmi import dmi_strings

    for name, value in dmi_strings(ctx.kernel):
        yield DmiRow(name, value)


def _config(ctx: Context, operands: tuple[str, ...]) -> Iterator[Row]:
    for operand in operands:
        if operand != "config":
            raise UsageError
        try:
            text = ctx.kernel.system.config.text
        except MissingFeature:
            raise
        except CrashError as error:
            yield Notice(str(error), "WARNING")
            continue
        # Blank lines and indentation are lost in crash's reading, and long lines are cut.
        for line in re.finditer(r"([^\n]{1,511})\s*", text):
            yield Text(line[1])


def _system_calls(ctx: Context, operands: tuple[str, ...]) -> Iterator[Row]:
    for place, operand in enumerate(operands or (None,)):
        headed = False
        for row in _calls_of(ctx, operand):
            # crash heads only what the first operand finds.
            if not headed and not place:
                yield Begin()
                headed = True
            yield row
            if operand is not None and is_number(operand):
                break


def _calls_of(ctx: Context, operand: str | None) -> Iterator[SystemCallRow]:
    """The entries an operand asks for: all if None, the one of a number, or those of a text."""
    from pycrash.kernel.system.syscalls import SystemCallTable

    wanted = number(operand) if operand is not None and is_number(operand) else None
    table = SystemCallTable(ctx.kernel)
    for call in table.entries():
        if call.name is None and not table.sized:
            continue
        if wanted is not None:
            if call.number != wanted:
                continue
        elif operand is not None and operand not in (call.name or "invalid"):
            continue
        valid = call.name is not None
        place = None if valid else ctx.kernel.symbols.place(call.address)
        symbol, offset = place or (call.name, 0)
        source = table.source(call) if valid else ""
        yield SystemCallRow(call.number, call.address, valid, symbol, offset, source)


def _call_line(row: SystemCallRow, radix: int) -> str:
    count = f"{row.number:3x}  " if radix == 16 else f"{row.number:3}  "
    if row.valid:
        return f"{count}{row.symbol:<26} {row.source}"
    near = f"({row.symbol}{offset_text(row.offset, 10)})" if row.symbol else ""
    return f"{count}invalid sys_call_table entry: {row.address:x} {near}"


def system_row(ctx: Context) -> tuple[SystemRow, CrashError | None]:
    """The facts of the system block, and what kept the last of them from being read."""
    kernel, system = ctx.kernel, ctx.kernel.system
    cpus = kernel.cpus
    readers: dict[str, Callable[[], object]] = {
        "kernel": lambda: str(kernel.given[0] or ""),
        "kernel_marks": lambda: _kernel_marks(system),
        "dumpfile": lambda: str(kernel.given[1] or ""),
        "dumpfile_marks": lambda: kernel.dump_file.marks if kernel.dump_file is not None else (),
        "dumpfile_parts": lambda: tuple(map(str, kernel.dump_parts)),
        "cpus": lambda: len(cpus.present) or cpus.count,
        "offline": lambda: max(
            (len(cpus.present) or cpus.count) - (len(cpus.online) or cpus.count), 0
        ),
        "date": lambda: system.date,
        "uptime": lambda: system.ticks // system.hz,
        "load_average": lambda: tuple(map(_load, system.load_average)),
        "tasks": lambda: len(kernel.tasks.all),
        "nodename": lambda: system.utsname.nodename,
        "release": lambda: system.utsname.release,
        "version": lambda: system.utsname.version,
        "machine": lambda: system.utsname.machine,
        "mhz": lambda: system.mhz,
        "memory": lambda: system.memory,
        "panic": lambda: None if kernel.is_live else system.panic_message,
    }
    found: dict[str, Any] = {}
    for name, read in readers.items():
        try:
            found[name] = read()
        except CrashError as error:
            # Nothing else depends on the date.
            if name != "date":
                return SystemRow(**found), error
    return SystemRow(**found), None


def _kernel_marks(system: SystemFacts) -> tuple[str, ...]:
    marks = {
        "LIVEPATCH": system.live_patched,
        "TRANSITION": system.patch_in_transition,
        "TAINTED": bool(system.taints.mask),
    }
    return tuple(mark for mark, is_set in marks.items() if is_set)


def system_lines(row: SystemRow) -> Iterator[str]:
    """The system block as text, as far as it is known."""
    for name, value in _values(row):
        if value is None:
            return
        yield f"{name:>12}: {value}"


def _values(row: SystemRow) -> Iterator[tuple[str, str | None]]:
    """Each line's name and text; None where the facts end."""
    marked = row.kernel is not None and row.kernel_marks is not None
    yield "KERNEL", f"{row.kernel}{_marks(row.kernel_marks, '  ')}" if marked else None
    marks = _marks(row.dumpfile_marks, " ")
    named = [f"{file}{marks}" for file in row.dumpfile_parts or ()]
    if named:
        yield "DUMPFILES", f"\n{'':14}".join(named)
    else:
        yield "DUMPFILE", f"{row.dumpfile}{' ' if marks else ''}{marks}"
    offline = f" [OFFLINE: {row.offline}]" if row.offline else ""
    yield "CPUS", None if row.offline is None else f"{row.cpus}{offline}"
    if row.date is None and row.uptime is not None:
        yield "DATE", "(unknown)"
    else:
        yield "DATE", None if row.date is None else date_text(row.date)
    yield "UPTIME", None if row.uptime is None else clock_time(row.uptime)
    loads = row.load_average
    yield "LOAD AVERAGE", None if loads is None else ", ".join(map(_hundredths, loads))
    yield "TASKS", None if row.tasks is None else str(row.tasks)
    yield "NODENAME", row.nodename
    yield "RELEASE", row.release
    yield "VERSION", row.version
    mhz = row.mhz or "unknown"
    yield "MACHINE", None if row.mhz is None else f"{row.machine}  ({mhz} Mhz)"
    yield "MEMORY", None if row.memory is None else installed_text(row.memory)
    panic = None if row.panic is None else printable(row.panic)
    hint = " (check log for details)" if panic and "Oops: " in panic else ""
    yield "PANIC", None if panic is None else f'"{panic}"{hint}'


def _marks(marks: tuple[str, ...] | None, gap: str) -> str:
    return "".join(f"{gap}[{mark}]" for mark in marks or ())


def _load(load: int) -> float:
    """A load of the kernel's, in 2048ths; crash keeps it in C's int."""
    return ((load + 2**31) % 2**32 - 2**31) / 2048


def _hundredths(load: float) -> str:
    """A load as crash rounds it, in C's int."""
    value = (int(load * 2048) + 2048 // 200 + 2**31) % 2**32 - 2**31
    return f"{value >> 11}.{(value & 2047) * 100 >> 11:02}"
