"""log: the kernel's message buffer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import (
    Address,
    Args,
    Bytes,
    Command,
    Context,
    CrashError,
    Date,
    Flag,
    Hidden,
    MissingFeature,
    Nanoseconds,
    Notice,
    Row,
    Text,
    View,
    quick,
)
from pycrash.kernel.log.printk import LogDamage
from pycrash.render.ctext import date_text, printable

#: The bit of a caller id that tells a processor from a thread.
CALLER_CPU = 0x8000_0000
NOT_SUPPORTED = "-{} option not supported or applicable on this architecture or kernel"


@quick
@dataclass(frozen=True)
class MessageRow(Row, kind="log.message"):
    """One message.

    `time` counts from boot; `date` is what it stands for (with -T). `facility` is 0 for what the
    kernel said, else what a program wrote to /dev/kmsg. Where the kernel keeps who
    logged it, `pid` is that thread's, or `cpu` the CPU that was in no thread. `text` is None
    where the record holds none. `pid_max` is the largest pid plus one, None where it is not
    known.
    """

    time: Nanoseconds
    date: Date | None
    sequence: int | None
    level: int
    facility: int
    pid: int | None
    cpu: int | None
    text: str | None
    properties: tuple[str, ...]
    pid_max: Hidden[int | None]


@dataclass(frozen=True)
class SafeRow(Row, kind="log.safe"):
    """What one CPU could not print safely: the kernel's buffer, the bytes in it, and how many
    messages were lost."""

    name: str
    cpu: int
    address: Address
    length: Bytes
    lost: int
    text: str


@dataclass(frozen=True)
class AuditRow(Row, kind="log.audit"):
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
    related = ("triage", "sys", "trace", "bt")
    examples = (
        ("The last ten messages:", "log | tail"),
        ("Messages with level and caller, without the time:", "log -tmc"),
        ("What happened at which hour:", "log -T"),
    )
    rows = (MessageRow, SafeRow, AuditRow, Text)
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
            if isinstance(row, MessageRow):
                yield message.lines(row)
            elif isinstance(row, Text):
                yield row.text
            elif isinstance(row, SafeRow):
                yield from safe_lines(row, args)
            elif isinstance(row, AuditRow):
                yield f"type={row.type} {row.text}"


def _records(ctx: Context, args: Args) -> Iterator[Row]:
    log = ctx.kernel.log
    boot = _boot_date(ctx) if "T" in args else None
    pid_max = log.pid_max if "c" in args and log.shape == "ring" else None
    try:
        for record in log.records():
            caller = record.caller
            of_cpu = caller is not None and caller & CALLER_CPU
            yield MessageRow(
                record.time,
                None if boot is None else boot + record.time // 1_000_000_000,
                record.sequence,
                record.level,
                record.facility,
                None if of_cpu else caller,
                (caller or 0) & ~CALLER_CPU if of_cpu else None,
                record.text,
                record.properties,
                pid_max,
            )
    except LogDamage as damage:
        yield Notice(str(damage), damage.level)


def _boot_date(ctx: Context) -> int:
    try:
        return ctx.kernel.system.boot_date
    except CrashError as error:
        raise CrashError(f"cannot tell when the system booted: {error}") from error


def _caller_width(pid_max: int | None) -> int:
    if pid_max is None or pid_max > 999_999:
        return 8
    return 6 if pid_max <= 99_999 else 7


def _plain(ctx: Context, args: Args) -> Iterator[Row]:
    for letter in "Tdt":
        if letter in args:
            raise CrashError(NOT_SUPPORTED.format(letter))
    try:
        text = ctx.kernel.log.plain(levels="m" in args)
        yield from map(Text, text.removesuffix("\n").split("\n"))
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

    def lines(self, row: MessageRow) -> str:
        """The line of a record, or its lines: what follows the first is indented."""
        if row.text is None:
            return ""
        lead = ""
        if self._timed:
            if row.date is not None:
                lead = f"[{date_text(row.date)}] "
            else:
                lead = f"[{row.time // 1_000_000_000:5}.{row.time % 1_000_000_000 // 1000:06}] "
        if self._callers and (row.pid, row.cpu) != (None, None):
            caller = f"C{row.cpu}" if row.pid is None else f"T{row.pid}"
            lead += f"[{caller:>{_caller_width(row.pid_max)}}] "
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
