"""task: a task's task_struct and thread_info, or members of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pycrash.api import (
    STRUCTURE,
    TASK,
    Args,
    Context,
    CrashError,
    Flag,
    MembersOf,
    Notice,
    Row,
    TaskCommand,
    TaskHeader,
    View,
    asked_radix,
    find_task,
    header_line,
    is_number,
    many,
    task_header,
)
from pycrash.api.structrows import StructRow, struct_lines, struct_rows
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.expressions import Expressions
from pycrash.cexpr.structures.innermembers import MemberNotFound
from pycrash.cexpr.structures.namedtypes import NamedType
from pycrash.cexpr.structures.structs import Shown, Trouble
from pycrash.kernel.tasks.table import Task

#: Members crash takes in one line.
MAX_MEMBERS = 100


class TaskStructs(TaskCommand):
    name = "task"
    summary = "the task_struct and thread_info of tasks"
    synopsis = "[-R member[,member]] [-dx] [pid | taskp] ..."
    description = (
        "Shows what the task_struct and the thread_info of tasks hold: of those given by pid or "
        "by the address of their task_struct, else of the current one.\n\n"
        "Members behind -R, or as operands, limit this to them. A member may lie inside of "
        "others (`se.load.weight`) or be an element of an array (`pid_links[1]`)."
    )
    flags = (
        Flag(
            "R",
            "Show only these members of the two structures; may be given more than once.",
            value=MembersOf("member", "members, with commas between", "task_struct", "thread_info"),
        ),
        Flag("x", "Show integers in hexadecimal."),
        Flag("d", "Show integers in decimal."),
        Flag("h", "Same as -x (undocumented in crash)."),
    )
    operands = (many(TASK, STRUCTURE.named("member")),)
    rows = (TaskHeader, StructRow)
    related = ("ps", "struct", "set", "runq", "sig")
    examples = (
        ("All of the current task", "task"),
        ("The states of two tasks", "task -R __state,exit_state 1 2"),
        ("The nice value's weight of every task", "foreach task -R se.load.weight"),
    )
    task_values = "R"

    def read(self, ctx: Context, before: Args, letter: str, value: str | None) -> Iterator[Row]:
        asked_radix(Args((*before.given, (letter, value))), "xh")
        return iter(())

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from self.read_all(ctx, args)
        members = [value for value in args.values("R") if value]
        tasks: list[Task] = []
        wrong = False
        for word in args.operands:
            if is_number(word):
                found = find_task(ctx.kernel.tasks, word)
                if found is None:
                    wrong = True
                    yield Notice(f"invalid task or pid value: {word}\n")
                else:
                    tasks += found.tasks
            elif "," in word or "." in word or "[" in word or _is_member(ctx, word):
                members.append(word)
            else:
                yield Notice(f"invalid task, pid, or task_struct member: {word}\n")
        if not tasks and not wrong:
            tasks = [ctx.kernel.tasks.get(ctx.task)]
        for task in tasks:
            yield task_header(task)
            yield from _Shower(ctx, args).rows(task, ",".join(members))

    def run_task(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        members = ",".join(args.values("R"))
        if members:
            yield task_header(task)
        yield from _Shower(ctx, args).rows(task, members)

    def check_each(self, args: Args, operands: Sequence[str]) -> Iterator[Notice]:
        if "x" in args and "d" in args:
            raise CrashError("task: -x and -d options are mutually exclusive")
        return iter(())

    def task_words(self, args: Args, operands: Sequence[str]) -> list[str]:
        words = super().task_words(args, operands)
        return words + (["-x"] if "x" in args else ["-d"] if "d" in args else [])

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        # Behind each task stands a blank line; foreach has introduced the first one itself.
        begun = view.each and "R" not in args
        for row in rows:
            if isinstance(row, TaskHeader):
                if begun:
                    yield ""
                begun = True
                yield header_line(row, view.word_size)
            elif isinstance(row, StructRow):
                if row.name == "thread_info":
                    yield ""
                yield from struct_lines(row, view)
        if begun:
            yield ""


def _is_member(ctx: Context, word: str) -> bool:
    datatype = ctx.kernel.part(Expressions).types.find("task_struct")
    return datatype is not None and datatype.find(word) is not None


class _Shower:
    """Makes the rows of tasks under one line's options."""

    def __init__(self, ctx: Context, args: Args) -> None:
        expressions = ctx.kernel.part(Expressions)
        self._structs = expressions.structs(Session(ctx).options(asked_radix(args, "xh")))
        found = [expressions.types.find(name) for name in ("task_struct", "thread_info")]
        self._types = [datatype for datatype in found if datatype is not None]

    def rows(self, task: Task, members: str) -> Iterator[Row]:
        """Both structures, or the members of them that are named."""
        if not members:
            for datatype in self._types:
                address = _address(task, datatype)
                yield from struct_rows(
                    datatype.name, address, [self._structs.whole(datatype, address)]
                )
            return
        if members.count(",") + 1 > MAX_MEMBERS:
            yield Notice("too many -R arguments in comma-separated list!")
            return
        paths = members.replace(",", " ").split()
        parts = [part for path in paths for part in self._member(task, path)]
        yield from struct_rows("task_struct", task.address, parts)

    def _member(self, task: Task, path: str) -> Iterator[Shown | Trouble]:
        """A member wherever it is: some are in both structures."""
        inner = "." in path or "[" in path
        found = [datatype for datatype in self._types if datatype.find(path) is not None]
        for datatype in found[:1] if inner else found:
            part = self._structs.member(datatype, path, _address(task, datatype))
            if isinstance(part, Shown) and datatype.name == "thread_info":
                part = replace(part, path=f"thread_info.{path}")
            yield part
        if not found and inner:
            yield Trouble.of(MemberNotFound(path))
        elif not found:
            yield Trouble(f"{path}: not a task_struct or thread_info member")


def _address(task: Task, datatype: NamedType) -> int:
    return task.thread_info if datatype.name == "thread_info" else task.address
