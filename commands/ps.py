"""ps: what the tasks were doing, whose children they are, and what they had used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from pycrash.api import (
    COMM,
    CPUS,
    POLICY,
    TASK,
    Args,
    Begin,
    Context,
    CrashError,
    Flag,
    Notice,
    ReadError,
    Row,
    TaskCommand,
    UsageError,
    View,
    cpu_list,
    many,
    policies,
    task_header,
    whose,
)
from pycrash.api.processrows import LISTED, policy_row, process_rows
from pycrash.api.taskchoice import TaskFilter, task_matcher
from pycrash.kernel.sched.queues import RunQueues
from pycrash.kernel.tasks.family import ancestors, companions
from pycrash.kernel.tasks.limits import limits
from pycrash.kernel.tasks.table import Task
from pycrash.render.taskrows import (
    ROWS,
    CpuRow,
    FamilyRow,
    LastRunRow,
    LimitsRow,
    SinceRunRow,
    StateRow,
    StringsRow,
    TimesRow,
    process_heading,
    process_line,
    task_lines,
)

# Each shows something else in place of the list: at most one may be given.
_EXCLUSIVE = "atcpglmSrAY"
# Those that foreach hands on.
_EACH = "acptlmrg"
# Stands for the group of the idle tasks among the addresses of tasks that were shown.
_IDLE = 0
_EXCLUSIVE_MESSAGE = "-a, -t, -c, -p, -g, -l, -m, -S, -r and -A flags are all mutually-exclusive"


class Ps(TaskCommand):
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
            value=POLICY,
        ),
        Flag("s", "The kernel stack pointer in place of the task_struct's address."),
        Flag("p", "For each task, its parents, from the oldest down."),
        Flag("c", "For each task, its children."),
        Flag("t", "For each task, its run time, start time, and user and system CPU time."),
        Flag("l", "The time each task last got a CPU, the latest first."),
        Flag("m", "Like -l, but how long before the end that was: days, hours, minutes, seconds."),
        Flag("C", "With -l or -m, one list for each of these CPUs.", value=CPUS),
        Flag("a", "The arguments and the environment of each task, from its user stack."),
        Flag("g", "The tasks of each thread group, under their leader."),
        Flag("r", "The resource limits of each task."),
        Flag("S", "How many tasks are in each state."),
        Flag("A", "Only the tasks that the CPUs were running."),
        Flag("I", "Without the idle threads."),
        Flag("Y", "The scheduling policy and the priority of each task."),
        Flag("H", "No heading."),
    )
    checked = "Cy"
    operands = (many(TASK, COMM),)
    rows = ROWS
    related = ("foreach", "task", "runq", "set", "bt")
    examples = (
        ("The list of all tasks", "ps"),
        ("The ancestry of pid 125", "ps -p 125"),
        ("What each CPU was running", "ps -A"),
        ("Kernel workers, the last to run first", "ps -l 'kworker.*'"),
    )

    def read(self, ctx: Context, before: Args, letter: str, value: str | None) -> Iterator[Row]:
        if (letter == "k" and "u" in before) or (letter == "u" and "k" in before):
            raise CrashError("-u and -k are mutually exclusive")
        by_run = ctx.kernel.tasks.has_last_run
        if letter in "lm" and not by_run:
            yield Notice("last-run timestamps do not exist in this kernel")
            return
        others = (c for c in _EXCLUSIVE if c != letter and (by_run or c not in "lm"))
        if letter in _EXCLUSIVE and any(other in before for other in others):
            raise CrashError(_EXCLUSIVE_MESSAGE)
        if letter == "C":
            cpu_list(value or "", ctx.kernel.cpus.count)
        elif letter == "y":
            policies(value or "")

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from self.read_all(ctx, args)
        by_run = "l" in args or "m" in args
        if by_run and not ctx.kernel.tasks.has_last_run:
            raise UsageError
        wanted_policies = set(policies(args.values("y")[-1])) if "y" in args else set[int]()
        chosen = TaskFilter(ctx, args, wanted_policies, set())
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
                    wanted.append(task_matcher(ctx, operand, leaders="g" in args or "G" in args))
                except LookupError as error:
                    yield Notice(str(error.args[0]))
                except CrashError as error:
                    yield Notice(str(error))
                    return
            tasks = [task for task in tasks for fits in wanted if fits(task)]
        yield from _heading(args)
        if "C" in args:
            every = sorted(ctx.kernel.tasks.all, key=lambda task: -(task.last_run or 0))
            if "I" in args:
                every = [task for task in every if task.pid]
            if not args.operands:
                every = [task for task in tasks if chosen.task(task, False) is not None]
            # Each task named brings the whole list of the CPUs.
            cpus = cpu_list(args.values("C")[-1], ctx.kernel.cpus.count)
            for _ in tasks if args.operands else (None,):
                yield from _run_by_cpu(ctx, args, cpus, every)
            return
        yield from self._show(ctx, args, tasks, chosen, bool(args.operands))

    def run_task(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        yield from _heading(args)
        wanted = {policy for v in args.values("y") for policy in policies(v)}
        yield from self._show(ctx, args, [task], TaskFilter(ctx, args, wanted, ctx.seen), True)

    def check_each(self, args: Args, operands: Sequence[str]) -> Iterator[Notice]:
        if sum(letter in args for letter in _EACH) > 1:
            raise CrashError(_EXCLUSIVE_MESSAGE)
        if ("l" in args or "m" in args) and "G" in args:
            raise CrashError(f"-G not supported with -{'l' if 'l' in args else 'm'} option")
        return iter(())

    def task_words(self, args: Args, operands: Sequence[str]) -> list[str]:
        words = [f"-{letter}" for letter in "Gs" if letter in args]
        words += [f"-{letter}" for letter in _EACH if letter in args][:1]
        return words + (["-y", args.values("y")[-1]] if "y" in args else [])

    def introduces(self, args: Args) -> bool:
        return False

    def in_order(self, ctx: Context, args: Args, tasks: Sequence[Task]) -> Sequence[Task]:
        if "l" not in args and "m" not in args:
            return tasks
        if not ctx.kernel.tasks.has_last_run:
            raise CrashError("last-run timestamps do not exist in this kernel")
        return sorted(tasks, key=lambda task: -(task.last_run or 0))

    def _show(
        self, ctx: Context, args: Args, tasks: list[Task], chosen: TaskFilter, named: bool
    ) -> Iterator[Row]:
        if "t" in args:
            yield from _times(ctx, tasks, chosen, named)
            return
        if "S" in args:
            if any(letter in args for letter in "ukGI"):
                raise CrashError("-S option cannot be used with other options")
            yield from _summary(ctx, tasks)
            return
        heads = chosen.tasks(tasks, named)
        show = _mode(ctx, args, named)
        if show is None:
            yield from process_rows(ctx.kernel, heads, "s" in args, "A" in args and not named)
            return
        for task in heads:
            yield from show(task)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        width, stack = view.pointer_width, "s" in args
        hide, begun = view.settings.offline == "hide", False
        for row in rows:
            if isinstance(row, LISTED):
                yield process_line(row, width, stack, hide)
            elif isinstance(row, Begin):
                if view.first:
                    yield process_heading(width, stack, policy="Y" in args)
            else:
                if isinstance(row, CpuRow):
                    if begun:
                        yield ""
                    begun = True
                yield from task_lines(row, view)


def _heading(args: Args) -> Iterator[Row]:
    if "H" not in args and not any(letter in args for letter in _EXCLUSIVE if letter not in "AY"):
        yield Begin()


def _mode(ctx: Context, args: Args, named: bool) -> Callable[[Task], Iterator[Row]] | None:
    """What to show of one task; None for the list."""
    # What foreach has shown lasts for all of its tasks, what ps itself shows for a line.
    seen: set[int] = set() if ctx.foreach_task is None else ctx.seen
    modes: dict[str, Callable[[], Callable[[Task], Iterator[Row]]]] = {
        "p": lambda: partial(_parents, ctx),
        "c": lambda: partial(_children, ctx),
        "l": lambda: _last_run(ctx),
        "m": lambda: partial(_since_run, ctx),
        "a": lambda: partial(_arguments, ctx),
        "r": lambda: partial(_limits, ctx),
        "Y": lambda: partial(_policy, ctx, "s" in args),
        "g": lambda: partial(_threads, ctx, named, seen),
    }
    return next((make() for letter, make in modes.items() if letter in args), None)


def _parents(ctx: Context, task: Task) -> Iterator[Row]:
    oldest, *others = *ancestors(ctx.kernel.tasks, task), task
    yield FamilyRow(*whose(oldest), "parents", tuple(map(task_header, others)))


def _children(ctx: Context, task: Task) -> Iterator[Row]:
    children = ctx.kernel.tasks.children(task.address)
    yield FamilyRow(*whose(task), "children", tuple(map(task_header, children)))


def _policy(ctx: Context, stack: bool, task: Task) -> Iterator[Row]:
    yield policy_row(ctx.kernel, task, stack)


def _threads(ctx: Context, named: bool, seen: set[int], task: Task) -> Iterator[Row]:
    """The group of a task under its leader; the idle tasks are one group, shown once."""
    tasks = ctx.kernel.tasks
    head: Task | None = task
    if task.pid != task.tgid:
        head = tasks.leader(task.tgid) if named else None
    if head is None or (head.pid == 0 and _IDLE in seen):
        return
    others = companions(tasks, head)
    if any(t.pid == 0 for t in others):
        seen.add(_IDLE)
    yield FamilyRow(*whose(head), "threads", tuple(map(task_header, others)))


def _last_run(ctx: Context) -> Callable[[Task], Iterator[Row]]:
    tasks = ctx.kernel.tasks
    latest, short = tasks.latest_run, tasks.states.short

    def show(task: Task) -> Iterator[Row]:
        yield LastRunRow(*whose(task), task.last_run or 0, short(task.state), latest)

    return show


def _since_run(ctx: Context, task: Task) -> Iterator[Row]:
    clock = ctx.kernel.part(RunQueues).clock(task.cpu)
    elapsed = max(clock - (task.last_run or 0), 0)
    yield SinceRunRow(*whose(task), elapsed, clock, ctx.kernel.tasks.states.short(task.state))


def _run_by_cpu(ctx: Context, args: Args, cpus: list[int], tasks: Sequence[Task]) -> Iterator[Row]:
    """One list for each CPU."""
    show = _mode(ctx, args, bool(args.operands))
    assert show is not None
    for cpu in cpus:
        offline = ctx.settings.offline == "hide" and not ctx.kernel.cpus.is_online(cpu)
        yield CpuRow(cpu, not offline)
        for task in tasks if not offline else ():
            if task.cpu == cpu:
                yield from show(task)


def _arguments(ctx: Context, task: Task) -> Iterator[Row]:
    from pycrash.kernel.tasks.arguments import read_strings, stack_text

    yield task_header(task)
    if not task.mm:
        yield Notice("no user stack\n")
        return
    try:
        place = stack_text(ctx.kernel, task)
        found = read_strings(ctx.kernel, task, place.arg_start, place.arg_end)
        yield StringsRow("arguments", *found)
        found = read_strings(ctx.kernel, task, place.env_start, place.env_end)
        yield StringsRow("environment", *found)
    except CrashError as error:
        yield Notice(str(error))


def _limits(ctx: Context, task: Task) -> Iterator[Row]:
    yield task_header(task)
    try:
        yield LimitsRow(tuple(limits(ctx.kernel, task)))
    except ReadError as error:
        yield Notice(str(error))


def _times(ctx: Context, tasks: list[Task], chosen: TaskFilter, named: bool) -> Iterator[Row]:
    run_seconds = ctx.kernel.clock.run_seconds
    heads = (chosen.leader(task, named) for task in tasks if chosen.kind(task))
    found = [task for task in heads if task is not None]
    if not named:
        found.sort(key=lambda task: task.start_time)
    for task in found:
        start = task.start_time
        yield TimesRow(*whose(task), run_seconds(start), start, task.utime, task.stime)


def _summary(ctx: Context, tasks: list[Task]) -> Iterator[Row]:
    counts = Counter(ctx.kernel.tasks.states.short(task.state) for task in tasks)
    return (StateRow(state, count) for state, count in counts.items())
