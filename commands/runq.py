"""runq: the tasks that wait for each CPU, and the clocks of its queue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pycrash.api import (
    CPUS,
    Address,
    Args,
    Command,
    Context,
    CrashError,
    Flag,
    Nanoseconds,
    Notice,
    Row,
    TaskRow,
    UsageError,
    View,
    cpu_list,
    whose,
)
from pycrash.kernel.core.layout import member_offset
from pycrash.kernel.sched.classes import DeadlineQueue, FairQueue, RealTimeQueue
from pycrash.kernel.sched.grouped import GroupedTasks, GroupQueue
from pycrash.kernel.sched.groups import TaskGroups
from pycrash.kernel.sched.queues import RunQueues
from pycrash.render.columns import elapsed_time

SchedClass = Literal["rt", "fair", "deadline"]

_UNSUPPORTED = "-g option not supported or applicable on this architecture or kernel"


class Running(NamedTuple):
    """The task a CPU ran, and when it got the CPU."""

    pid: int
    task: Address
    comm: str
    last_run: Nanoseconds | None


@dataclass(frozen=True)
class QueueRow(Row, kind="runq.queue"):
    """The run queue of a CPU (struct rq) and what the CPU ran; what waits follows.

    `clock` is that of the queue, `current` None where the task is not known.
    """

    cpu: int
    online: bool
    address: Address
    clock: Nanoseconds
    task: Address
    current: Running | None


@dataclass(frozen=True)
class ClassRow(Row, kind="runq.class"):
    """The queue of a scheduling class on a CPU; what waits on it follows."""

    cpu: int
    policy: SchedClass
    address: Address


@dataclass(frozen=True)
class QueuedRow(TaskRow, kind="runq.task"):
    """A task that waits, `current` where the CPU runs it. `prio` is what the kernel goes by:
    of a real-time task the list it stands in. `depth` counts the task groups around it."""

    policy: SchedClass | None
    prio: int
    depth: int
    current: bool


@dataclass(frozen=True)
class GroupRow(Row, kind="runq.group"):
    """A task group and its queue on a CPU; `symbol` is the variable that is the first group."""

    cpu: int
    policy: SchedClass
    address: Address
    queue: Address
    depth: int
    name: str | None
    symbol: str | None
    throttled: bool
    prio: int


@dataclass(frozen=True)
class LagRow(Row, kind="runq.lag"):
    """How far the clock of a CPU's queue is behind the one furthest ahead of all `cpus`."""

    cpu: int
    clock: Nanoseconds
    lag: Nanoseconds
    cpus: int


class Runq(Command):
    name = "runq"
    summary = "the tasks that wait for a CPU"
    synopsis = "[-t] [-T] [-m] [-g] [-c cpu(s)]"
    description = (
        "For each CPU, the address of its run queue, the task it ran, the tasks that wait in "
        "the lists of the real-time class, and those that wait in the tree of the fair one, "
        "in the order in which they would have run, with their priorities. As JSON, tasks of "
        "the deadline class are listed as well."
    )
    flags = (
        Flag("t", "The clock of each queue, and when the task the CPU ran had got the CPU."),
        Flag("T", "How far the clock of each queue is behind the one furthest ahead."),
        Flag("m", "How long each CPU had run its task: days, hours, minutes, seconds."),
        Flag("g", "The tasks by task group."),
        Flag("d", "Whatever task says of itself that it is on a queue."),
        Flag("c", "Only these CPUs, such as 3, or 1,8-14, or all.", value=CPUS),
    )
    rows = (QueueRow, ClassRow, QueuedRow, GroupRow, LagRow)
    related = ("ps", "task", "timer", "waitq", "bt")
    examples = (
        ("Who waits for a CPU", "runq"),
        ("How long the CPUs had run their tasks", "runq -m"),
        ("The first CPU's tasks by group", "runq -g -c 0"),
    )

    def read(self, ctx: Context, before: Args, letter: str, value: str | None) -> Iterator[Row]:
        if letter == "c" and "c" in before:
            yield Notice("only one -c option allowed")
        elif letter == "c":
            cpu_list(value or "", ctx.kernel.cpus.count)
        elif letter == "g" and not ctx.kernel.part(TaskGroups).classes:
            raise CrashError(_UNSUPPORTED)

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from self.read_all(ctx, args)
        count = ctx.kernel.cpus.count
        if args.count("c") > 1:
            raise UsageError
        chosen = args.value("c")
        cpus = list(range(count)) if chosen is None else cpu_list(chosen, count)
        if ctx.kernel.symbol_address("runqueues") is None:
            raise CrashError("per-cpu runqueues do not exist")
        # The first of these decides, wherever it is typed.
        if "t" in args or ("m" in args and "T" not in args):
            yield from (_queue(ctx, cpu) for cpu in cpus)
        elif "T" in args:
            yield from _lags(ctx, range(count))
        else:
            show = _on_queue if "d" in args else _grouped if "g" in args else _waiting
            for cpu in cpus:
                queue = _queue(ctx, cpu)
                yield queue
                if not _hidden(ctx.view, queue):
                    yield from show(ctx, cpu)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        if "t" in args:
            for row in rows:
                yield from _clock_lines(row, view)
        elif "T" in args:
            yield from map(_lag_line, rows)
        elif "m" in args:
            yield from _elapsed_lines(rows, view)
        else:
            yield from _queue_lines(rows, args, view)


def _queue(ctx: Context, cpu: int) -> QueueRow:
    """A CPU's queue. Raises ReadError."""
    queues = ctx.kernel.part(RunQueues)
    task = ctx.kernel.panic.active_on(cpu)
    found = ctx.kernel.tasks.by_address.get(task)
    running = None
    if found is not None:
        running = Running(found.pid, found.address, found.comm, found.last_run)
    online = ctx.kernel.cpus.is_online(cpu)
    return QueueRow(cpu, online, queues.address(cpu), queues.clock(cpu), task, running)


def _waiting(ctx: Context, cpu: int) -> Iterator[Row]:
    """What waits on a CPU, class by class; entities that are no task of ours are left out."""
    kernel, queue = ctx.kernel, ctx.kernel.part(RunQueues).address(cpu)
    known = kernel.tasks.by_address
    rt_queue = queue + member_offset(kernel.prog, "struct rq", "rt")
    rt = kernel.part(RealTimeQueue)
    yield ClassRow(cpu, "rt", rt_queue + rt.lists)
    for prio, task in rt.tasks(rt_queue):
        if task in known:
            yield QueuedRow(*whose(known[task]), "rt", prio, 0, current=False)
    cfs_queue = queue + member_offset(kernel.prog, "struct rq", "cfs")
    fair = kernel.part(FairQueue)
    yield ClassRow(cpu, "fair", cfs_queue + fair.tree)
    for task in fair.tasks(cfs_queue):
        if task in known:
            yield QueuedRow(*whose(known[task]), "fair", known[task].prio, 0, current=False)
    dl_queue = queue + member_offset(kernel.prog, "struct rq", "dl")
    deadline = kernel.part(DeadlineQueue)
    yield ClassRow(cpu, "deadline", dl_queue + deadline.tree)
    for task in deadline.tasks(dl_queue):
        if task in known:
            yield QueuedRow(*whose(known[task]), "deadline", known[task].prio, 0, current=False)


def _grouped(ctx: Context, cpu: int) -> Iterator[Row]:
    kernel = ctx.kernel
    known, groups = kernel.tasks.by_address, kernel.part(TaskGroups)
    active = kernel.panic.active_on(cpu)
    for kind in groups.classes:
        for found in kernel.part(GroupedTasks).walk(kind, cpu):
            if isinstance(found, GroupQueue):
                address, depth, parent, name = found.group
                symbol = None if parent else groups.root_symbol
                yield GroupRow(
                    cpu,
                    kind,
                    address,
                    found.queue,
                    depth,
                    name,
                    symbol,
                    found.throttled,
                    found.prio,
                )
                continue
            entity = found.entity
            task = known.get(entity.task)
            if task is None or (entity.current and task.address != active):
                continue
            prio = entity.prio if kind == "rt" else task.prio
            yield QueuedRow(*whose(task), kind, prio, found.depth, entity.current)


def _on_queue(ctx: Context, cpu: int) -> Iterator[Row]:
    """The tasks of a CPU that say they are on a queue (task_struct.on_rq)."""
    queued = ctx.kernel.part(RunQueues).queued
    active = ctx.kernel.panic.active_on(cpu)
    for task in ctx.kernel.tasks.all:
        if task.cpu == cpu and queued(task.address):
            yield QueuedRow(*whose(task), None, task.prio, 0, task.address == active)


def _lags(ctx: Context, cpus: Iterable[int]) -> Iterator[Row]:
    queues = ctx.kernel.part(RunQueues)
    clocks = sorted(((queues.clock(cpu), cpu) for cpu in cpus), key=lambda pair: -pair[0])
    for clock, cpu in clocks:
        yield LagRow(cpu, clock, clocks[0][0] - clock, len(clocks))


def _hidden(view: View, row: QueueRow) -> bool:
    return view.settings.offline == "hide" and not row.online


def _task_text(task: Running | TaskRow) -> str:
    return f'PID: {task.pid:<5}  TASK: {task.task:x}  COMMAND: "{task.comm}"'


def _clock_lines(row: Row, view: View) -> Iterator[str]:
    if not isinstance(row, QueueRow):
        return
    code = "x" if view.radix == 16 else "d"
    clock = f"{row.clock:{code}}"
    blank = " " if row.cpu < 10 else ""
    yield f"{blank}CPU {row.cpu}: " + ("[OFFLINE]" if _hidden(view, row) else clock)
    if _hidden(view, row):
        return
    if row.current is None:
        yield ""
        return
    indent = " " * max(8, len(f"CPU {row.cpu}: "))
    run = f"{row.current.last_run or 0:0{len(clock)}{code}}"
    yield f"{indent}{run}  {_task_text(row.current)}"


def _lag_line(row: Row) -> str:
    assert isinstance(row, LagRow)
    indent = 2 + len(str(row.cpus)) - len(str(row.cpu))
    return f"{' ' * indent}CPU {row.cpu}: {row.lag / 1e9:.2f} secs"


def _elapsed_lines(rows: Iterable[Row], view: View) -> Iterator[str]:
    days = 0
    for row in rows:
        if not isinstance(row, QueueRow):
            continue
        days = days or elapsed_time(row.clock).index(" ")
        cpu = f" CPU {row.cpu}: "
        if _hidden(view, row):
            yield f"{cpu}[OFFLINE]"
        elif row.current is None:
            yield f"{cpu}[unknown]"
        else:
            time = elapsed_time(max(row.clock - (row.current.last_run or 0), 0))
            blanks = " " * (days - time.index(" "))
            yield f"{cpu}[{blanks}{time}]  {_task_text(row.current)}"


def _queue_lines(rows: Iterable[Row], args: Args, view: View) -> Iterator[str]:
    """The lines of queues and what waits on them; a queue with nothing behind it says so."""
    empty: int | None = None
    listed = "d" in args
    first = True
    for row in rows:
        deeper = isinstance(row, GroupRow) and row.depth > 0
        if empty is not None and not isinstance(row, QueuedRow) and not deeper:
            yield _nothing(empty)
            empty = None
        if isinstance(row, QueueRow):
            if not first or (listed and row.cpu):
                yield ""
            first = False
            yield from _head_lines(row, args, view)
            empty = 5 if listed and not _hidden(view, row) else None
        elif isinstance(row, ClassRow) and row.policy != "deadline":
            title = "RT PRIO_ARRAY" if row.policy == "rt" else "CFS RB_ROOT"
            yield f"  {title}: {row.address:x}"
            empty = 5
        elif isinstance(row, GroupRow):
            yield _group_line(row)
            empty = _indent(row.policy, row.depth)
        elif isinstance(row, QueuedRow) and row.policy != "deadline":
            mark = " [CURRENT]" if row.current and not listed else ""
            indent = _indent(row.policy or "fair", row.depth)
            yield f"{' ' * indent}[{row.prio:3}] {_task_text(row)}{mark}"
            empty = None
    if empty is not None:
        yield _nothing(empty)


def _head_lines(row: QueueRow, args: Args, view: View) -> Iterator[str]:
    if _hidden(view, row):
        yield f"CPU {row.cpu} [OFFLINE]"
        return
    plain = not ("d" in args or "g" in args)
    yield f"CPU {row.cpu}" + (f" RUNQUEUE: {row.address:x}" if plain else "")
    if "d" not in args:
        current = f"{row.task:x}" if row.current is None else _task_text(row.current)
        yield f"  CURRENT: {current}"


def _group_line(row: GroupRow) -> str:
    fair = row.policy == "fair"
    queue = f"{'CFS_RQ' if fair else 'RT_RQ'}: {row.queue:x}"
    if row.symbol is not None:
        return f"  {row.symbol.partition('_')[0].upper()}_TASK_GROUP: {row.address:x}  {queue}"
    name = "" if row.name is None else f" <{row.name}>"
    end = f"{name}{' (THROTTLED)' if row.throttled else ''}"
    group = f"TASK_GROUP: {row.address:x}  {queue}"
    if fair:
        return f"{' ' * (2 + 3 * row.depth)}{group} {end}"
    return f"{' ' * (6 * row.depth - 1)}[{row.prio:3}] {group}{end}"


def _indent(policy: SchedClass, depth: int) -> int:
    """Blanks before what is on a queue."""
    return 5 + (6 if policy == "rt" else 3) * depth


def _nothing(indent: int) -> str:
    return " " * indent + "[no tasks queued]"
