"""triage: what killed the machine, with the proof, and what to look at next."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pycrash.api import (
    Address,
    Args,
    Bytes,
    Command,
    Context,
    CrashError,
    Nanoseconds,
    Pages,
    Row,
    Seconds,
    TaskRow,
    UsageError,
    View,
)
from pycrash.render.columns import clock_time
from pycrash.render.ctext import printable, size_text
from pycrash.render.tables import table

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel
    from pycrash.kernel.tasks.table import Task
    from pycrash.triage.verdict import Judge, Verdict

_Value = TypeVar("_Value")
#: How many tasks that wait, and how many that hold memory, are on the page.
_MANY = 8
#: Where the text of a section begins.
_INDENT = 10
_WIDTH = 100


@dataclass(frozen=True)
class MachineRow(Row, kind="triage.machine"):
    """What the machine was; what cannot be read is None. `taint` are the letters of its kernel."""

    nodename: str | None
    release: str | None
    machine: str | None
    cpus: int | None
    memory: Bytes | None
    uptime: Seconds | None
    load_average: tuple[float, float, float] | None
    taint: str | None
    tasks: int | None


@dataclass(frozen=True)
class VerdictRow(Row, kind="triage.verdict"):
    """The class of crash, by a short name and in words. It is `certain` where a proof holds by
    itself; `in_interrupt` tells that it happened in an interrupt."""

    name: str
    title: str
    meaning: str
    certain: bool
    in_interrupt: bool


@dataclass(frozen=True)
class ProofRow(Row, kind="triage.proof"):
    """What speaks for the class, the line that shows it, and whether it holds by itself."""

    claim: str
    command: str
    certain: bool


@dataclass(frozen=True)
class CulpritRow(TaskRow, kind="triage.culprit"):
    """The first function on the task's stack that is not machinery of locks, checks and panics.

    `module` is None for the kernel proper, `source` "FILE: LINE" or empty.
    """

    symbol: str
    offset: Bytes
    address: Address
    module: str | None
    module_taint: str | None
    source: str


@dataclass(frozen=True)
class MessageRow(Row, kind="triage.message"):
    """A message of the log: the first error, the one that decides, the last one that ends it.
    `time` is None in a log without times."""

    role: Literal["first", "decides", "last"]
    time: Nanoseconds | None
    message: str


@dataclass(frozen=True)
class CpuRow(TaskRow, kind="triage.cpu"):
    """What a CPU ran, and the function it was busy in, None where that is not known."""

    online: bool
    function: str | None


@dataclass(frozen=True)
class StatesRow(Row, kind="triage.states"):
    """How many tasks there are in each state, by the letters that ps shows."""

    states: dict[str, int]


@dataclass(frozen=True)
class WaitingRow(TaskRow, kind="triage.waiting"):
    """A task that no signal wakes, how long it waited, in which function and for what; the pid of
    who holds that, None where it is not known, `proved` where it is certain. Those that waited
    longest come first; `total` counts all of them."""

    seconds: float | None
    function: str
    waits_for: str
    owner_pid: int | None
    proved: bool
    total: int


@dataclass(frozen=True)
class DeadlockRow(Row, kind="triage.deadlock"):
    """Tasks that wait for each other in a ring."""

    pids: tuple[int, ...]
    proved: bool


@dataclass(frozen=True)
class HolderRow(TaskRow, kind="triage.holder"):
    """One of the processes with most memory of their own."""

    rss: Pages
    size: Bytes


@dataclass(frozen=True)
class NextRow(Row, kind="triage.next"):
    """A line to type next."""

    line: str


class Triage(Command):
    name = "triage"
    summary = "what killed the machine, and the proof"
    synopsis = ""
    description = (
        "One page: what the machine was, of which class its crash is and what proves it, whose "
        "code is to blame, the first error in the log and the last, what the CPUs ran, which "
        "tasks waited, who held the memory, and which lines to type next. What is not proved is "
        "called likely."
    )
    rows = (
        MachineRow, VerdictRow, ProofRow, CulpritRow, MessageRow, CpuRow, StatesRow, WaitingRow,
        DeadlockRow, HolderRow, NextRow,
    )  # fmt: skip
    examples = (("The page:", "triage"), ("The class alone, for a script:", "triage --json"))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        from pycrash.triage.verdict import Judge

        if args.operands:
            raise UsageError
        return _page(ctx.kernel, Judge(ctx.kernel))

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return _Page(list(rows)).lines()


def _page(kernel: Kernel, judge: Judge) -> Iterator[Row]:
    """The rows of the page, each section as soon as it is known."""
    yield _machine(kernel)
    verdict = judge.verdict
    rule = verdict.rule
    yield VerdictRow(rule.name, rule.title, rule.meaning, verdict.certain, verdict.in_interrupt)
    for proof in verdict.proofs:
        yield ProofRow(proof.claim, proof.command, proof.certain)
    yield from _culprit(kernel, verdict)
    yield from _messages(judge)
    yield from _state(judge)
    yield from map(NextRow, judge.next_lines())


def _or_none(make: Callable[[], _Value]) -> _Value | None:
    """A fact, None where it cannot be read."""
    try:
        return make()
    except CrashError:
        return None


def _machine(kernel: Kernel) -> MachineRow:
    system = kernel.system
    names = _or_none(lambda: system.utsname)
    load = _or_none(lambda: system.load_average)
    return MachineRow(
        None if names is None else names.nodename,
        None if names is None else names.release,
        None if names is None else names.machine,
        _or_none(lambda: kernel.cpus.count),
        _or_none(lambda: system.memory),
        _or_none(lambda: system.ticks // system.hz),
        load and (load[0] / 2048, load[1] / 2048, load[2] / 2048),
        _or_none(lambda: system.taints.letters.replace(" ", "")),
        _or_none(lambda: len(kernel.tasks.all)),
    )


def _culprit(kernel: Kernel, verdict: Verdict) -> Iterator[Row]:
    found, task = verdict.culprit, verdict.suspect
    if found is None or task is None:
        return
    module = kernel.modules.by_name.get(found.module) if found.module else None
    yield CulpritRow(
        *_named(task),
        found.symbol,
        found.offset,
        found.address,
        found.module or None,
        None if module is None else _or_none(lambda: kernel.system.taints.of_module(module)),
        found.source,
    )


def _named(task: Task) -> tuple[int, int, int, str]:
    """What a TaskRow begins with."""
    return task.pid, task.address, task.cpu, task.comm


def _messages(judge: Judge) -> Iterator[Row]:
    verdict = judge.verdict
    roles: tuple[tuple[Literal["first", "decides", "last"], Any], ...] = (
        ("first", verdict.first),
        ("decides", verdict.decided),
        ("last", verdict.ended),
    )
    shown = set()
    for role, found in roles:
        if found is not None and found.line not in shown:
            shown.add(found.line)
            line = judge.line(found)
            yield MessageRow(role, line.time, line.text)


def _state(judge: Judge) -> Iterator[Row]:
    from pycrash.triage import machine

    kernel, evidence = judge.kernel, judge.evidence
    for state in machine.cpu_states(evidence):
        task = state.task
        yield CpuRow(
            task.pid, task.address, state.cpu, task.comm, state.online, state.function or None
        )
    yield StatesRow(machine.state_counts(kernel))
    waiting = machine.waiters(evidence)
    for wait, seconds in waiting[:_MANY]:
        owner = wait.owner.task
        yield WaitingRow(
            *_named(wait.task),
            seconds,
            wait.function,
            f"{wait.kind} {wait.name}".strip(),
            None if owner is None else owner.pid,
            owner is not None and wait.owner.certain,
            len(waiting),
        )
    for ring in evidence.deadlocks:
        yield DeadlockRow(
            tuple(wait.task.pid for wait in ring), all(wait.owner.certain for wait in ring)
        )
    for holder in machine.largest_holders(kernel, _MANY):
        task, pages = holder.task, holder.pages
        yield HolderRow(*_named(task), pages, pages * kernel.page_size)


class _Page:
    """The page as lines, section by section."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def lines(self) -> Iterator[str]:
        """Sections with their name in front, an empty line between them."""
        sections = (
            ("MACHINE", self._machine),
            ("CRASH", self._verdict),
            ("PROOF", self._proofs),
            ("CULPRIT", self._culprit),
            ("LOG", self._messages),
            ("CPUS", self._cpus),
            ("WAITING", self._waiting),
            ("MEMORY", self._holders),
            ("NEXT", self._next),
        )
        first = True
        for name, section in sections:
            for number, line in enumerate(section()):
                if not number and not first:
                    yield ""
                first = False
                yield f"{name if not number else '':>{_INDENT - 2}}  {line}".rstrip()

    def _of(self, kind: type[_Value]) -> list[_Value]:
        return [row for row in self._rows if isinstance(row, kind)]

    def _machine(self) -> Iterator[str]:
        for row in self._of(MachineRow):
            parts = [row.nodename, f"Linux {row.release}" if row.release else None, row.machine]
            parts += [f"{row.cpus} CPUs" if row.cpus else None]
            parts += [size_text(row.memory) if row.memory else None]
            yield ", ".join(printable(part) for part in parts if part)
            parts = [f"up {clock_time(row.uptime)}" if row.uptime is not None else None]
            if row.load_average is not None:
                parts += ["load " + " ".join(f"{load:.2f}" for load in row.load_average)]
            parts += [f"{row.tasks} tasks" if row.tasks else None]
            parts += [f"taint {row.taint}" if row.taint else None]
            yield ", ".join(part for part in parts if part)

    def _verdict(self) -> Iterator[str]:
        for row in self._of(VerdictRow):
            doubt = "" if row.certain else "likely: "
            where = ", in an interrupt" if row.in_interrupt else ""
            yield f"{doubt}{row.title} ({row.name}){where}"
            yield from textwrap.wrap(row.meaning, _WIDTH - _INDENT)

    def _proofs(self) -> Iterator[str]:
        found = self._of(ProofRow)
        claims = [("" if row.certain else "likely: ") + printable(row.claim) for row in found]
        for claim, row in zip(claims, found, strict=True):
            *others, last = textwrap.wrap(claim, _WIDTH - _INDENT) or [""]
            yield from others
            yield f"{last}  [{row.command}]"

    def _culprit(self) -> Iterator[str]:
        for row in self._of(CulpritRow):
            module = f" [{row.module}]" if row.module else ""
            taint = f", module taint {row.module_taint}" if row.module_taint else ""
            yield f"{row.symbol}+{row.offset}{module} at {row.address:x}{taint}"
            if row.source:
                yield row.source
            yield f'in task {row.pid} "{printable(row.comm)}" on CPU {row.cpu}'

    def _messages(self) -> Iterator[str]:
        for row in self._of(MessageRow):
            when = "" if row.time is None else f"[{row.time / 1_000_000_000:12.6f}] "
            yield f"{row.role + ':':9}{when}{printable(row.message)}"

    def _cpus(self) -> Iterator[str]:
        cells = [
            (r.cpu, r.pid, printable(r.comm), r.function or "?", "" if r.online else "offline")
            for r in self._of(CpuRow)
        ]
        yield from table(cells, ("CPU", "PID", "COMM", "IN", ""))

    def _waiting(self) -> Iterator[str]:
        for states in self._of(StatesRow):
            yield "tasks by state: " + ", ".join(f"{s} {n}" for s, n in states.states.items())
        found = self._of(WaitingRow)
        cells = [
            (
                row.pid,
                printable(row.comm),
                None if row.seconds is None else f"{row.seconds:.1f}",
                row.function,
                row.waits_for,
                ("" if row.proved or row.owner_pid is None else "likely ")
                + f"{row.owner_pid or '?'}",
            )
            for row in found
        ]
        yield from table(cells, ("PID", "COMM", "SECONDS", "IN", "WAITS FOR", "HELD BY"))
        if found and found[0].total > len(found):
            yield f"and {found[0].total - len(found)} more: see blockers"
        for ring in self._of(DeadlockRow):
            doubt = "" if ring.proved else "likely "
            yield f"{doubt}deadlock: {' -> '.join(map(str, (*ring.pids, ring.pids[0])))}"

    def _holders(self) -> Iterator[str]:
        cells = [(r.pid, printable(r.comm), size_text(r.size)) for r in self._of(HolderRow)]
        yield from table(cells, ("PID", "COMM", "RESIDENT"))

    def _next(self) -> Iterator[str]:
        for row in self._of(NextRow):
            yield row.line
