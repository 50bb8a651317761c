"""log: the kernel's message buffer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import Args, Command, Context, CrashError, Flag, MissingFeature, Notice, Row, View
from pycrash.kernel.log.printk import LogDamage, Record
from pycrash.render.ctext import date_text, printable

#: The bit of a caller id that tells a processor from a thread.
CALLER_CPU = 0x8000_0000
NOT_SUPPORTED = "-{} option not supported or applicable on this architecture or kernel"


@dataclass(frozen=True)
class LogRow(Row):
    """One message.

    `time` is in nanoseconds since boot, `date` the second since 1970 it stands for (with -T).
    `caller` is T and a thread's pid or C and a CPU's number, to be shown `caller_width` wide.
    `text` is None where the record holds none.
    """

    time: int
    date: int | None
    sequence: int | None
    level: int
    caller: str | None
    caller_width: int
    text: str | None
    properties: tuple[str, ...]


@dataclass(frozen=True)
class PlainRow(Row):
    """A whole log of plain text."""

    text: str


@dataclass(frozen=True)
class SafeRow(Row):
    """What one CPU could not print safely: the kernel's buffer, and the bytes in it."""

    name: str
    cpu: int
    address: int
    length: int
    lost: int
    text: str


@dataclass(frozen=True)
class AuditRow(Row):
    """One audit message and its netlink type."""

    type: int
    text: str


class Log(Command):
    name = "log"
    summary = "messages of the kernel's log"
    synopsis = "[-TtdmascR]"
    description = (
        "Shows the messages of the kernel's log, oldest first, each with the seconds since "
        "boot at which it was written. All layouts the kernel has used are understood: the "
        "lockless ring of 5.10 and later, the records of 3.5 to 5.9, and plain text before. "
        "What stands in the per-CPU buffers of printk (kernels 4.7 to 5.14) follows at the end."
    )
    flags = (
        Flag(
            "T",
            "Show the date and time of each message in place of the seconds since boot. "
            "The kernel's clock may drift from the wall clock, so take it as an estimate.",
        ),
        Flag("t", "Leave the time out."),
        Flag("d", "Add the properties (subsystem and device) that a driver gave with a message."),
        Flag("m", "Show each message's log level in angle brackets, in hexadecimal."),
        Flag("a", "Show the audit messages that no audit daemon has fetched yet."),
        Flag("s", "Show the per-CPU buffers that printk had not yet flushed to the log."),
        Flag(
            "c",
            "Show who logged each message: T and a thread's pid, or C and a CPU's number, "
            "where the kernel keeps it (5.10 and later, or CONFIG_PRINTK_CALLER from 5.1 on).",
        ),
        Flag("R", "Show the Rust symbols of the messages readably."),
    )
    examples = (
        ("The last ten messages:", "log | tail"),
        ("Messages with level and caller, without the time:", "log -tmc"),
        ("What happened at which hour:", "log -T"),
    )
    minimal = True

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if "T" in args and ctx.shell.minimal:
            yield Notice("the option '-T' is not available in minimal mode", "WARNING")
            return
        if "a" in args:
            yield from _audit(ctx)
            return
        if "s" not in args:
            if ctx.kernel.log.shape == "text":
                yield from _plain(ctx, args)
            else:
                yield from _records(ctx, args)
        for buffer in ctx.kernel.log.safe_buffers():
            yield SafeRow(
                buffer.name,
                buffer.cpu,
                buffer.address,
                buffer.length,
                buffer.lost,
                buffer.text.decode("utf-8", "surrogateescape"),
            )

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        message = Message(args)
        for row in rows:
            if isinstance(row, LogRow):
                yield message.lines(row)
            elif isinstance(row, PlainRow):
                yield row.text.removesuffix("\n")
            elif isinstance(row, SafeRow):
                yield from safe_lines(row, args)
            elif isinstance(row, AuditRow):
                yield f"type={row.type} {row.text}"


def _records(ctx: Context, args: Args) -> Iterator[Row]:
    log = ctx.kernel.log
    boot = _boot_date(ctx) if "T" in args else None
    width = _caller_width(log.pid_max) if "c" in args and log.shape == "ring" else 8
    try:
        for record in log.records():
            yield LogRow(
                record.time,
                None if boot is None else boot + record.time // 1_000_000_000,
                record.sequence,
                record.level,
                _caller(record),
                width,
                record.text,
                record.properties,
            )
    except LogDamage as damage:
        yield Notice(str(damage), damage.level)


def _boot_date(ctx: Context) -> int:
    try:
        return ctx.kernel.system.boot_date
    except CrashError as error:
        raise CrashError(f"cannot tell when the system booted: {error}") from error


def _caller(record: Record) -> str | None:
    if record.caller is None:
        return None
    return f"{'C' if record.caller & CALLER_CPU else 'T'}{record.caller & ~CALLER_CPU}"


def _caller_width(pid_max: int | None) -> int:
    if pid_max is None or pid_max > 999_999:
        return 8
    return 6 if pid_max <= 99_999 else 7


def _plain(ctx: Context, args: Args) -> Iterator[Row]:
    for letter in "Tdt":
        if letter in args:
            raise CrashError(NOT_SUPPORTED.format(letter))
    try:
        yield PlainRow(ctx.kernel.log.plain(levels="m" in args))
    except LogDamage as damage:
        yield Notice(str(damage), damage.level)


def _audit(ctx: Context) -> Iterator[Row]:
    from pycrash.kernel.log.audit import audit_messages

    found = False
    try:
        for message in audit_messages(ctx.kernel):
            found = True
            yield AuditRow(message.type, message.text)
    except MissingFeature:
        raise CrashError(NOT_SUPPORTED.format("a")) from None
    if not found:
        yield Notice("kernel audit log is empty")


class Message:
    """Turns records into lines, as the flags of one command ask."""

    def __init__(self, args: Args) -> None:
        self._timed = "t" not in args
        self._callers, self._levels = "c" in args, "m" in args
        self._properties, self._rust = "d" in args, "R" in args

    def lines(self, row: LogRow) -> str:
        """The line of a record, or its lines: what follows the first is indented."""
        if row.text is None:
            return ""
        lead = ""
        if self._timed:
            if row.date is not None:
                lead = f"[{date_text(row.date)}] "
            else:
                lead = f"[{row.time // 1_000_000_000:5}.{row.time % 1_000_000_000 // 1000:06}] "
        if self._callers and row.caller is not None:
            lead += f"[{row.caller:>{row.caller_width}}] "
        if self._levels:
            lead += f"<{row.level:x}>"
        text = printable(row.text)
        if self._rust:
            from pycrash.render.rust import demangle_call

            text = demangle_call(text)
        if "\n" in text:
            text = text.replace("\n", "\n" + " " * len(lead))
        if self._properties:
            text += "".join(f"\n{' ' * len(lead)}{item}" for item in row.properties)
        return lead + text


def safe_lines(row: SafeRow, args: Args) -> Iterator[str]:
    """The lines of one CPU's buffer: with -s under a heading, else led by the buffer's name."""
    heading = "s" in args
    if heading:
        if row.cpu == 0:
            yield f"PRINTK_SAFE_SEQ_BUF: {row.name}"
        yield f"CPU: {row.cpu}  ADDR: {row.address:x} LEN: {row.length}  MESSAGE_LOST: {row.lost}"
    if row.length <= 0:
        if heading:
            yield "  (empty)"
            yield ""
        return
    lead = "  " if heading else "" if "t" in args else f"[{row.name}] "
    indent = " " * (len(lead) + (3 if "m" in args else 0))
    out: list[str] = []
    fresh = True
    for place, part in enumerate(row.text.split("\x01")):
        if place:
            level, part = part[:1], part[1:]
            out.append(("" if fresh else "\n") + lead)
            if "m" in args and level and level in "01234567c":
                out.append(f"<{level}>")
            fresh = False
        if part:
            lines = printable(part).removesuffix("\n").split("\n")
            out.append((indent if fresh else "") + f"\n{indent}".join(lines))
            fresh = part.endswith("\n")
            out.append("\n" if fresh else "")
    yield "".join(out).removesuffix("\n")
    if heading:
        yield ""
