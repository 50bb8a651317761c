"""sig: what tasks do with signals, and which wait for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import (
    HEX,
    TASK,
    Address,
    Args,
    Bits,
    Context,
    CrashError,
    Flag,
    Notice,
    Row,
    TaskCommand,
    TaskHeader,
    TaskRow,
    View,
    find_task,
    header_line,
    hexadecimal,
    is_number,
    many,
    task_header,
    whose,
)
from pycrash.kernel.tasks.family import companions
from pycrash.kernel.tasks.signals import (
    COUNT,
    Action,
    QueuedSignal,
    Signals,
    signal_alias,
    signal_name,
    signals_in,
)
from pycrash.kernel.tasks.table import Task
from pycrash.render.columns import centered

_NO_REFERENCE = "-R not supported yet"
_NOT_FOR_EACH = "sig: -l and -s options are not applicable"
#: The columns of a handler, and of a line of names.
_HANDLER, _LINE = 10, 80
_FLAGS = {
    0x1: "SA_NOCLDSTOP",
    0x04000000: "SA_RESTORER",
    0x2: "SA_NOCLDWAIT",
    0x4: "SA_SIGINFO",
    0x08000000: "SA_ONSTACK",
    0x10000000: "SA_RESTART",
    0x40000000: "SA_NODEFER",
    0x80000000: "SA_RESETHAND",
}


@dataclass(frozen=True)
class NameRow(Row, kind="sig.name"):
    """A signal and its names."""

    signal: int
    name: str
    alias: str | None


@dataclass(frozen=True)
class GroupRow(Row, kind="sig.group"):
    """The signals of a thread group: `address` is its signal_struct, 0 for none."""

    address: Address
    threads: int | None


@dataclass(frozen=True)
class ActionOf:
    """What is done with a signal: `handler` is 0 for the default, 1 to ignore it."""

    signal: int
    name: str
    address: Address
    handler: Address
    mask: Bits
    flags: Bits


@dataclass(frozen=True)
class ActionsRow(Row, kind="sig.actions"):
    """What a thread group does with each signal, from signal 1 on."""

    actions: tuple[ActionOf, ...]


@dataclass(frozen=True)
class ThreadRow(TaskRow, kind="sig.thread"):
    """A thread of the group before it, whose own signals follow."""

    introduces = True


@dataclass(frozen=True)
class TaskSignalsRow(Row, kind="sig.task"):
    """Whether a task is to look for signals, and the set of those it blocks."""

    pending: bool
    blocked: Bits


@dataclass(frozen=True)
class QueuedOf:
    """A queued signal; `info` is the address of its kernel_siginfo."""

    signal: int
    name: str
    info: Address


@dataclass(frozen=True)
class PendingRow(Row, kind="sig.pending"):
    """The set of signals that wait for a task, or for its thread group, and their queue."""

    shared: bool
    signals: Bits
    queue: tuple[QueuedOf, ...]


class Sig(TaskCommand):
    name = "sig"
    summary = "the signals of tasks"
    synopsis = "[[-l] | [-s sigset]] | [-g] [pid | taskp] ..."
    description = (
        "What a task's thread group does with each signal, which signals the task blocks, and "
        "which wait for it and for its group. Without an operand, those of the current task."
    )
    flags = (
        Flag("l", "The numbers and names of the signals."),
        Flag("s", "The names of the signals in a set, given in hexadecimal.", value=HEX),
        Flag("g", "A task's whole thread group: what holds for all, then each thread's own."),
        Flag("R", "A reference; crash takes it, and does not serve it.", value=HEX),
    )
    at_once = "ls"
    operands = (many(TASK),)
    task_flags = "g"
    task_values = "R"
    rows = (NameRow, TaskHeader, GroupRow, ActionsRow, ThreadRow, TaskSignalsRow, PendingRow)
    related = ("ps", "task", "foreach")
    examples = (
        ("The signals of the current task", "sig"),
        ("What is in a set of signals", "sig -s 10000"),
        ("The signals of a thread group", "sig -g 1"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        for letter, value in args.given:
            if letter in "ls":
                signals = (
                    range(1, COUNT + 1) if letter == "l" else signals_in(hexadecimal(value or ""))
                )
                for signal in signals:
                    yield NameRow(signal, signal_name(signal), signal_alias(signal))
                return
        tasks: list[Task] = []
        bad, reference = False, "R" in args
        for word in args.operands:
            number = is_number(word)
            found = find_task(ctx.kernel.tasks, word) if number else None
            if found is not None:
                tasks += found.tasks
            elif not number and ("," in word or _is_member(ctx, word)):
                reference = True
            else:
                bad |= number
                yield Notice(f"invalid task or pid value: {word}\n")
        if not tasks and not bad:
            tasks = [ctx.kernel.tasks.get(ctx.task)]
        shown: set[int] = set()
        for task in tasks:
            if "g" in args:
                yield from _group(ctx, task, shown)
            elif reference:
                raise CrashError(_NO_REFERENCE)
            else:
                yield task_header(task)
                yield from _signals(ctx, task)

    def run_task(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        if "g" in args:
            leader = ctx.kernel.tasks.leader(task.tgid)
            if leader is not None and leader.address not in ctx.seen:
                ctx.seen.add(leader.address)
                yield from _group(ctx, leader, set())
        elif "R" in args:
            raise CrashError(f"sig: {_NO_REFERENCE}")
        else:
            yield from _signals(ctx, task)

    def check_each(self, args: Args, operands: Sequence[str]) -> Iterator[Notice]:
        if "l" in args or "s" in args:
            raise CrashError(_NOT_FOR_EACH)
        return iter(())

    def introduces(self, args: Args) -> bool:
        return "g" not in args and "R" not in args

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        if "l" in args or "s" in args:
            listed = next(letter for letter, _ in args.given if letter in "ls") == "l"
            yield from _list_lines(rows) if listed else _set_lines(rows)
            return
        begun, indent = False, ""
        for row in rows:
            if isinstance(row, TaskHeader):
                if begun:
                    yield ""
                begun, indent = True, ""
                yield header_line(row, view.word_size)
            elif isinstance(row, ThreadRow):
                indent = "  "
                yield ""
                yield indent + header_line(row, view.word_size)
            else:
                yield from (indent + line for line in _lines(row, view))
        if begun:
            yield ""


def _is_member(ctx: Context, word: str) -> bool:
    return "." not in word and ctx.kernel.has_member("struct task_struct", word)


def _signals(ctx: Context, task: Task) -> Iterator[Row]:
    """Everything of a task. Raises ReadError."""
    yield from _disposition(ctx, task)
    if task.signal:
        yield from _own(ctx, task)
        yield _pending(ctx, task, shared=True)


def _group(ctx: Context, task: Task, shown: set[int]) -> Iterator[Row]:
    """A task's thread group; the idle threads are one, shown once."""
    tasks = ctx.kernel.tasks
    leader = task if task.pid == task.tgid else tasks.leader(task.tgid)
    if leader is None or leader.address in shown:
        return
    others = companions(tasks, leader)
    if leader.pid == 0:
        shown.update(other.address for other in (leader, *others))
    yield task_header(leader)
    yield from _disposition(ctx, leader)
    if leader.signal:
        yield _pending(ctx, leader, shared=True)
    for thread in (leader, *others):
        yield ThreadRow(*whose(thread))
        yield from _own(ctx, thread)


def _disposition(ctx: Context, task: Task) -> Iterator[Row]:
    signals = ctx.kernel.part(Signals)
    yield GroupRow(*signals.group(task))
    if task.signal:
        yield ActionsRow(tuple(map(_action, range(1, COUNT + 1), signals.actions(task))))


def _action(signal: int, action: Action) -> ActionOf:
    return ActionOf(signal, signal_name(signal), *action)


def _own(ctx: Context, task: Task) -> Iterator[Row]:
    signals = ctx.kernel.part(Signals)
    yield TaskSignalsRow(signals.is_pending(task), signals.blocked(task))
    yield _pending(ctx, task, shared=False)


def _pending(ctx: Context, task: Task, shared: bool) -> PendingRow:
    signals = ctx.kernel.part(Signals)
    found = signals.shared(task) if shared else signals.private(task)
    return PendingRow(shared, found.signals, tuple(map(_queued, found.queue)))


def _queued(queued: QueuedSignal) -> QueuedOf:
    return QueuedOf(queued.signal, signal_name(queued.signal), queued.info)


def _list_lines(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        if isinstance(row, NameRow):
            number = f"[{row.signal}]"
            yield f"{number:>4} {row.name}" + (f"/{row.alias}" if row.alias else "")


def _set_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Names side by side; crash counts the blank before a name that begins a line."""
    line, used = "", 0
    for row in rows:
        if not isinstance(row, NameRow):
            continue
        word = f" {row.name}" if line else row.name
        if used + len(word) > _LINE:
            yield line
            line, used, word = "", 0, row.name
        line, used = line + word, used + len(word)
    yield line or "(none)"


def _lines(row: Row, view: View) -> Iterator[str]:
    width = view.pointer_width
    if isinstance(row, GroupRow):
        threads = "" if row.threads is None else f"NR_THREADS: {row.threads}"
        yield f"SIGNAL_STRUCT: {row.address:x}  {threads}"
        if row.address:
            yield (
                f" SIG {centered('SIGACTION', width)} {'HANDLER':>{_HANDLER}} "
                f"{centered('MASK', 16)} {'FLAGS':{width}}"
            )
    elif isinstance(row, ActionsRow):
        yield from map(_action_line, row.actions)
    elif isinstance(row, TaskSignalsRow):
        yield f"SIGPENDING: {'yes' if row.pending else 'no'}"
        yield f"   BLOCKED: {row.blocked:016x}"
    elif isinstance(row, PendingRow):
        yield "SHARED_PENDING" if row.shared else "PRIVATE_PENDING"
        yield f"    SIGNAL: {row.signals:016x}"
        if not row.queue:
            yield "  SIGQUEUE: (empty)"
            return
        yield f"  SIGQUEUE:  SIG  {centered('SIGINFO', width)}"
        for queued in row.queue:
            yield f"             {queued.signal:3}  {queued.info:x}"


def _action_line(row: ActionOf) -> str:
    special = {-1 & (1 << 64) - 1: "SIG_ERR", 0: "SIG_DFL", 1: "SIG_IGN"}
    handler = special.get(row.handler, f"{row.handler:x}")
    names = "|".join(name for bit, name in _FLAGS.items() if row.flags & bit)
    number = f"[{row.signal}]"
    return (
        f"{number:>4} {row.address:<{_HANDLER}x} {handler:>{_HANDLER}} {row.mask:016x} "
        f"{row.flags:x} {f'({names})' if names else ''}"
    )
