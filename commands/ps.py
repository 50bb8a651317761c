"""ps: what the tasks were doing, whose children they are, and what they had used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from pycrash.api import Args, Command, Context, Flag, Notice, Row, UsageError, quick
from pycrash.api.kinds import (
    comm_name,
    cpu_list,
    find_task,
    is_number,
    is_quoted,
    pattern,
    policies,
)
from pycrash.api.taskheader import TaskHeader, header_lines
from pycrash.errors import CrashError, ReadError
from pycrash.kernel.sched.queues import RunQueues
from pycrash.kernel.tasks.table import Task
from pycrash.render.columns import centered

# Each shows something else in place of the list: at most one may be given.
_EXCLUSIVE = "atcpglmSrA"
_EXCLUSIVE_MESSAGE = "-a, -t, -c, -p, -g, -l, -m, -S, -r and -A flags are all mutually-exclusive"


@dataclass(frozen=True)
class HeadingRow(Row):
    """The list follows; `stack` tells that it shows kernel stack pointers."""

    stack: bool


@quick
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


class _Filter:
    """Which tasks the options let through. `seen` are the leaders shown already, for -G."""

    def __init__(self, ctx: Context, args: Args, policies: set[int], seen: set[int]) -> None:
        self._tasks = ctx.kernel.tasks
        self._user, self._kernel, self._group = "u" in args, "k" in args, "G" in args
        self._all = not (self._user or self._kernel or self._group or policies)
        self._policies = policies
        self._seen = seen
        self._clash = self._group and next((c for c in "lm" if c in args), "")

    def kind(self, task: Task) -> bool:
        """Whether -u and -k let the task through."""
        both = not (self._user or self._kernel)
        return both or self._tasks.is_kernel_thread(task) == self._kernel

    def task(self, task: Task, named: bool) -> Task | None:
        """What to show for a task: itself, the leader of its group with -G, or nothing.

        `named` tells that the user named the task. Raises CrashError.
        """
        if self._all:
            return task
        if not self.kind(task) or (self._policies and task.policy not in self._policies):
            return None
        if self._clash:
            raise CrashError(f"-G not supported with -{self._clash} option")
        return self.leader(task, named)

    def leader(self, task: Task, named: bool) -> Task | None:
        """With -G, the leader of the task's group at its first turn; else the task."""
        if not self._group:
            return task
        head = task if task.pid == task.tgid else None
        if head is None and named:
            head = self._tasks.leader(task.tgid)
        if head is None or head.address in self._seen:
            return None
        self._seen.add(head.address)
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
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if ctx.in_foreach:
            yield from self._one(ctx, args)
            return
        options = _Options()
        yield from options.read(ctx, args)
        by_run = "l" in args or "m" in args
        chosen = _Filter(ctx, args, options.policies, set())
        for problem in ctx.kernel.panic.new_problems():
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
            every = sorted(ctx.kernel.tasks.all, key=lambda task: -(task.last_run or 0))
            if not args.operands:
                every = [task for task in tasks if chosen.task(task, False) is not None]
            # Each task named brings the whole list of the CPUs.
            for _ in tasks if args.operands else (None,):
                yield from _run_by_cpu(ctx, args, options.cpus, every)
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
        if show is None:
            yield from _processes(ctx, args, tasks, chosen)
            return
        for task in tasks:
            head = chosen.task(task, named)
            if head is not None:
                yield from show(head)

    def text(self, ctx: Context, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        width = 2 * ctx.kernel.word_size
        for row in rows:
            if isinstance(row, ProcessRow):
                yield _process_line(row, width)
            elif isinstance(row, HeadingRow):
                name = centered("KSTACKP", width, "right") if row.stack else centered("TASK", width)
                yield f"      PID    PPID  CPU {name}  ST  %MEM      VSZ      RSS  COMM"
            elif isinstance(row, TaskHeader):
                yield from header_lines(row, width // 2)
            else:
                from pycrash.render.taskrows import task_lines

                yield from task_lines(row, width // 2, "x" if ctx.settings.radix == 16 else "d")


class _Options:
    """The options of a line, read in the order they were typed."""

    def __init__(self) -> None:
        self.cpus: list[int] = []
        self.policies: set[int] = set()

    def read(self, ctx: Context, args: Args) -> Iterator[Row]:
        """Yield what is to be said of them. Raises CrashError and UsageError."""
        seen, missing = "", False
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
                self.cpus = cpu_list(value or "", ctx.kernel.cpus.count)
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


def _mode(ctx: Context, args: Args) -> Callable[[Task], Iterator[Row]] | None:
    """What to show of one task; None for the list."""
    if "p" in args:
        return partial(_parents, ctx)
    if "c" in args:
        return partial(_children, ctx)
    if "l" in args:
        return _last_run(ctx)
    if "m" in args:
        return partial(_since_run, ctx)
    if "a" in args:
        return partial(_arguments, ctx)
    if "r" in args:
        return partial(_limits, ctx)
    if "g" in args:
        named = ctx.in_foreach or bool(args.operands)
        return partial(_threads, ctx, named, ctx.foreach_seen if ctx.in_foreach else set())
    return None


def _processes(ctx: Context, args: Args, tasks: Iterable[Task], chosen: _Filter) -> Iterator[Row]:
    """The list. One loop, since there may be very many tasks."""
    kernel = ctx.kernel
    table, use, is_active = kernel.tasks, kernel.task_memory.use, kernel.panic.is_active
    known, is_kernel, short = table.by_address, table.is_kernel_thread, table.states.short
    kib = kernel.page_size // 1024
    named = ctx.in_foreach or bool(args.operands)
    only_active, stack = "A" in args and not named, "s" in args
    hide = ctx.settings.offline == "hide"
    for each in tasks:
        task = chosen.task(each, named)
        if task is None:
            continue
        active = is_active(task.address)
        if only_active and not active:
            continue
        try:
            rss, total_vm, percent, _ = use(task)
        except ReadError as error:
            yield Notice(str(error))
            rss, total_vm, percent = 0, 0, 0.0
        pointer: int | None = task.address
        if stack:
            pointer = None if active else table.saved_sp(task)
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


def _parents(ctx: Context, task: Task) -> Iterator[Row]:
    from pycrash.render.taskrows import FamilyRow

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
    from pycrash.render.taskrows import FamilyRow

    children = ctx.kernel.tasks.children(task.address)
    yield FamilyRow("children", _header(task), tuple(_header(t) for t in children))


def _threads(ctx: Context, named: bool, seen: set[int], task: Task) -> Iterator[Row]:
    """The group of a task under its leader; the idle tasks are one group, shown once."""
    from pycrash.render.taskrows import FamilyRow

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
    from pycrash.render.taskrows import LastRunRow

    tasks = ctx.kernel.tasks
    latest = tasks.latest_run
    digits = len(f"{latest:x}" if ctx.settings.radix == 16 else str(latest))
    short = tasks.states.short

    def show(task: Task) -> Iterator[Row]:
        yield LastRunRow(task.last_run or 0, digits, short(task.state), _header(task))

    return show


def _since_run(ctx: Context, task: Task) -> Iterator[Row]:
    from pycrash.render.taskrows import SinceRunRow

    clock = ctx.kernel.part(RunQueues).clock(task.cpu)
    elapsed = max(clock - (task.last_run or 0), 0)
    yield SinceRunRow(elapsed, clock, ctx.kernel.tasks.states.short(task.state), _header(task))


def _run_by_cpu(ctx: Context, args: Args, cpus: list[int], tasks: Sequence[Task]) -> Iterator[Row]:
    """One list for each CPU."""
    from pycrash.render.taskrows import CpuRow

    show = _mode(ctx, args)
    assert show is not None
    for place, cpu in enumerate(cpus):
        offline = ctx.settings.offline == "hide" and not ctx.kernel.cpus.is_online(cpu)
        yield CpuRow(cpu, offline, bool(place))
        for task in tasks if not offline else ():
            if task.cpu == cpu:
                yield from show(task)


def _arguments(ctx: Context, task: Task) -> Iterator[Row]:
    from pycrash.kernel.tasks.arguments import read_strings, stack_text
    from pycrash.render.taskrows import StringsRow

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
    from pycrash.kernel.tasks.limits import limits
    from pycrash.render.taskrows import LimitsRow

    yield _header(task)
    endless = ctx.kernel.word_mask
    try:
        found = limits(ctx.kernel, task)
    except ReadError as error:
        yield Notice(str(error))
        return
    yield LimitsRow(
        tuple(
            (name, None if soft == endless else soft, None if hard == endless else hard)
            for name, soft, hard in found
        )
    )


def _times(ctx: Context, tasks: list[Task], chosen: _Filter, named: bool) -> Iterator[Row]:
    from pycrash.render.taskrows import TimesRow

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
    from pycrash.render.taskrows import StateRow

    counts = Counter(ctx.kernel.tasks.states.short(task.state) for task in tasks)
    return (StateRow(state, count) for state, count in counts.items())


def _process_line(row: ProcessRow, width: int) -> str:
    pointer = "--" if row.pointer is None else f"{row.pointer:x}"
    if len(pointer) < width:
        pointer = centered(pointer, width, "right")
    comm = f"[{row.comm}]" if row.kernel else row.comm
    return (
        f"{row.mark} {row.pid:7} {row.ppid:7} {row.cpu:3}  {pointer} {row.state:>3}  "
        f"{row.percent:4.1f} {row.vsz:8} {row.rss:8}  {comm}"
    )
