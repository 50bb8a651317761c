"""What ps shows of tasks: their list, relatives, times, limits, strings of the stack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pycrash.api.context import View
from pycrash.api.fields import Hidden, Nanoseconds, Seconds
from pycrash.api.header import TaskHeader, header_line
from pycrash.api.processrows import PolicyRow, ProcessRow
from pycrash.api.rows import Row, TaskRow, quick
from pycrash.kernel.tasks.limits import Limit
from pycrash.render.columns import centered, clock_time, elapsed_time

_UNLIMITED = "(unlimited)"


@dataclass(frozen=True)
class FamilyRow(TaskRow, kind="ps.family"):
    """A task and its relatives: its children, its threads, or those it is the oldest of the
    "parents" of, up to the one asked for."""

    relation: Literal["parents", "children", "threads"]
    others: tuple[TaskHeader, ...]


@quick
@dataclass(frozen=True)
class LastRunRow(TaskRow, kind="ps.last_run"):
    """When a task last got a CPU, since boot; `latest` is that of any task."""

    last_run: Nanoseconds
    state: str
    latest: Hidden[int]


@quick
@dataclass(frozen=True)
class SinceRunRow(TaskRow, kind="ps.since_run"):
    """How long before the end a task last got a CPU, and the clock of its CPU."""

    elapsed: Nanoseconds
    clock: Nanoseconds
    state: str


@dataclass(frozen=True)
class CpuRow(Row, kind="ps.cpu"):
    """The CPU whose tasks follow."""

    cpu: int
    online: bool


@dataclass(frozen=True)
class StringsRow(Row, kind="ps.strings"):
    """Strings of a task's user stack: its arguments or its environment. `ended` tells that the
    last is whole."""

    what: Literal["arguments", "environment"]
    strings: tuple[str, ...]
    ended: bool


@dataclass(frozen=True)
class LimitsRow(Row, kind="ps.limits"):
    """The resource limits of a task."""

    limits: tuple[Limit, ...]


@quick
@dataclass(frozen=True)
class TimesRow(TaskRow, kind="ps.times"):
    """How long a task ran, when it started and the CPU time it used, in the kernel's own unit:
    nanoseconds since 4.11, ticks before."""

    run_time: Seconds
    start_time: int
    utime: int
    stime: int


@dataclass(frozen=True)
class StateRow(Row, kind="ps.state"):
    """How many tasks are in a state."""

    state: str
    count: int


ROWS = (
    ProcessRow,
    PolicyRow,
    TaskHeader,
    FamilyRow,
    LastRunRow,
    SinceRunRow,
    CpuRow,
    StringsRow,
    LimitsRow,
    TimesRow,
    StateRow,
)


def task_lines(row: Row, view: View) -> Iterator[str]:
    """The lines of one of these rows."""
    word_size = view.word_size
    if isinstance(row, TaskHeader):
        yield header_line(row, word_size)
    elif isinstance(row, FamilyRow):
        yield from _family_lines(row, word_size)
    elif isinstance(row, LastRunRow):
        code = "x" if view.radix == 16 else "d"
        width = len(f"{row.latest:{code}}")
        header = header_line(row, word_size)
        yield f"[{row.last_run:{width}{code}}] [{row.state}]  {header}"
    elif isinstance(row, SinceRunRow):
        header = header_line(row, word_size)
        days = len(elapsed_time(row.clock).partition(" ")[0])
        time = elapsed_time(row.elapsed)
        blanks = " " * (days - len(time.partition(" ")[0]))
        yield f"[{blanks}{time}] [{row.state}]  {header}"
    elif isinstance(row, CpuRow):
        yield f"CPU: {row.cpu}" + ("" if row.online else " [OFFLINE]")
    elif isinstance(row, StringsRow):
        yield from _string_lines(row)
    elif isinstance(row, LimitsRow):
        yield from _limit_lines(row)
    elif isinstance(row, TimesRow):
        yield header_line(row, word_size)
        yield f"    RUN TIME: {clock_time(row.run_time)}"
        yield f"  START TIME: {row.start_time}"
        yield f"       UTIME: {row.utime}"
        yield f"       STIME: {row.stime}"
        yield ""
    elif isinstance(row, StateRow):
        yield f"  {row.state}: {row.count}"


def process_heading(width: int, stack: bool, policy: bool) -> str:
    """The heading of the list; pointers take `width` columns, `stack` pointers or a task's."""
    name = centered("KSTACKP", width, "right") if stack else centered("TASK", width)
    what = "POLICY       PRIO" if policy else "ST  %MEM      VSZ      RSS"
    return f"      PID    PPID  CPU {name}  {what}  COMM"


def process_line(row: ProcessRow | PolicyRow, width: int, stack: bool, hide: bool) -> str:
    """A task of the list; `hide` marks what ran on a CPU that is offline."""
    mark = " " if not row.active else "-" if hide and not row.online else ">"
    shown = row.sp if stack else row.task
    pointer = "--" if shown is None else f"{shown:x}"
    if len(pointer) < width:
        pointer = centered(pointer, width, "right")
    comm = f"[{row.comm}]" if row.kernel_thread else row.comm
    ppid = -1 if row.ppid is None else row.ppid
    head = f"{mark} {row.pid:7} {ppid:7} {row.cpu:3}  {pointer}"
    if isinstance(row, PolicyRow):
        return f"{head}  {row.policy:<12} {row.prio:4}  {comm}"
    return f"{head} {row.state:>3}  {row.mem:4.1f} {row.vsz:8} {row.rss:8}  {comm}"


def _family_lines(row: FamilyRow, word_size: int) -> Iterator[str]:
    yield header_line(row, word_size)
    for depth, other in enumerate(row.others, 1):
        yield " " * (depth if row.relation == "parents" else 2) + header_line(other, word_size)
    if not row.others and row.relation != "parents":
        yield f"  (no {row.relation})"
    yield ""


def _string_lines(row: StringsRow) -> Iterator[str]:
    if row.what == "arguments":
        yield "ARG: " + " ".join(row.strings) + (" " if row.strings and row.ended else "")
        return
    lines = row.strings or ("",)
    yield "ENV: " + lines[0]
    for line in lines[1:]:
        yield "     " + line
    yield ""


def _limit_lines(row: LimitsRow) -> Iterator[str]:
    wide = max((len(name) for name, _, _ in row.limits), default=0)
    column = len(_UNLIMITED)

    def cell(value: int | None) -> str:
        return _UNLIMITED if value is None else centered(str(value), column)

    yield (
        f"  {'RLIMIT':>{wide}}   {centered('CURRENT', column, 'right')}"
        f"   {centered('MAXIMUM', column, 'right')}"
    )
    for name, soft, hard in row.limits:
        yield f"  {name:>{wide}}   {cell(soft)}   {cell(hard)}"
    yield ""
