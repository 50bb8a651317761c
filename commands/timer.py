"""timer: the timers that wait, of the wheels or of high resolution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import (
    CPUS,
    Address,
    Args,
    Command,
    Context,
    Flag,
    Hidden,
    Nanoseconds,
    ReadError,
    Row,
    View,
    cpu_list,
)
from pycrash.kernel.time.hrtimers import Clock, HighTimers
from pycrash.kernel.time.timers import TimerWheels, Wheel
from pycrash.render.columns import centered


@dataclass(frozen=True)
class JiffiesRow(Row, kind="timer.jiffies"):
    """The kernel's time in ticks, which the timers of the wheels go by."""

    jiffies: int


@dataclass(frozen=True)
class WheelRow(Row, kind="timer.wheel"):
    """A wheel of a CPU; its timers follow. `nth` is its place among those of the CPU."""

    cpu: int
    online: bool
    address: Address
    name: str
    nth: int


@dataclass(frozen=True)
class TimerRow(Row, kind="timer.timer"):
    """A timer of a wheel: when it expires, in jiffies and from now, and what runs then."""

    address: Address
    expires: int
    tte: int
    function: Address
    symbol: str
    place: Hidden[tuple[str, str]]


@dataclass(frozen=True)
class CpuRow(Row, kind="timer.cpu"):
    """The CPU whose clocks follow, and its hrtimer_cpu_base."""

    cpu: int
    online: bool
    address: Address


@dataclass(frozen=True)
class ClockRow(Row, kind="timer.clock"):
    """A clock of a CPU, and its time; its timers follow. `name` is the function it is read with,
    or its name in the kernel where there is none (6.18)."""

    cpu: int
    clock: int
    address: Address
    name: str | None
    now: Nanoseconds


@dataclass(frozen=True)
class HighTimerRow(Row, kind="timer.hrtimer"):
    """A high resolution timer; None is what could not be read."""

    address: Address
    soft_expires: Nanoseconds | None
    expires: Nanoseconds | None
    tte: Nanoseconds | None
    function: Address | None
    symbol: str
    place: Hidden[tuple[str, str]]


class Timers(Command):
    name = "timer"
    summary = "the timers that wait"
    synopsis = "[-r][-C cpu]"
    description = (
        "The timers of each CPU's wheels in the order in which they expire: when that is in "
        "jiffies, how many of those are left (TTE, less than 0 where it is overdue), the "
        "address of the struct timer_list, and the function that runs then."
    )
    flags = (
        Flag("r", "High resolution timers instead, by clock: all times in nanoseconds."),
        Flag("C", "Only these CPUs, such as 3, or 1,8-14, or all.", value=CPUS),
    )
    checked = "C"
    rows = (JiffiesRow, WheelRow, TimerRow, CpuRow, ClockRow, HighTimerRow)
    related = ("runq", "irq", "waitq")
    examples = (
        ("What the wheels hold", "timer"),
        ("The high resolution timers of the first CPU", "timer -r -C 0"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        count = ctx.kernel.cpus.count
        cpus = list(range(count))
        for value in args.values("C"):
            cpus = cpu_list(value, count)
        if "r" in args:
            yield from _clocks(ctx, cpus)
        else:
            yield from _wheels(ctx, cpus)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        yield from _clock_lines(rows, view) if "r" in args else _wheel_lines(rows, view)


def _hidden(view: View, row: WheelRow | CpuRow) -> bool:
    return view.settings.offline == "hide" and not row.online


def _symbol(ctx: Context, function: int | None) -> tuple[str, tuple[str, str]]:
    """What a function's address is called, and the same for either radix."""
    if function is None:
        return "", ("", "")
    text = ctx.kernel.symbols.text
    return text(function), (text(function), text(function, 16))


def _wheels(ctx: Context, cpus: Iterable[int]) -> Iterator[Row]:
    wheels = ctx.kernel.part(TimerWheels)
    jiffies = wheels.jiffies
    yield JiffiesRow(jiffies)
    for cpu in cpus:
        online = ctx.kernel.cpus.is_online(cpu)
        for nth, wheel in enumerate(wheels.of_cpu(cpu)):
            row = WheelRow(cpu, online, wheel.address, wheel.name, nth)
            yield row
            if not _hidden(ctx.view, row):
                yield from _timers(ctx, wheel, jiffies)


def _timers(ctx: Context, wheel: Wheel, jiffies: int) -> Iterator[Row]:
    kernel = ctx.kernel
    for address, expires, function in kernel.part(TimerWheels).timers(wheel.address):
        left = _signed(expires - jiffies, kernel.word_size)
        called = _called(ctx, function)
        if kernel.is_live and not kernel.symbols.is_text(called):
            continue  # it was a timer when the list was read
        yield TimerRow(address, expires, left, function, *_symbol(ctx, called))


def _called(ctx: Context, function: int) -> int:
    """The function, or where that is a descriptor what it begins with."""
    kernel = ctx.kernel
    if kernel.symbols.is_text(function):
        return function
    try:
        inner = kernel.read_word(function, "timer function")
    except ReadError:
        return function
    return inner if kernel.symbols.is_text(inner) else function


def _clocks(ctx: Context, cpus: Iterable[int]) -> Iterator[Row]:
    timers = ctx.kernel.part(HighTimers)
    for cpu in cpus:
        row = CpuRow(cpu, ctx.kernel.cpus.is_online(cpu), timers.base(cpu))
        yield row
        if _hidden(ctx.view, row):
            continue
        for clock in timers.clocks(cpu):
            name = timers.type_name(clock.base_type)
            if clock.get_time:
                name = ctx.kernel.symbols.text(clock.get_time)
            yield ClockRow(cpu, clock.number, clock.address, name, clock.now)
            yield from _high_timers(ctx, clock)


def _high_timers(ctx: Context, clock: Clock) -> Iterator[Row]:
    for address, soft, expires, function in ctx.kernel.part(HighTimers).timers(clock):
        left = None if expires is None else expires - clock.now
        yield HighTimerRow(address, soft, expires, left, function, *_symbol(ctx, function))


def _signed(value: int, size: int) -> int:
    """A difference of two unsigned numbers of so many bytes as a signed one."""
    half = 1 << 8 * size - 1
    return (value + half & 2 * half - 1) - half


def _wheel_lines(rows: Iterable[Row], view: View) -> Iterator[str]:
    jiffies, said, shown = 0, False, False
    for head, held in _groups(rows, (JiffiesRow, WheelRow)):
        timers = [row for row in held if isinstance(row, TimerRow)]
        if isinstance(head, JiffiesRow):
            jiffies = head.jiffies
        elif isinstance(head, WheelRow) and not head.name:
            yield from _old_wheel_lines(head, timers, jiffies, view)
        elif isinstance(head, WheelRow) and head.nth < 2:
            width = max(len(str(jiffies)), len("JIFFIES"))
            if not said:
                yield from ("JIFFIES".ljust(width), str(jiffies).rjust(width), "")
            said = True
            if _hidden(view, head):
                if not head.nth:
                    yield f"TIMER_BASES[{head.cpu}]: [OFFLINE]"
                continue
            if shown and not head.nth:
                yield ""
            shown = True
            yield from _timer_lines(head, timers, width, view)


def _old_wheel_lines(
    head: WheelRow, timers: list[TimerRow], jiffies: int, view: View
) -> Iterator[str]:
    """The one wheel of a CPU, before 4.8: the time is above the timers of each."""
    if _hidden(view, head):
        yield f"TVEC_BASES[{head.cpu}]: [OFFLINE]"
        return
    width = max((len(str(row.expires)) for row in timers), default=0)
    width = max(width, len("JIFFIES"))
    left, pointer = _left_width(timers), view.pointer_width
    yield f"TVEC_BASES[{head.cpu}]: {head.address:x}"
    yield centered("JIFFIES", width, "right")
    yield f"{jiffies:{width}}"
    yield "  ".join(
        (
            *(centered("EXPIRES", width, "right"), centered("TTE", left, "right")),
            *(centered("TIMER_LIST", pointer), centered("FUNCTION", pointer)),
        )
    )
    for row in timers:
        yield f"{row.expires:{width}}  {_timer_text(row, left, view)}"


def _timer_lines(head: WheelRow, timers: list[TimerRow], width: int, view: View) -> Iterator[str]:
    """A wheel since 4.8; crash knows two, and not those that are called otherwise since 6.9."""
    name = "BASE_DEF" if head.nth else "BASE_STD"
    left = _left_width(timers)
    yield f"TIMER_BASES[{head.cpu}][{name}]: {head.address:x}"
    yield f"  {'EXPIRES':{width}}     {'TTE':{left}}     TIMER_LIST     FUNCTION"
    for row in timers:
        yield f"  {row.expires:{width}}  {_timer_text(row, left, view)}"
    if not timers:
        yield "  (none)"


def _left_width(timers: list[TimerRow]) -> int:
    """The columns of what is left: crash takes it for an int, and a minus for possible."""
    furthest = max((abs(_signed(row.tte, 4)) for row in timers), default=0)
    return max(len(str(furthest)) + 1, len("TTE"))


def _timer_text(row: TimerRow, left: int, view: View) -> str:
    width = view.pointer_width
    address = centered(f"{row.address:{width}x}", 16)
    place = row.place[view.radix == 16]
    return f"{row.tte:{left}}  {address}  {row.function:{width}x}  <{place}>"


def _clock_lines(rows: Iterable[Row], view: View) -> Iterator[str]:
    first = True
    for head, held in _groups(rows, (CpuRow, ClockRow)):
        if isinstance(head, CpuRow):
            if not first:
                yield ""
            first = False
            offline = _hidden(view, head)
            base = "[OFFLINE]" if offline else f"HRTIMER_CPU_BASE: {head.address:x}"
            yield f"CPU: {head.cpu}  {base}"
        elif isinstance(head, ClockRow):
            if head.clock:
                yield ""
            name = "" if head.name is None else f"  [{head.name}]"
            yield f"  CLOCK: {head.clock}  HRTIMER_CLOCK_BASE: {head.address:x}{name}"
            timers = [row for row in held if isinstance(row, HighTimerRow)]
            yield from _high_timer_lines(timers, head.now, view) if timers else ("  (empty)",)


def _high_timer_lines(timers: list[HighTimerRow], now: int, view: View) -> Iterator[str]:
    """The timers of a clock; columns are as wide as those of the last one."""
    last = timers[-1]
    soft = last.soft_expires is not None
    expires = max(len(str(last.expires or 0)), 7)
    begin = max(len(str(last.soft_expires)), 11) if soft else expires
    left = len(str((last.expires or 0) - now))
    yield "  " + centered("CURRENT", begin, "right")
    yield "  " + centered(str(now), begin, "right")
    columns = [centered("SOFTEXPIRES", begin, "right")] if soft else []
    columns += [centered("EXPIRES", expires, "right"), centered("TTE", left, "right")]
    columns += [centered(name, view.pointer_width) for name in ("HRTIMER", "FUNCTION")]
    yield "  " + "  ".join(columns)
    for row in timers:
        if row.expires is None:
            yield "  (destroyed timer)"
            continue
        cells = [centered(str(row.soft_expires), begin, "right")] if soft else []
        cells += [centered(str(row.expires), expires, "right"), f"{row.tte:{left}}"]
        place = row.place[view.radix == 16]
        function = "" if row.function is None else f"{row.function:x}  <{place}>"
        yield f"  {'  '.join(cells)}  {row.address:x}  {function}"


def _groups(
    rows: Iterable[Row], heads: tuple[type[Row], ...]
) -> Iterator[tuple[Row | None, list[Row]]]:
    """Rows of these classes, each with those up to the next one."""
    head: Row | None = None
    held: list[Row] = []
    for row in rows:
        if isinstance(row, heads):
            yield head, held
            head, held = row, []
        else:
            held.append(row)
    yield head, held
