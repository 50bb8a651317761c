"""triage: what killed the machine, with the proof, and what to look at next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pycrash.api import (
    Args,
    Command,
    Context,
    CrashError,
    Row,
    UsageError,
    View,
)
from pycrash.api.triagerows import (
    ROWS,
    CpuRow,
    CulpritRow,
    DeadlockRow,
    HolderRow,
    MachineRow,
    MemoryRow,
    MessageRow,
    NextRow,
    ProofRow,
    StatesRow,
    VerdictRow,
    WaitingRow,
)
from pycrash.render.triagepage import TriagePage

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel
    from pycrash.kernel.tasks.table import Task
    from pycrash.triage.verdict import Judge, Verdict

_Value = TypeVar("_Value")
#: How many tasks that wait, and how many that hold memory, are on the page.
_MANY = 8


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
    rows = ROWS
    related = ("bt", "log", "blockers", "explain", "diff")
    examples = (("The page:", "triage"), ("The class alone, for a script:", "triage --json"))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        from pycrash.triage.verdict import Judge

        if args.operands:
            raise UsageError
        return _page(ctx.kernel, Judge(ctx.kernel))

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return TriagePage(list(rows)).lines()


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
    for use, pages in machine.memory_shares(kernel).items():
        yield MemoryRow(use, pages, pages * kernel.page_size)
    for holder in machine.largest_holders(kernel, _MANY):
        task, pages = holder.task, holder.pages
        yield HolderRow(*_named(task), pages, pages * kernel.page_size)
