"""ps: what the tasks were doing, whose children they are, and what they had used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from pycrash.command import Args, Command, Context, Flag, Notice, Row, UsageError
from pycrash.command.kinds import (
    comm_name,
    cpu_list,
    find_task,
    is_number,
    is_quoted,
    pattern,
    policies,
)
from pycrash.command.taskheader import TaskHeader, header_lines
from pycrash.errors import CrashError, ReadError
from pycrash.kernel.taskargs import read_strings, stack_text
from pycrash.kernel.tasklimits import LIMIT_NAMES, limits
from pycrash.kernel.tasks import Task
from pycrash.render.columns import centered, clock_time

# Each shows something else in place of the list: at most one may be given.
_EXCLUSIVE = "atcpglmSrA"
_EXCLUSIVE_MESSAGE = "-a, -t, -c, -p, -g, -l, -m, -S, -r and -A flags are all mutually-exclusive"
_UNLIMITED = "(unlimited)"


@dataclass(frozen=True)
class HeadingRow(Row):
    """The list follows; `stack` tells that it shows kernel stack pointers."""

    stack: bool


@dataclass(frozen=True)
class ProcessRow(Row):
    """One task of the list. Sizes are KiB; `pointer` is the task's address, or the kernel
    stack pointer with -s (None while the task runs); `mark` is > while it runs, - where its
    CPU is offline and those are hidden."""

    mark: str
    pid: int
    ppid: int
    cpu: int
    pointer: int | None
    state: str
    percent: float
    vsz: int
    rss: int
    comm: str
    kernel: bool


@dataclass(frozen=True)
class FamilyRow(Row):
    """A task and its relatives: `kind` is "parents" (the first the oldest), "children" or
    "threads"."""

    kind: str
    head: TaskHeader
    others: tuple[TaskHeader, ...]


@dataclass(frozen=True)
class LastRunRow(Row):
    """When a task last got a CPU: `stamp` in nanoseconds, `digits` those of the latest."""

    stamp: int
    digits: int
    state: str
    task: TaskHeader


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
    """(soft, hard) resource limits by number; None is no limit."""

    limits: tuple[tuple[int | None, int | None], ...]


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


class _Filter:
    """Which tasks the options let through."""

    def __init__(self, ctx: Context, args: Args, policies: set[int], seen: set[int]) -> None:
        self._tasks = ctx.kernel.tasks
        self._user, self._kernel, self._group = "u" in args, "k" in args, "G" in args
        self._policies = policies
        self._leaders = seen

    def kind(self, task: Task) -> bool:
        """Whether -u and -k let the task through."""
        if self._user or self._kernel:
            return self._tasks.is_kernel_thread(task) == self._kernel
        return True

    def policy(self, task: Task) -> bool:
        """Whether -y lets the task through."""
        return not self._policies or task.policy in self._policies

    def leader(self, task: Task, chosen: bool) -> Task | None:
        """With -G, the leader of a task's group at its first turn; `chosen` tells that the
        user named the task. Otherwise the task."""
        if not self._group:
            return task
        head = task if task.pid == task.tgid else None
        if head is None and chosen:
            head = self._tasks.leader(task.tgid)
        if head is None or head.address in self._leaders:
            return None
        self._leaders.add(head.address)
        return head


class Ps(Command):
    name = "ps"
    summary = "the tasks and what they were doing"
    synopsis = (
        "[-k|-u|-G|-y policy] [-s] [-p|-c|-t|-[l|m][-C cpu]|-a|-g|-r|-S|-A|-H]\n"
        "     [pid | task | command] ..."
    )
    description = (
        "Lists every task, or those chosen by pid (decimal or hexadecimal), by the address of "
        "the task_struct, by command name, or by a regular expression in single quotes that is "
        "matched against command names. A command name that could be read as a number or an "
        "option is protected by a backslash.\n\n"
        "For each task the list has its pid and its parent's, the CPU it ran on last, the "
        "address of its task_struct, its state (RU running, IN interruptible, UN "
        "uninterruptible, ID idle, ZO zombie, ST stopped, TR traced, DE dead, PA parked, WA "
        "waking, NE new), its share of physical memory, the size of its address space and of "
        "its resident part in KiB, and its command name, in brackets for a kernel thread. A > "
        "in front marks the tasks that the CPUs were running."
    )
    flags = (
        Flag("k", "Only kernel threads."),
        Flag("u", "Only tasks with a user space."),
        Flag("G", "Only the leader of each thread group."),
        Flag(
            "y",
            "Only tasks of these scheduling policies, by name or number, separated by commas: "
            "NORMAL or 0, FIFO or 1, RR or 2, BATCH or 3, ISO or 4, IDLE or 5, DEADLINE or 6.",
            "policy",
        ),
        Flag("s", "The kernel stack pointer in place of the task_struct's address."),
        Flag("p", "For each task, its parents, from the oldest down."),
        Flag("c", "For each task, its children."),
        Flag("t", "For each task, its run time, start time, and user and system CPU time."),
        Flag("l", "The time each task last got a CPU, the latest first."),
        Flag("m", "Like -l, but how long before the end that was: days, hours, minutes, seconds."),
        Flag("C", "With -l or -m, one list for each of these CPUs.", "cpu"),
        Flag("a", "The arguments and the environment of each task, from its user stack."),
        Flag("g", "The tasks of each thread group, under their leader."),
        Flag("r", "The resource limits of each task."),
        Flag("S", "How many tasks are in each state."),
        Flag("A", "Only the tasks that the CPUs were running."),
        Flag("H", "No heading."),
    )
    examples = (
        ("The list of all tasks", "ps"),
        ("The ancestry of pid 193", "ps -p 193"),
        ("What each CPU was running", "ps -A"),
        ("Kernel workers, the last to run first", "ps -l 'kworker.*'"),
        ("The threads of a group", "ps -g nginx"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if ctx.in_foreach:
            yield from self._one(ctx, args)
            return
        options = _Options()
        yield from options.read(ctx, args)
        by_run = "l" in args or "m" in args
        chosen = _Filter(ctx, args, options.policies, set())
        for problem in ctx.kernel.tasks.new_problems():
            yield Notice(problem)
        tasks = ctx.kernel.tasks.all
        if by_run:
            tasks = sorted(tasks, key=lambda task: -(task.last_run or 0))
        elif "C" in args:
            yield Notice("-C option is only applicable with -l and -m")
            return
        if args.operands:
            if "S" in args:
                raise CrashError("-S option takes no arguments")
            if "C" in args:
                yield Notice("-C option is not applicable with specified tasks")
            wanted: list[Callable[[Task], bool]] = []
            for operand in args.operands:
                try:
                    wanted.append(_matcher(ctx, operand, leaders="g" in args or "G" in args))
                except LookupError as error:
                    yield Notice(str(error.args[0]))
                except CrashError as error:
                    yield Notice(str(error))
                    return
            tasks = [task for task in tasks for fits in wanted if fits(task)]
        yield from _heading(args)
        if "C" in args:
            # Each task named brings the whole list of the CPUs, as does naming none.
            for _ in tasks if args.operands else tasks[:1]:
                yield from _run_by_cpu(ctx, args, sorted(options.cpus))
            return
        yield from self._show(ctx, args, tasks, chosen)

    def _one(self, ctx: Context, args: Args) -> Iterator[Row]:
        """The task that foreach is at."""
        yield from _heading(args)
        wanted = {policy for v in args.values("y") for policy in policies(v)}
        chosen = _Filter(ctx, args, wanted, ctx.foreach_seen)
        yield from self._show(ctx, args, [ctx.kernel.tasks.get(ctx.task)], chosen)

    def _show(self, ctx: Context, args: Args, tasks: list[Task], chosen: _Filter) -> Iterator[Row]:
        named = ctx.in_foreach or bool(args.operands)
        if "t" in args:
            yield from _times(ctx, tasks, chosen, named)
            return
        if "S" in args:
            if any(letter in args for letter in "ukG"):
                raise CrashError("-S option cannot be used with other options")
            yield from _summary(ctx, tasks)
            return
        show = _mode(ctx, args)
        for task in tasks:
            if not (chosen.kind(task) and chosen.policy(task)):
                continue
            if "G" in args and ("l" in args or "m" in args):
                raise CrashError(f"-G not supported with -{'l' if 'l' in args else 'm'} option")
            head = chosen.leader(task, named)
            if head is not None:
                yield from show(head)

    def text(self, ctx: Context, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        width = 2 * ctx.kernel.word_size
        stamp = "x" if ctx.settings.radix == 16 else "d"
        for row in rows:
            if isinstance(row, ProcessRow):
                yield _process_line(row, width)
            elif isinstance(row, HeadingRow):
                name = centered("KSTACKP", width, "right") if row.stack else centered("TASK", width)
                yield f"      PID    PPID  CPU {name}  ST  %MEM      VSZ      RSS  COMM"
            elif isinstance(row, TaskHeader):
                yield from header_lines(row, width // 2)
            else:
                yield from _lines(row, width // 2, stamp)


class _Options:
    """The options of a line, read in the order they were typed."""

    def __init__(self) -> None:
        self.cpus: set[int] = set()
        self.policies: set[int] = set()

    def read(self, ctx: Context, args: Args) -> Iterator[Row]:
        """Yield what is to be said of them. Raises CrashError and UsageError."""
        seen = ""
        missing = False
        for letter, value in args.given:
            if letter in "ku" and ({"k": "u", "u": "k"}[letter] in seen):
                raise CrashError("-u and -k are mutually exclusive")
            if letter in "lm" and not ctx.kernel.tasks.has_last_run:
                yield Notice("last-run timestamps do not exist in this kernel")
                missing = True
                continue
            if letter in _EXCLUSIVE and any(c in seen for c in _EXCLUSIVE if c != letter):
                raise CrashError(_EXCLUSIVE_MESSAGE)
            if letter == "C":
                self.cpus.update(cpu_list(value or "", ctx.kernel.cpus.count))
            elif letter == "y":
                self.policies = set(policies(value or ""))
            seen += letter
        if missing:
            raise UsageError


def _matcher(ctx: Context, operand: str, leaders: bool) -> Callable[[Task], bool]:
    """A test for what an operand names.

    Raises LookupError where it names nothing, CrashError for a bad regular expression.
    """
    if is_number(operand):
        found = find_task(ctx.kernel.tasks, operand)
        if found is None:
            raise LookupError(f"invalid task or pid value: {operand}\n")
        value = found.value
        if found.kind == "pid":
            return lambda task: task.pid == value
        return lambda task: task.address == value
    if is_quoted(operand):
        search = pattern(operand).search
        return lambda task: search(task.comm) is not None and (not leaders or task.pid == task.tgid)
    name = comm_name(operand)
    return lambda task: task.comm == name and (not leaders or task.pid == task.tgid)


def _heading(args: Args) -> Iterator[Row]:
    if "H" not in args and not any(letter in args for letter in _EXCLUSIVE if letter != "A"):
        yield HeadingRow("s" in args)


def _header(task: Task) -> TaskHeader:
    return TaskHeader(task.pid, task.address, task.cpu, task.comm)


def _mode(ctx: Context, args: Args) -> Callable[[Task], Iterator[Row]]:
    """What to show of one task."""
    if "p" in args:
        return partial(_parents, ctx)
    if "c" in args:
        return partial(_children, ctx)
    if "l" in args:
        return _last_run(ctx)
    if "m" in args:
        return partial(_since_run, ctx, {})
    if "a" in args:
        return partial(_arguments, ctx)
    if "r" in args:
        return partial(_limits, ctx)
    if "g" in args:
        named = ctx.in_foreach or bool(args.operands)
        return partial(_threads, ctx, named, ctx.foreach_seen if ctx.in_foreach else set())
    return _processes(ctx, args)


def _processes(ctx: Context, args: Args) -> Callable[[Task], Iterator[Row]]:
    kernel = ctx.kernel
    tasks, panic, use = kernel.tasks, kernel.panic, kernel.task_memory.use
    known, is_kernel, short = tasks.by_address, tasks.is_kernel_thread, tasks.states.short
    kib = kernel.page_size // 1024
    only_active = "A" in args and not args.operands
    stack = "s" in args
    hide = ctx.settings.offline == "hide"

    def show(task: Task) -> Iterator[Row]:
        active = panic.is_active(task.address)
        if only_active and not active:
            return
        try:
            rss, total_vm, percent, _ = use(task)
        except ReadError as error:
            yield Notice(str(error))
            rss, total_vm, percent = 0, 0, 0.0
        pointer: int | None = task.address
        if stack:
            pointer = None if active else tasks.saved_sp(task)
        mark = " "
        if active:
            mark = "-" if hide and not kernel.cpus.is_online(task.cpu) else ">"
        parent = known.get(task.parent)
        yield ProcessRow(
            mark,
            task.pid,
            -1 if parent is None else parent.pid,
            task.cpu,
            pointer,
            short(task.state),
            percent,
            total_vm * kib,
            rss * kib,
            task.comm,
            is_kernel(task),
        )

    return show


def _parents(ctx: Context, task: Task) -> Iterator[Row]:
    known = ctx.kernel.tasks.by_address
    line = [task]
    seen = {task.address}
    while line[-1].parent not in seen:
        parent = known.get(line[-1].parent)
        if parent is None:
            break
        seen.add(parent.address)
        line.append(parent)
    headers = [_header(t) for t in reversed(line)]
    yield FamilyRow("parents", headers[0], tuple(headers[1:]))


def _children(ctx: Context, task: Task) -> Iterator[Row]:
    children = ctx.kernel.tasks.children(task.address)
    yield FamilyRow("children", _header(task), tuple(_header(t) for t in children))


def _threads(ctx: Context, named: bool, seen: set[int], task: Task) -> Iterator[Row]:
    """The group of a task under its leader; the idle tasks are one group, shown once."""
    tasks = ctx.kernel.tasks
    head: Task | None = task
    if task.pid != task.tgid:
        head = tasks.leader(task.tgid) if named else None
    if head is None or head.address in seen:
        return
    others = [t for t in tasks.threads(head.tgid) if t.address != head.address]
    if any(t.pid == 0 for t in others):
        seen.update(t.address for t in (head, *others) if t.pid == 0)
    yield FamilyRow("threads", _header(head), tuple(_header(t) for t in others))


def _last_run(ctx: Context) -> Callable[[Task], Iterator[Row]]:
    tasks = ctx.kernel.tasks
    latest = tasks.latest_run
    digits = len(f"{latest:x}" if ctx.settings.radix == 16 else str(latest))
    short = tasks.states.short

    def show(task: Task) -> Iterator[Row]:
        yield LastRunRow(task.last_run or 0, digits, short(task.state), _header(task))

    return show


def _since_run(ctx: Context, clocks: dict[int, int], task: Task) -> Iterator[Row]:
    clock = clocks.get(task.cpu)
    if clock is None:
        clock = clocks[task.cpu] = ctx.kernel.clock.run_queue(task.cpu)
    elapsed = max(clock - (task.last_run or 0), 0)
    yield SinceRunRow(elapsed, clock, ctx.kernel.tasks.states.short(task.state), _header(task))


def _run_by_cpu(ctx: Context, args: Args, cpus: list[int]) -> Iterator[Row]:
    """One list for each CPU, whatever the other options choose."""
    tasks = sorted(ctx.kernel.tasks.all, key=lambda task: -(task.last_run or 0))
    show = _mode(ctx, args)
    for place, cpu in enumerate(cpus):
        offline = ctx.settings.offline == "hide" and not ctx.kernel.cpus.is_online(cpu)
        yield CpuRow(cpu, offline, bool(place))
        for task in tasks if not offline else ():
            if task.cpu == cpu:
                yield from show(task)


def _arguments(ctx: Context, task: Task) -> Iterator[Row]:
    yield _header(task)
    if not task.mm:
        yield Notice("no user stack\n")
        return
    try:
        place = stack_text(ctx.kernel, task)
        text = read_strings(ctx.kernel, task, place.arg_start, place.arg_end)
        yield StringsRow("ARG", text)
        text = read_strings(ctx.kernel, task, place.env_start, place.env_end)
        yield StringsRow("ENV", text)
    except CrashError as error:
        yield Notice(str(error))


def _limits(ctx: Context, task: Task) -> Iterator[Row]:
    yield _header(task)
    endless = ctx.kernel.word_mask
    try:
        found = limits(ctx.kernel, task)
    except ReadError as error:
        yield Notice(str(error))
        return
    yield LimitsRow(
        tuple(
            (None if soft == endless else soft, None if hard == endless else hard)
            for soft, hard in found
        )
    )


def _times(ctx: Context, tasks: list[Task], chosen: _Filter, named: bool) -> Iterator[Row]:
    run_seconds = ctx.kernel.clock.run_seconds
    heads = (chosen.leader(task, named) for task in tasks if chosen.kind(task))
    found = [task for task in heads if task is not None]
    if not named:
        found.sort(key=lambda task: task.start_time)
    for task in found:
        yield TimesRow(
            _header(task),
            run_seconds(task.start_time),
            task.start_time,
            task.utime,
            task.stime,
        )


def _summary(ctx: Context, tasks: list[Task]) -> Iterator[Row]:
    counts: dict[str, int] = {}
    for task in tasks:
        state = ctx.kernel.tasks.states.short(task.state)
        counts[state] = counts.get(state, 0) + 1
    for state, count in counts.items():
        yield StateRow(state, count)


def _process_line(row: ProcessRow, width: int) -> str:
    if row.pointer is None:
        pointer = centered("--", width, "right")
    else:
        pointer = centered(f"{row.pointer:x}", width, "right")
    comm = f"[{row.comm}]" if row.kernel else row.comm
    return (
        f"{row.mark} {row.pid:7} {row.ppid:7} {row.cpu:3}  {pointer} {row.state:>3}  "
        f"{row.percent:4.1f} {row.vsz:8} {row.rss:8}  {comm}"
    )


def _lines(row: Row, word_size: int, stamp: str) -> Iterator[str]:
    """The lines of any row but those of the list."""
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
    names = [*LIMIT_NAMES, *["(unknown)"] * len(row.limits)][: len(row.limits)]
    wide = max(len(name) for name in LIMIT_NAMES[: len(row.limits)])
    column = len(_UNLIMITED)

    def cell(value: int | None) -> str:
        return _UNLIMITED if value is None else centered(str(value), column)

    yield (
        f"  {'RLIMIT':>{wide}}   {centered('CURRENT', column, 'right')}"
        f"   {centered('MAXIMUM', column, 'right')}"
    )
    for name, (soft, hard) in zip(names, row.limits, strict=True):
        yield f"  {name:>{wide}}   {cell(soft)}   {cell(hard)}"
    yield ""
