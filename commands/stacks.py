"""stacks: identical stacks grouped, with the tasks that have them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pycrash.api import (
    COMM,
    MODULE,
    PID,
    SYMBOL,
    TASK,
    Address,
    Args,
    Bytes,
    Command,
    Context,
    CrashError,
    Flag,
    Row,
    Text,
    View,
    Word,
    find_task,
    many,
)
from pycrash.kernel.stacks.trace import Frame, TraceOptions
from pycrash.render.ctext import printable

if TYPE_CHECKING:
    from pycrash.kernel.tasks.table import Task

#: How many of a group's tasks are named on a terminal's page.
_NAMED = 8
_PROGRESS = 200


class Call(NamedTuple):
    """One call on a stack; `module` is None for the kernel proper."""

    address: Address
    symbol: str
    offset: Bytes
    module: str | None


class Member(NamedTuple):
    """A task of a group, with the letters of its state."""

    pid: int
    comm: str
    state: str


@dataclass(frozen=True)
class GroupRow(Row, kind="stacks.group"):
    """A stack that `count` tasks have, its latest call first, and those tasks."""

    count: int
    calls: tuple[Call, ...]
    tasks: tuple[Member, ...]


class Stacks(Command):
    name = "stacks"
    summary = "identical stacks grouped, with the tasks that have them"
    synopsis = "[-s state] [-m module] [-f function] [-c | -j] [pid | task | command] ..."
    description = (
        "Follows the stacks of all tasks, or of those named, puts those with the same calls "
        "together, and shows each once with its tasks, the most frequent first. Calls are the "
        "same where their addresses are."
    )
    flags = (
        Flag("s", "Only tasks in this state: RU, IN, UN, ...", value=Word("state", "a state")),
        Flag("m", "Only stacks with a call in this module.", value=MODULE),
        Flag("f", "Only stacks with a call of this function.", value=SYMBOL.named("function")),
        Flag("c", "A line a group, its calls from the first on and its count, as programs that "
             "draw flame graphs read it (folded stacks)."),
        Flag("j", "The same as one JSON document that speedscope opens."),
    )  # fmt: skip
    operands = (many(PID, TASK, COMM),)
    rows = (GroupRow, Text)
    related = ("bt", "foreach", "blockers", "ps")
    examples = (
        ("What most tasks are at:", "stacks"),
        ("Those that wait and that no signal wakes:", "stacks -s UN"),
        ("Whatever is in a module:", "stacks -m crashme"),
        ("For a flame graph:", "stacks -c > stacks.folded"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if "c" in args and "j" in args:
            raise CrashError("-c and -j options are mutually exclusive")
        groups: dict[tuple[int, ...], tuple[list[Frame], list[Member]]] = {}
        for task, frames in _stacks(ctx, _chosen(ctx, args)):
            if _wanted(frames, args):
                key = tuple(frame.pc for frame in frames)
                member = Member(task.pid, task.comm, _state(ctx, task))
                groups.setdefault(key, (frames, []))[1].append(member)
        for frames, members in sorted(groups.values(), key=lambda group: -len(group[1])):
            calls = (Call(f.pc, f.symbol, f.offset, f.module or None) for f in frames)
            yield GroupRow(len(members), tuple(calls), tuple(members))

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        groups = (row for row in rows if isinstance(row, GroupRow))
        if "j" in args:
            yield json.dumps(_speedscope(list(groups)))
        elif "c" in args:
            for row in groups:
                yield f"{';'.join(_name(call) for call in reversed(row.calls))} {row.count}"
        else:
            for number, row in enumerate(groups):
                if number:
                    yield ""
                yield from _block(row)


def _block(row: GroupRow) -> Iterator[str]:
    """A group: how many and who, then the calls as bt shows them."""
    states: dict[str, int] = {}
    for member in row.tasks:
        states[member.state] = states.get(member.state, 0) + 1
    counts = ", ".join(f"{state} {count}" for state, count in states.items())
    yield f"{row.count} {'task' if row.count == 1 else 'tasks'} ({counts})"
    named = ", ".join(f"{m.pid} {printable(m.comm)}" for m in row.tasks[:_NAMED])
    more = "" if row.count <= _NAMED else f", and {row.count - _NAMED} more"
    yield f"  {named}{more}"
    for level, call in enumerate(row.calls):
        place = f"+{call.offset}" if call.offset else ""
        yield f"{f'#{level}':>3} {_name(call, place)} at {call.address:x}"
    if not row.calls:
        yield "    (no calls)"


def _name(call: Call, place: str = "") -> str:
    return f"{call.symbol}{place}" + (f" [{call.module}]" if call.module else "")


def _speedscope(groups: Sequence[GroupRow]) -> dict[str, object]:
    """The groups in the file format of speedscope: a sample a group, weighed by its tasks."""
    names: dict[str, int] = {}
    samples = [
        [names.setdefault(_name(call), len(names)) for call in reversed(row.calls)]
        for row in groups
    ]
    weights = [row.count for row in groups]
    profile = {
        "type": "sampled",
        "name": "tasks",
        "unit": "none",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": samples,
        "weights": weights,
    }
    return {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "shared": {"frames": [{"name": name} for name in names]},
        "profiles": [profile],
    }


def _chosen(ctx: Context, args: Args) -> list[Task]:
    """The tasks that operands and -s let through. Raises CrashError."""
    tasks = ctx.kernel.tasks.all
    if args.operands:
        named: list[Task] = []
        for word in args.operands:
            found = find_task(ctx.kernel.tasks, word)
            same = [t for t in tasks if t.comm == word] if found is None else list(found.tasks)
            if not same:
                raise CrashError(f"invalid task, pid or command: {word}")
            named += same
        tasks = list(dict.fromkeys(named))
    state = args.value("s")
    if state is None:
        return tasks
    chosen = [task for task in tasks if _state(ctx, task) == state.upper()]
    if not chosen:
        raise CrashError(f"no task is in state {state}")
    return chosen


def _state(ctx: Context, task: Task) -> str:
    return ctx.kernel.tasks.states.short(task.state)


def _stacks(ctx: Context, tasks: Sequence[Task]) -> Iterator[tuple[Task, list[Frame]]]:
    """The calls of each task; none where its stack cannot be followed."""
    unwinder, options = ctx.kernel.unwinder, TraceOptions()
    in_motion = ctx.kernel.panic.in_motion
    for number, task in enumerate(tasks):
        if not number % _PROGRESS:
            ctx.shell.progress("stacks", number, len(tasks))
        unfollowed = not task.stack or in_motion(task.address)
        try:
            events = [] if unfollowed else unwinder.trace(task, options).events
        except CrashError:
            events = []
        yield task, [event for event in events if isinstance(event, Frame)]


def _wanted(frames: Sequence[Frame], args: Args) -> bool:
    module, function = args.value("m"), args.value("f")
    if module is not None and all(frame.module != module for frame in frames):
        return False
    return function is None or any(frame.symbol.partition(".")[0] == function for frame in frames)
