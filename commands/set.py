"""set: the task that commands work on, and the settings of the session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from pycrash.api import (
    CPUS,
    SYMBOL,
    TASK,
    Args,
    Context,
    CrashError,
    Flag,
    Notice,
    Offer,
    Pages,
    Row,
    TaskCommand,
    TaskRow,
    Typed,
    UsageError,
    View,
    find_task,
    integer,
    many,
)
from pycrash.api.sessionsettings import (
    ABOUT,
    NAMES,
    Invalid,
    SettingRow,
    change,
    every_setting,
    offers,
    remark_on,
)
from pycrash.api.taskcontext import TaskContext, context_lines, task_context
from pycrash.kernel.tasks.table import Task
from pycrash.render.settings import setting_lines


@dataclass(frozen=True)
class MarkedRow(TaskRow, kind="set.marked"):
    """A task that was marked as the active one of its CPU."""


@dataclass(frozen=True)
class FreedRow(Row, kind="set.freed"):
    """How many pages of cached dump memory were given back."""

    pages: Pages


def _about(name: str) -> str:
    """The line about a setting on the help page."""
    about, values = ABOUT[name]
    return f"  {name:<14} {' | '.join(values)}{': ' if values else ''}{about}"


class Set(TaskCommand):
    name = "set"
    summary = "choose the current task; show or change settings"
    synopsis = "[[-a] [pid | taskp] | [-c cpu] | -p] | [crash_variable [setting]] | -v"
    description = (
        "Without arguments, shows the current context: the task that commands work on unless "
        "told otherwise. At the start that is the task that crashed. A pid or the address of a "
        "task_struct makes that task the current one.\n\n"
        "With the name of a setting, shows it; with a value behind it, changes it:\n"
        + "\n".join(map(_about, ABOUT))
    )
    flags = (
        Flag(
            "a", "Mark this task as the one its CPU was running.", value=TASK.named("pid | taskp")
        ),
        Flag("c", "Make the task that this CPU was running the current one.", value=CPUS),
        Flag("p", "Make the task that crashed the current one."),
        Flag("v", "Show every setting."),
    )
    related = ("ps", "alias", "task", "help")
    examples = (
        ("Work on pid 1 from now on", "set 1"),
        ("Back to the task that crashed", "set -p"),
        ("Show numbers in hexadecimal", "set radix 16"),
        ("All settings", "set -v"),
    )
    at_once = "acpv"
    operands = (many(TASK),)
    rows = (TaskContext, SettingRow, MarkedRow, FreedRow)
    minimal = True

    def complete(self, ctx: Context, words: Sequence[str]) -> Iterable[Offer] | None:
        if words[-1].startswith("-"):
            return None
        if len(words) == 1:
            names = [Offer(name, remark_on(name)) for name in NAMES]
            return chain(names, TASK.complete(ctx, Typed(words[0])))
        if words[0] == "scope" and len(words) == 2:
            return SYMBOL.complete(ctx, Typed(words[1]))
        return offers(words[0], words[1]) if words[0] in NAMES and len(words) == 2 else None

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        for letter, value in args.given:
            # The first of these that is typed decides.
            yield from _option(ctx, letter, value or "")
            return
        if not args.operands:
            for problem in ctx.kernel.panic.new_problems():
                yield Notice(problem)
            yield task_context(ctx.kernel, ctx.task)
            return
        for place, word in enumerate(args.operands):
            if word in NAMES:
                yield from _setting(ctx, args.operands, place)
                return
            found = find_task(ctx.kernel.tasks, word)
            if found is None:
                yield Notice(f"invalid task or pid value: {word}")
                continue
            if ctx.task in {task.address for task in found.tasks}:
                yield task_context(ctx.kernel, ctx.task)
                continue
            # What stands behind the task that becomes the current one is not read.
            ctx.settings.task = found.tasks[0].address
            yield task_context(ctx.kernel, ctx.task)
            return

    def run_task(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        yield task_context(ctx.kernel, task.address)

    def check_each(self, args: Args, operands: Sequence[str]) -> Iterator[Notice]:
        if "R" in args:
            raise CrashError("set command does not support -R option")
        return iter(())

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            if isinstance(row, TaskContext):
                yield from context_lines(row)
            elif isinstance(row, SettingRow):
                yield from setting_lines(row, view.settings, listed="v" in args)
            elif isinstance(row, MarkedRow):
                yield (
                    f'"{row.comm}" task {row.task:x} has been marked as the active task on '
                    f"cpu {row.cpu}"
                )
            elif isinstance(row, FreedRow):
                yield f"{row.pages} pages freed"


def _setting(ctx: Context, operands: Sequence[str], place: int) -> Iterator[Row]:
    """Show the setting that an operand names, changed to the next one if there is one."""
    name, value = operands[place], None
    if place + 1 < len(operands):
        value = operands[place + 1]
    if name == "free":
        # The pages of a dump are kept by the library that reads it; there is nothing to give back.
        yield FreedRow(0)
        return
    try:
        yield from change(ctx, name, value)
    except Invalid:
        raise CrashError(f"invalid command: set {' '.join(operands)} ") from None


def _option(ctx: Context, letter: str, value: str) -> Iterator[Row]:
    panic = ctx.kernel.panic
    if letter == "v":
        yield from every_setting(ctx)
    elif letter == "p":
        if not panic.task and not ctx.kernel.is_live:
            yield Notice("no panic task found!")
            return
        ctx.settings.task = panic.first_task
        yield task_context(ctx.kernel, ctx.task)
    elif letter == "c" and ctx.kernel.is_live:
        yield Notice("not allowed on a live system")
        raise UsageError
    elif letter == "c":
        task = _task_on(ctx, integer(value))
        if task != ctx.task:
            ctx.settings.task = task
            yield task_context(ctx.kernel, task)
    elif letter == "a" and ctx.kernel.is_live:
        raise CrashError("-a option not allowed on live systems")
    elif letter == "a":
        found = find_task(ctx.kernel.tasks, value)
        if found is None:
            raise CrashError(f"invalid task or pid value: {value}")
        if len(found.tasks) > 1:
            count = len(found.tasks)
            raise CrashError(f"pid {found.value} has {count} tasks: use a task address")
        (marked,) = found.tasks
        panic.mark_active(marked.cpu, marked.address)
        yield MarkedRow(marked.pid, marked.address, marked.cpu, marked.comm)


def _task_on(ctx: Context, cpu: int) -> int:
    count = ctx.kernel.cpus.count
    if cpu >= count:
        ending = "s" if count > 1 else ""
        raise CrashError(f"invalid cpu number: system has only {count} cpu{ending}")
    if ctx.settings.offline == "hide" and not ctx.kernel.cpus.is_online(cpu):
        raise CrashError(f"invalid cpu number: cpu {cpu} is OFFLINE")
    task = ctx.kernel.panic.active_on(cpu)
    if not task:
        raise CrashError(f"cannot determine active task on cpu {cpu}")
    return task
