"""foreach: one command over many tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from pycrash.api import Args, Command, Context, Flag, Notice, Row, UsageError
from pycrash.api.kinds import comm_name, find_task, is_number, is_quoted, pattern, policies
from pycrash.api.taskheader import TaskHeader, header_lines
from pycrash.errors import CrashError
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
_PS_EXCLUSIVE = "gatcplrm"
_PS_MESSAGE = "-a, -t, -c, -p, -g, -l, -m, -S, -r and -A flags are all mutually-exclusive"


@dataclass(frozen=True)
class TaskStart(Row):
    """The rows that follow are those of `command` on one task, called with `words`.

    `header` introduces the task, where the command does not do that itself.
    """

    command: str
    words: tuple[str, ...]
    task: int
    header: TaskHeader | None


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
        Flag("R", "Handed on: show only the tasks whose output refers to this.", "reference"),
        Flag("y", "Handed on to ps: only tasks of these scheduling policies.", "policy"),
    )
    examples = (
        ("The stacks of all tasks that wait uninterruptibly", "foreach UN bt"),
        ("The open files of every process of a name", "foreach bash files"),
        ("Who has a file open", "foreach files -R /var/log/messages"),
        ("The stack pointers of kernel workers", "foreach 'kworker.*' ps -s"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        for value in args.values("y"):
            policies(value)
        if not args.operands:
            raise UsageError
        for problem in ctx.kernel.panic.new_problems():
            yield Notice(problem)
        selection, keyword = _Selection(), ""
        words = list(args.operands)
        while words and not keyword:
            word = words.pop(0)
            if word in _FORWARDED:
                keyword = word
            else:
                try:
                    yield from _select(ctx, selection, word)
                except _BadPattern as error:
                    yield Notice(str(error))
                    return
        if not keyword:
            yield Notice("no keywords specified")
            return
        yield from _check(keyword, args, words)
        yield from _each(ctx, selection, keyword, args, words)

    def text(self, ctx: Context, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        rest = iter(rows)
        start = next(rest, None)
        words, parsed, here = None, Args(), ctx.at(0)
        while isinstance(start, TaskStart):
            group = _Group(rest)
            command = ctx.registry.find(start.command)
            assert command is not None
            if start.words is not words:
                words, parsed = start.words, command.parse(start.words)
            if start.header is not None:
                yield from header_lines(start.header, ctx.kernel.word_size)
            here.foreach_task = start.task
            yield from command.text(here, parsed, group)
            start = group.following()


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


def _check(keyword: str, args: Args, words: Sequence[str]) -> Iterator[Notice]:
    """What is to be said of the flags before any task. Raises CrashError."""
    both_radixes = ("x" in args or "h" in args) and "d" in args
    reference = "R" in args
    if keyword == "net":
        if "s" in args and "S" in args:
            yield Notice("net -s and -S options are mutually exclusive!", "WARNING")
            both_radixes = False
        elif "s" not in args and "S" not in args:
            yield Notice("net command requires -s or -S option\n", "WARNING")
    if keyword in ("net", "vm", "bt", "task") and both_radixes:
        raise CrashError(f"{keyword}: -x and -d options are mutually exclusive")
    if keyword == "vtop":
        if not words:
            raise CrashError("foreach command requires address argument")
        if reference:
            raise CrashError("vtop command does not support -R option")
        if "u" in args and "k" in args:
            raise CrashError("vtop: -u and -k options are mutually exclusive")
    elif keyword == "vm":
        if sum(letter in args for letter in "pmv") > 1:
            raise CrashError("vm command accepts only one of -p, -m or -v flags")
        for letter in "mv" if reference else "":
            if letter in args:
                raise CrashError(f"vm: -{letter} is not applicable to the -R option")
    elif keyword == "bt" and "g" in args:
        raise CrashError("bt -g option is not supported when issued from foreach")
    elif keyword == "set" and reference:
        raise CrashError("set command does not support -R option")
    elif keyword == "sig" and ("l" in args or "s" in args):
        raise CrashError("sig: -l and -s options are not applicable")
    elif keyword == "files" and "p" in args:
        raise CrashError("files command does not support -p option")
    elif keyword == "ps":
        if sum(letter in args for letter in _PS_EXCLUSIVE) > 1:
            raise CrashError(_PS_MESSAGE)
        if ("l" in args or "m" in args) and "G" in args:
            raise CrashError(f"-G not supported with -{'l' if 'l' in args else 'm'} option")


def _radix(args: Args) -> str:
    return "x" if "x" in args or "h" in args else "d" if "d" in args else ""


def _first(args: Args, letters: str) -> str:
    """The first of the letters that was given: where several were, it decides."""
    return next((letter for letter in letters if letter in args), "")


def _net(args: Args) -> str:
    if "s" in args and "S" in args:
        return "s"
    return ("S" if "S" in args else "s") + _radix(args)


#: For each command, the flags handed on to it.
_FORWARDED: dict[str, Callable[[Args], str]] = {
    "bt": lambda args: (
        "".join(c for c in "rstToelf" if c in args) + "F" * args.count("F") + _radix(args)
    ),
    "vm": lambda args: _first(args, "pmv") + _radix(args),
    "task": _radix,
    "set": lambda args: "",
    "files": lambda args: _first(args, "c"),
    "net": _net,
    "vtop": lambda args: "".join(c for c in "cuk" if c in args),
    "sig": lambda args: _first(args, "g"),
    "ps": lambda args: "".join(c for c in "Gs" if c in args) + _first(args, "acptlmrg"),
}
_REFERENCES = ("bt", "vm", "task", "files", "net", "sig")


def _each(
    ctx: Context, selection: _Selection, keyword: str, args: Args, words: Sequence[str]
) -> Iterator[Row]:
    """Run the command on each chosen task."""
    command = ctx.registry.find(keyword)
    if command is None:
        raise CrashError(f"command not found: {keyword}")
    call = [f"-{letter}" for letter in _FORWARDED[keyword](args)]
    reference = args.value("R") if keyword in _REFERENCES else None
    if reference is not None:
        call += ["-R", reference]
    if keyword == "ps" and "y" in args:
        call += ["-y", args.values("y")[-1]]
    if keyword == "vtop":
        call += words
    tasks = ctx.kernel.tasks.all
    if keyword == "ps" and ("l" in args or "m" in args):
        if not ctx.kernel.tasks.has_last_run:
            raise CrashError("last-run timestamps do not exist in this kernel")
        tasks = sorted(tasks, key=lambda task: -(task.last_run or 0))
    introduce = not (keyword == "ps" or (keyword == "sig" and "g" in args)) and reference is None
    here = replace(ctx.at(0), foreach_seen=set())
    words_of_all, parsed, again = tuple(call), command.parse(call), False
    for task in selection.tasks(ctx, tasks):
        header = None
        if introduce:
            header = TaskHeader(task.pid, task.address, task.cpu, task.comm, again)
        yield TaskStart(keyword, words_of_all, task.address, header)
        here.foreach_task = task.address
        yield from _rows(command, here, parsed)
        if keyword == "ps" and not again:
            words_of_all = (*call, "-H")
            parsed = command.parse(words_of_all)
        again = True


def _rows(command: Command, ctx: Context, args: Args) -> Iterator[Row]:
    """The rows of the command on one task; what stops it is said, and stops no other task."""
    try:
        for row in command.run(ctx, args):
            yield replace(row, command=command.name) if isinstance(row, Notice) else row
    except CrashError as error:
        yield Notice(str(error), command=command.name)
