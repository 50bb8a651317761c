"""trace: what ftrace wrote down before the kernel died."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import (
    CPUS,
    Address,
    Args,
    Bytes,
    Choice,
    Command,
    Context,
    CrashError,
    Flag,
    Nanoseconds,
    Notice,
    Row,
    UsageError,
    View,
    Word,
    one,
    quick,
)
from pycrash.kernel.trace.datfile import TraceFile
from pycrash.kernel.trace.events import Event, TraceEvents
from pycrash.kernel.trace.ringbuffer import Instance, TraceBuffers

_WORDS = {"show": "the events", "report": "the events", "dump": "write a file"}


@dataclass(frozen=True)
class InstanceRow(Row, kind="trace.instance"):
    """A trace_array; its buffers follow. The one without a name is always there."""

    name: str
    address: Address
    tracer: str


@dataclass(frozen=True)
class BufferRow(Row, kind="trace.buffer"):
    """The buffer of a CPU: its ring_buffer_per_cpu, its pages and events, the events that were
    overwritten, and those that found no room."""

    cpu: int
    address: Address
    pages: int
    events: int
    overwritten: int
    dropped: int


@quick
@dataclass(frozen=True)
class EventRow(Row, kind="trace.event"):
    """An event. `time` is that of the buffer's clock, mostly since boot; `flags` has the names of
    the TRACE_FLAGs that were set; `preempt` and `migrate` tell how deep these were disabled;
    `fields` has the event's own members, `message` what the kernel would say of it.
    """

    time: Nanoseconds
    cpu: int
    pid: int
    comm: str
    flags: tuple[str, ...]
    preempt: int
    migrate: int
    system: str
    name: str
    fields: dict[str, int | str | bytes]
    message: str


@dataclass(frozen=True)
class FileRow(Row, kind="trace.file"):
    """A file that was written."""

    path: str
    size: Bytes


class Trace(Command):
    name = "trace"
    summary = "the buffers of ftrace"
    synopsis = (
        "[show [-c cpu(s)] [-i instance] [-e event[,event]]]\n"
        "  trace dump -t [-i instance] [outfile]"
    )
    description = """\
Shows the buffers that ftrace wrote events to: those of each CPU, and those of the instances that
were made beside them, each with the tracer that was set.

"show", or "report", shows the events themselves in the order of time, with the task that ran, its
CPU, what was disabled there (interrupts, rescheduling, kind of interrupt, depths of preemption and
migration), and when it was by the clock of the buffer.

"dump -t" writes a file for trace-cmd and KernelShark, "trace.dat" if no other name is given, which
may not exist yet.

The kernel of the sample dump was built without ftrace, and trace says so."""
    flags = (
        Flag("c", "Show the events of these CPUs only.", value=CPUS),
        Flag("i", "Show those of this instance.", value=Word("instance", "an instance's name")),
        Flag("t", "With dump: write a file in the format of trace-cmd."),
        Flag("e", "Show events of these names only.", value=Word("event", "names, with commas")),
    )
    operands = (one(Choice("what", "what to do", _WORDS)), one(Word("outfile", "a file to make")))
    rows = (InstanceRow, BufferRow, EventRow, FileRow)
    related = ("log", "runq", "timer")
    examples = (
        ("The buffers and how full they are", "trace"),
        ("What the first CPU did", "trace show -c 0"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        buffers = ctx.kernel.part(TraceBuffers)
        if not args.operands and not args.given:
            for instance in buffers.instances():
                yield InstanceRow(instance.name, instance.address, instance.tracer)
                for cpu, address in buffers.cpus(instance.buffer).items():
                    yield BufferRow(cpu, address, *buffers.counts(address))
            return
        word, *rest = args.operands or ("",)
        if word not in _WORDS or ("t" in args) != (word == "dump") or len(rest) > ("t" in args):
            raise UsageError
        yield from _written(ctx, args) if word == "dump" else _events(ctx, args)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        begun = False
        for row in rows:
            if isinstance(row, InstanceRow):
                if begun:
                    yield ""
                begun = True
                named = f'  INSTANCE: "{row.name}"' if row.name else ""
                yield f"TRACE_ARRAY: {row.address:x}  TRACER: {row.tracer}{named}"
                head = "RING_BUFFER_PER_CPU"
                yield f"  CPU  {head:^{len(head)}}  PAGES   EVENTS  OVERWRITTEN  DROPPED"
            elif isinstance(row, BufferRow):
                numbers = f"{row.pages:5}  {row.events:7}  {row.overwritten:11}  {row.dropped:7}"
                yield f"  {row.cpu:3}  {row.address:^19x}  {numbers}"
            elif isinstance(row, FileRow):
                yield f"{row.path}: {row.size} bytes"
            elif isinstance(row, EventRow):
                yield from _line(row).split("\n")


def _events(ctx: Context, args: Args) -> Iterator[Row]:
    cpus = args.value("c")
    wanted = None if cpus is None else CPUS.parse(ctx, cpus)
    names = {name for value in args.values("e") for name in value.split(",")}
    problems: list[Notice] = []
    instance = _instance(ctx, args.value("i") or "")
    found = ctx.kernel.part(TraceEvents).of(
        instance.buffer,
        wanted,
        lambda error: problems.append(Notice(str(error))),
    )
    for event in found:
        if not names or event.name in names:
            yield _row(event)
        yield from problems
        problems.clear()
    yield from problems


def _written(ctx: Context, args: Args) -> Iterator[Row]:
    """Write the buffers into a file. Raises CrashError."""
    target = args.operands[1] if len(args.operands) > 1 else "trace.dat"
    instance = _instance(ctx, args.value("i") or "")
    problems: list[Notice] = []
    try:
        # Never over another file, nor through a link.
        with open(target, "xb") as out:
            ctx.kernel.part(TraceFile).write(
                out, instance.buffer, lambda error: problems.append(Notice(str(error)))
            )
            size = out.seek(0, os.SEEK_END)
    except OSError as error:
        raise CrashError(f"{target}: {error.strerror}") from error
    yield from problems
    yield FileRow(target, size)


def _instance(ctx: Context, name: str) -> Instance:
    for instance in ctx.kernel.part(TraceBuffers).instances():
        if instance.name == name:
            return instance
    raise CrashError(f"no such instance: {name}")


def _row(event: Event) -> EventRow:
    state = event.state
    return EventRow(
        *(event.time, event.cpu, event.pid, event.comm, tuple(sorted(state.flags))),
        preempt=state.preempt,
        migrate=state.migrate,
        system=event.system,
        name=event.name,
        fields=event.fields,
        message=event.message,
    )


def _line(row: EventRow) -> str:
    """An event as the kernel's own file has it."""
    seconds, rest = divmod((row.time + 500) // 1000, 1_000_000)
    # What tracers write has no name before it.
    name = "" if row.system == "ftrace" else f"{row.name}: "
    place = f"{row.comm:>16}-{row.pid:<7} [{row.cpu:03}] {_state(row)}"
    return f"{place} {seconds:5}.{rest:06}: {name}{row.message}"


#: Letters for flags that were set, the first that fits of each column.
_COLUMNS = (
    {"BH_OFF IRQS_OFF": "D", "IRQS_OFF": "d", "BH_OFF": "b"},
    {"NEED_RESCHED PREEMPT_RESCHED": "N", "NEED_RESCHED": "n", "PREEMPT_RESCHED": "p"},
    {"NMI HARDIRQ": "Z", "NMI": "z", "HARDIRQ SOFTIRQ": "H", "HARDIRQ": "h", "SOFTIRQ": "s"},
)


def _state(row: EventRow) -> str:
    """What was disabled or due, in five letters."""
    flags = set(row.flags)
    letters = (
        next((letter for names, letter in column.items() if flags.issuperset(names.split())), ".")
        for column in _COLUMNS
    )
    depths = (f"{depth:x}" if depth else "." for depth in (row.preempt, row.migrate))
    return "".join((*letters, *depths))
