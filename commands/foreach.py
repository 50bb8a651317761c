"""foreach: one command over many tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from pycrash.api import (
    COMM,
    POLICY,
    SYMBOL,
    TASK,
    Args,
    Choice,
    Command,
    Context,
    CrashError,
    Flag,
    Hidden,
    Notice,
    Offer,
    ReadError,
    Row,
    TaskCommand,
    TaskRow,
    Typed,
    UsageError,
    View,
    comm_name,
    find_task,
    header_line,
    is_number,
    is_quoted,
    many,
    pattern,
    policies,
)
from pycrash.kernel.tasks.table import Task

#: The states a task can be chosen by, and what the kernel layer calls their bits.
_STATES = {
    "RU": "running",
    "IN": "interruptible",
    "UN": "uninterruptible",
    "ST": "stopped",
    "TR": "traced",
    "ZO": "zombie",
    "DE": "dead",
    "SW": "swapping",
    "PA": "parked",
    "WA": "waking",
    "ID": "noload",
    "NE": "new",
}

SELECTOR = Choice(
    "selector",
    "which tasks: by state, or of a kind",
    {
        "RU": "tasks on a CPU or waiting for one",
        "IN": "tasks that wait until something happens",
        "UN": "tasks that wait and hear no signals",
        "ST": "tasks stopped by a signal",
        "TR": "tasks stopped by a debugger",
        "ZO": "tasks that ended and whose parents have not asked yet",
        "DE": "tasks that ended",
        "SW": "tasks being swapped (long ago)",
        "PA": "kernel threads that are parked",
        "WA": "tasks being woken",
        "ID": "kernel threads that wait for work and are no load",
        "NE": "tasks that have not run yet",
        "user": "tasks with a user space",
        "kernel": "kernel threads",
        "gleader": "leaders of thread groups",
        "active": "what the CPUs were running",
    },
)


@dataclass(frozen=True)
class TaskStart(TaskRow, kind="foreach.task"):
    """The rows that follow are those of `command` on this task, called with `words`.

    `headed` tells that foreach shows the task's header; `served` is the command and its
    arguments.
    """

    introduces = True

    command: str
    words: tuple[str, ...]
    headed: Hidden[bool]
    served: Hidden[tuple[TaskCommand, Args]]


@dataclass
class _Selection:
    """Which tasks a line chooses."""

    addresses: set[int] = field(default_factory=set)
    pids: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    searches: list[Callable[[str], object]] = field(default_factory=list)
    #: Something was to name tasks, even if it named none.
    specified: bool = False
    kernel: bool = False
    user: bool = False
    leaders: bool = False
    active: bool = False
    state: str = ""

    def tasks(self, ctx: Context, tasks: Iterable[Task]) -> Iterator[Task]:
        """Those of the tasks that are chosen."""
        table, panic = ctx.kernel.tasks, ctx.kernel.panic
        short = table.states.short
        for task in tasks:
            if self.active and not panic.is_active(task.address):
                continue
            if (self.user or self.kernel) and table.is_kernel_thread(task) != self.kernel:
                continue
            if self.leaders and task.pid != task.tgid:
                continue
            if self.state and not short(task.state).startswith(self.state):
                continue
            if self.specified and not self._named(task):
                continue
            yield task

    def _named(self, task: Task) -> bool:
        return (
            task.address in self.addresses
            or task.pid in self.pids
            or task.comm in self.names
            or any(search(task.comm) for search in self.searches)
        )


class Foreach(Command):
    name = "foreach"
    summary = "run a command on many tasks"
    synopsis = (
        "[[pid | taskp | name | state | [kernel | user | gleader]] ...]\n"
        "          command [flag] [argument]"
    )
    description = (
        "Runs a command on every task, or on those that the words in front of it choose. A "
        "task that cannot be read costs a message, and the next one follows.\n\n"
        "Tasks are chosen by pid (decimal or hexadecimal), by the address of a task_struct, by "
        "command name, or by a regular expression in single quotes that is matched against "
        "command names; of those any may fit. A backslash in front makes a command name of a "
        "word that would mean something else here. Of what these choose, further words leave "
        "only\n"
        "  user      tasks with a user space\n"
        "  gleader   leaders of thread groups with a user space\n"
        "  kernel    kernel threads\n"
        "  active    the tasks that the CPUs were running\n"
        "  RU IN UN ST ZO TR SW DE WA PA ID NE\n"
        "            tasks in one of these states (see ps)\n\n"
        "The commands are bt, vm, task, files, net, set, ps, sig and vtop, each with those of "
        "its flags that are about one task; vtop takes addresses as arguments. Every other "
        "word behind the command is left alone."
    )
    flags = (
        *(
            Flag(letter, "Handed on to the commands that have it.")
            for letter in "vomlgersStTpukcfFxhdaG"
        ),
        Flag(
            "R",
            "Handed on: show only the tasks whose output refers to this.",
            value=SYMBOL.named("reference"),
        ),
        Flag("y", "Handed on to ps: only tasks of these scheduling policies.", value=POLICY),
    )
    checked = "y"
    operands = (many(SELECTOR, TASK),)
    related = ("ps", "bt", "stacks")
    examples = (
        ("The stacks of all tasks that wait uninterruptibly", "foreach UN bt"),
        ("The open files of every process of a name", "foreach worker files"),
        ("Who has a file open", "foreach files -R /dev/console"),
        ("The stack pointers of kernel workers", "foreach 'kworker.*' ps -s"),
    )

    rows = (TaskStart,)

    def parse(self, words: Sequence[str]) -> Args:
        """As getopt does; -h is -x, whatever the command."""
        args = super().parse(words)
        given = (("x" if letter == "h" else letter, value) for letter, value in args.given)
        return Args(tuple(given), args.operands)

    def complete(self, ctx: Context, words: Sequence[str]) -> Iterable[Offer] | None:
        *before, last = words
        if before and before[-1] in ("-R", "-y"):
            return None
        command = next(filter(None, (_task_command(ctx, word) for word in before)), None)
        if last.startswith("-"):
            return self._handed_on(ctx, command)
        if command is not None:
            return ()
        return chain(
            SELECTOR.complete(ctx, Typed(last)),
            (Offer(each.name, each.summary) for each in _task_commands(ctx)),
            TASK.complete(ctx, Typed(last)),
            COMM.complete(ctx, Typed(last)),
        )

    def _handed_on(self, ctx: Context, command: TaskCommand | None) -> Iterator[Offer]:
        """The flags that go to a command, or with which of them each goes to."""
        letters = {flag.letter for flag in self.flags}
        if command is not None:
            for flag in command.flags:
                if flag.letter in letters:
                    yield Offer(f"-{flag.letter}", flag.help)
            return
        for letter in sorted(letters):
            has = (each.name for each in _task_commands(ctx) if letter in _letters(each))
            yield Offer(f"-{letter}", f"for {', '.join(has)}")

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        for value in args.values("y"):
            policies(value)
        if not args.operands:
            raise UsageError
        for problem in ctx.kernel.panic.new_problems():
            yield Notice(problem)
        selection, command = _Selection(), None
        words = list(args.operands)
        while words and command is None:
            word = words.pop(0)
            command = _task_command(ctx, word)
            if command is None and ctx.registry.lacks(word, each=True):
                raise CrashError(f"{word}: {ctx.registry.NOT_YET}")
            if command is None:
                try:
                    yield from _select(ctx, selection, word)
                except _BadPattern as error:
                    yield Notice(str(error))
                    return
        if command is None:
            yield Notice("no keywords specified")
            return
        yield from command.check_each(args, words)
        yield from _each(ctx, selection, command, args, words)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        rest = iter(rows)
        start = next(rest, None)
        here = replace(view, each=True)
        while isinstance(start, TaskStart):
            group = _Group(rest)
            command, parsed = start.served
            if start.headed:
                if not here.first:
                    yield ""
                yield header_line(start, view.word_size)
            yield from command.text(here, parsed, group)
            start = group.following()
            if here.first:
                here = replace(here, first=False)


class _Group:
    """The rows up to the next TaskStart, which `following` gives."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._next: TaskStart | None = None

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            if isinstance(row, TaskStart):
                self._next = row
                return
            yield row

    def following(self) -> TaskStart | None:
        """The row that ended the group; skips what nobody took of the group."""
        if self._next is None:
            for _ in self:
                pass
        return self._next


class _BadPattern(Exception):
    """A regular expression that cannot be read."""


def _select(ctx: Context, selection: _Selection, word: str) -> Iterator[Row]:
    """Take in a word that chooses tasks. Raises CrashError, UsageError, _BadPattern."""
    if is_number(word):
        if word == "DE" and ctx.kernel.tasks.by_pid(0xDE):
            yield Notice(f"ambiguous task-identifying argument: {word}")
            yield Notice('for a "state" argument, use: \\DE', "CONT")
            yield Notice('for a "pid" argument, use: 0xDE, 0xde, de or 222\n', "CONT")
            raise UsageError
        found = find_task(ctx.kernel.tasks, word)
        if found is not None:
            (selection.pids if found.kind == "pid" else selection.addresses).add(found.value)
            selection.specified = True
            return
    word = "DE" if word == "\\DE" else word
    if word in _STATES:
        _select_state(ctx, selection, word)
    elif word in ("kernel", "user", "gleader"):
        _select_kind(selection, word)
    elif word == "active":
        if ctx.kernel.is_live:
            raise CrashError("active option not allowed on live systems")
        selection.active = True
    elif is_quoted(word):
        try:
            selection.searches.append(pattern(word).search)
        except CrashError as error:
            raise _BadPattern(str(error)) from None
        selection.specified = True
    else:
        selection.specified = True
        name = comm_name(word)
        if any(task.comm == name for task in ctx.kernel.tasks.all):
            selection.names.add(name)
        else:
            yield Notice(f'unknown argument: "{word}"')


def _select_state(ctx: Context, selection: _Selection, word: str) -> None:
    if selection.state:
        raise CrashError("only one task state allowed")
    if ctx.kernel.tasks.states.mask(_STATES[word]) is None:
        raise CrashError(f"invalid task state for this kernel: {word}")
    selection.state = word


def _select_kind(selection: _Selection, word: str) -> None:
    if word == "kernel":
        if selection.user:
            raise CrashError("user and kernel are mutually exclusive!")
        selection.kernel = True
        return
    if selection.kernel:
        raise CrashError(f"{word} and kernel are mutually exclusive!")
    selection.user = True
    selection.leaders |= word == "gleader"


def _task_command(ctx: Context, word: str) -> TaskCommand | None:
    """The command of that name, if it is one that serves tasks."""
    if word in SELECTOR.choices or not word.isidentifier():
        return None
    command = ctx.registry.find(word)
    return command if isinstance(command, TaskCommand) else None


def _task_commands(ctx: Context) -> list[TaskCommand]:
    """All the commands that serve tasks, by name."""
    return [each for each in ctx.registry if isinstance(each, TaskCommand)]


def _letters(command: TaskCommand) -> set[str]:
    return {flag.letter for flag in command.flags}


def _each(
    ctx: Context,
    selection: _Selection,
    command: TaskCommand,
    args: Args,
    operands: Sequence[str],
) -> Iterator[Row]:
    """Run the command on each chosen task."""
    words = tuple(command.task_words(args, operands))
    parsed = command.parse(words)
    tasks = _told(ctx, command.in_order(ctx, args, ctx.kernel.tasks.all))
    headed = command.introduces(args)
    here, name, served = ctx.at(0), command.name, (command, parsed)
    for task in selection.tasks(ctx, tasks):
        yield TaskStart(task.pid, task.address, task.cpu, task.comm, name, words, headed, served)
        here.foreach_task = task.address
        yield from _rows(command, here, parsed, task)


def _told(ctx: Context, tasks: Iterable[Task]) -> Iterator[Task]:
    """The tasks; somebody who waits is shown how many there were."""
    total = len(ctx.kernel.tasks.all)
    for number, task in enumerate(tasks):
        ctx.shell.progress("foreach: tasks", number, total)
        yield task


def _rows(command: TaskCommand, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
    """The rows of the command on one task; what stops it is said, and stops no other task."""
    try:
        for row in command.run_task(ctx, args, task):
            yield replace(row, command=command.name) if isinstance(row, Notice) else row
    except CrashError as error:
        cause = error if isinstance(error, ReadError) else None
        yield Notice(str(error), command=command.name, quiet=error.quiet, cause=cause)
