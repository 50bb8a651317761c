"""What ps shows of tasks besides its list: relatives, times, limits, strings of the stack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pycrash.api.rows import Row, quick
from pycrash.api.taskheader import TaskHeader, header_lines
from pycrash.render.columns import centered, clock_time

_UNLIMITED = "(unlimited)"


@dataclass(frozen=True)
class FamilyRow(Row):
    """A task and its relatives: `kind` is "parents" (the first the oldest), "children" or
    "threads"."""

    kind: str
    head: TaskHeader
    others: tuple[TaskHeader, ...]


@quick
@dataclass(frozen=True)
class LastRunRow(Row):
    """When a task last got a CPU: `stamp` in nanoseconds, `digits` those of the latest."""

    stamp: int
    digits: int
    state: str
    task: TaskHeader


@quick
@dataclass(frozen=True)
class SinceRunRow(Row):
    """How long before the end a task last got a CPU, in nanoseconds, and the clock of its CPU."""

    elapsed: int
    clock: int
    state: str
    task: TaskHeader


@dataclass(frozen=True)
class CpuRow(Row):
    """The CPU whose tasks follow."""

    cpu: int
    offline: bool
    again: bool


@dataclass(frozen=True)
class StringsRow(Row):
    """Strings of a task's user stack, each ended by NUL; `kind` is "ARG" or "ENV"."""

    kind: str
    text: str


@dataclass(frozen=True)
class LimitsRow(Row):
    """(name, soft, hard) of each resource limit; None is no limit."""

    limits: tuple[tuple[str, int | None, int | None], ...]


@quick
@dataclass(frozen=True)
class TimesRow(Row):
    """How long a task ran (seconds), when it started and the CPU time it used (nanoseconds)."""

    task: TaskHeader
    run_time: int
    start_time: int
    utime: int
    stime: int


@dataclass(frozen=True)
class StateRow(Row):
    """How many tasks are in a state."""

    state: str
    count: int


def task_lines(row: Row, word_size: int, stamp: str) -> Iterator[str]:
    """The lines of one of these rows; `stamp` is the format code of a time stamp."""
    if isinstance(row, FamilyRow):
        yield from _family_lines(row, word_size)
    elif isinstance(row, LastRunRow):
        (header,) = header_lines(row.task, word_size)
        yield f"[{row.stamp:{row.digits}{stamp}}] [{row.state}]  {header}"
    elif isinstance(row, SinceRunRow):
        (header,) = header_lines(row.task, word_size)
        days = len(_days(row.clock).partition(" ")[0])
        time = _days(row.elapsed)
        blanks = " " * (days - len(time.partition(" ")[0]))
        yield f"[{blanks}{time}] [{row.state}]  {header}"
    elif isinstance(row, CpuRow):
        if row.again:
            yield ""
        yield f"CPU: {row.cpu}" + (" [OFFLINE]" if row.offline else "")
    elif isinstance(row, StringsRow):
        yield from _string_lines(row)
    elif isinstance(row, LimitsRow):
        yield from _limit_lines(row)
    elif isinstance(row, TimesRow):
        yield from header_lines(row.task, word_size)
        yield f"    RUN TIME: {clock_time(row.run_time)}"
        yield f"  START TIME: {row.start_time}"
        yield f"       UTIME: {row.utime}"
        yield f"       STIME: {row.stime}"
        yield ""
    elif isinstance(row, StateRow):
        yield f"  {row.state}: {row.count}"


def _days(nanoseconds: int) -> str:
    milliseconds = nanoseconds // 1_000_000
    seconds = milliseconds // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours // 24} {hours % 24:02}:{minutes:02}:{seconds % 60:02}.{milliseconds % 1000:03}"


def _family_lines(row: FamilyRow, word_size: int) -> Iterator[str]:
    yield from header_lines(row.head, word_size)
    for depth, other in enumerate(row.others, 1):
        (line,) = header_lines(other, word_size)
        yield " " * (depth if row.kind == "parents" else 2) + line
    if not row.others and row.kind != "parents":
        yield f"  (no {row.kind})"
    yield ""


def _string_lines(row: StringsRow) -> Iterator[str]:
    strings = row.text.split("\0")
    whole, rest = [s for s in strings[:-1] if s], strings[-1]
    if row.kind == "ARG":
        yield "ARG: " + "".join(f"{string} " for string in whole) + rest
        return
    lines = [*whole, rest] if rest or not whole else whole
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
