"""blockers: which tasks wait, for what, and who holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.api import (
    TASK,
    Address,
    Args,
    Command,
    Context,
    CrashError,
    Flag,
    Row,
    TaskRow,
    Text,
    View,
    find_task,
    many,
)
from pycrash.render.ctext import printable
from pycrash.render.tables import table

if TYPE_CHECKING:
    from pycrash.kernel.locking.waits import Wait
    from pycrash.kernel.tasks.table import Task

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class WaitRow(TaskRow, kind="blockers.wait"):
    """A task that waits.

    `state` are ps's letters. `waits_for` says for what: mutex, rwsem, rt_mutex, semaphore,
    percpu-rwsem, completion, work, vfork, futex, ...; `lock` is its address, None where it was
    not found, and `name` its symbol, None where it has none; `proof` how it was found. `function`
    asked for it. `owner_pid`, `owner` (a task_struct) and `owner_comm` are who holds it, None
    where that cannot be known, and `why` what tells. It is `proved` where the lock's list holds
    the waiter and the lock names its owner; else it is likely.
    """

    state: str
    seconds: float | None
    waits_for: str
    lock: Address | None
    name: str | None
    function: str
    proof: str
    owner_pid: int | None
    owner: Address | None
    owner_comm: str | None
    proved: bool
    why: str


@dataclass(frozen=True)
class CycleRow(Row, kind="blockers.cycle"):
    """Tasks that wait for each other in a ring: none of them will ever go on."""

    pids: tuple[int, ...]
    comms: tuple[str, ...]
    proved: bool


@dataclass(frozen=True)
class HolderRow(TaskRow, kind="blockers.holder"):
    """A task that others wait for, and that itself waits for nobody who is known: how many are
    behind it, at last, and the function it is in."""

    state: str
    behind: int


class Blockers(Command):
    name = "blockers"
    summary = "which tasks wait, for what, and who holds it"
    synopsis = "[-a] [-g] [task | pid] ..."
    description = (
        "Shows the tasks that wait without a signal being able to wake them: for what, and who "
        "holds it. A lock is found by what the waiting task noted itself, or by the structure on "
        "its stack that hangs in the lock's list; its owner is named where the lock names it. "
        "What the dump does not prove is marked likely, and nobody is named where nobody can "
        "be. Rings of tasks that wait for each other are shown behind."
    )
    flags = (
        Flag("a", "Also the tasks that wait interruptibly for something that others hold."),
        Flag("g", "Show who waits for whom as a graph, for the `dot` program of Graphviz."),
    )
    operands = (many(TASK),)
    rows = (WaitRow, CycleRow, HolderRow, Text)
    related = ("ps", "stacks", "waitq", "bt", "triage")
    examples = (
        ("Who waits for whom:", "blockers"),
        ("What one task waits for:", "blockers 126"),
        ("A picture of it:", "blockers -g > waits.dot"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        from pycrash.kernel.locking.waits import Waits

        tasks = _named(ctx, args.operands) if args.operands else _waiting(ctx, "a" in args)
        found = [wait for task in tasks if (wait := ctx.kernel.part(Waits).of(task)) is not None]
        if not args.operands:
            found = [w for w in found if w.task.state and (_blocked(ctx, w.task) or w.owner.task)]
        yield from (_row(ctx, wait) for wait in found)
        yield from _cycles(found)
        yield from _holders(ctx, found)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        found = list(rows)
        waits = [row for row in found if isinstance(row, WaitRow)]
        if "g" in args:
            yield from _graph(waits)
            return
        cells = [
            (
                row.pid,
                printable(row.comm),
                row.state,
                None if row.seconds is None else f"{row.seconds:.1f}",
                row.waits_for,
                row.name or (f"{row.lock:x}" if row.lock else "?"),
                row.function,
                _owner(row),
            )
            for row in waits
        ]
        yield from table(
            cells, ("PID", "COMM", "ST", "SECONDS", "WAITS FOR", "LOCK", "IN", "HELD BY")
        )
        for row in found:
            if isinstance(row, CycleRow):
                sure = "" if row.proved else "likely "
                ring = [f"{p} ({printable(c)})" for p, c in zip(row.pids, row.comms, strict=True)]
                yield ""
                yield f"{sure}deadlock: {' -> '.join([*ring, str(row.pids[0])])}"
        holders = [row for row in found if isinstance(row, HolderRow)]
        if holders:
            yield ""
            ends = [(row.pid, printable(row.comm), row.state, row.behind) for row in holders]
            yield from table(ends, ("HOLDER", "COMM", "ST", "TASKS BEHIND"))
        if not found:
            yield "no task waits for another"


def _waiting(ctx: Context, all_of_them: bool) -> list[Task]:
    """The tasks that wait uninterruptibly, or all that wait."""
    tasks = ctx.kernel.tasks.all
    return [t for t in tasks if _blocked(ctx, t) or (all_of_them and _state(ctx, t) in _ASLEEP)]


_ASLEEP = ("IN", "UN", "ID")


def _state(ctx: Context, task: Task) -> str:
    return ctx.kernel.tasks.states.short(task.state)


def _blocked(ctx: Context, task: Task) -> bool:
    return _state(ctx, task) == "UN"


def _named(ctx: Context, words: Sequence[str]) -> list[Task]:
    """The tasks that operands name. Raises CrashError."""
    found: list[Task] = []
    for word in words:
        tasks = find_task(ctx.kernel.tasks, word)
        if tasks is None:
            raise CrashError(f"invalid task or pid value: {word}")
        found += tasks.tasks
    return found


def _row(ctx: Context, wait: Wait) -> WaitRow:
    task, owner = wait.task, wait.owner
    latest = ctx.kernel.tasks.latest_run
    seconds = None if task.last_run is None else max(latest - task.last_run, 0) / _NANOSECONDS
    holder = owner.task
    return WaitRow(
        task.pid,
        task.address,
        task.cpu,
        task.comm,
        _state(ctx, task),
        seconds,
        wait.kind,
        wait.lock,
        wait.name or None,
        wait.function,
        wait.proof,
        None if holder is None else holder.pid,
        None if holder is None else holder.address,
        None if holder is None else holder.comm,
        holder is not None and owner.certain,
        owner.why,
    )


def _cycles(waits: Sequence[Wait]) -> Iterator[Row]:
    from pycrash.kernel.locking.waits import cycles

    for ring in cycles(waits):
        yield CycleRow(
            tuple(w.task.pid for w in ring),
            tuple(w.task.comm for w in ring),
            all(w.owner.certain for w in ring),
        )


def _holders(ctx: Context, waits: Sequence[Wait]) -> Iterator[Row]:
    """Those at the end of chains, with most tasks behind them first."""
    from pycrash.kernel.locking.waits import followed

    by_task = {wait.task.address: wait for wait in waits}
    behind: Counter[int] = Counter()
    for wait in waits:
        chain = followed(wait, by_task)
        holder = chain[-1].owner.task
        if holder is None and len(chain) > 1:
            holder = chain[-1].task  # it waits, but for nobody who is known
        if holder is not None and (holder.address not in by_task or holder == chain[-1].task):
            behind[holder.address] += 1
    for address, count in behind.most_common():
        task = ctx.kernel.tasks.get(address)
        yield HolderRow(task.pid, task.address, task.cpu, task.comm, _state(ctx, task), count)


def _owner(row: WaitRow) -> str:
    if row.owner_pid is None:
        return "?"
    doubt = "" if row.proved else "likely "
    return f"{doubt}{row.owner_pid} {printable(row.owner_comm or '')}"


def _graph(waits: Sequence[WaitRow]) -> Iterator[str]:
    """The waits as a directed graph in Graphviz's language."""
    yield "digraph blockers {"
    yield "  rankdir=LR; node [shape=box];"
    names = {row.pid: row.comm for row in waits}
    names |= {row.owner_pid: row.owner_comm or "" for row in waits if row.owner_pid is not None}
    for pid, comm in sorted(names.items()):
        yield f'  t{pid} [label="{pid} {_quoted(comm)}"];'
    for row in waits:
        what = _quoted(f"{row.waits_for} {row.name or ''}".strip())
        if row.owner_pid is not None:
            style = "solid" if row.proved else "dashed"
            yield f'  t{row.pid} -> t{row.owner_pid} [label="{what}", style={style}];'
        elif row.lock:
            yield f'  l{row.lock:x} [label="{what}", shape=ellipse];'
            yield f"  t{row.pid} -> l{row.lock:x};"
    yield "}"


def _quoted(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')
