"""bt: what the stacks of tasks hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pycrash.api import (
    ADDRESS,
    CPUS,
    HEX,
    PID,
    SYMBOL,
    TASK,
    Args,
    Begin,
    Context,
    CrashError,
    Flag,
    Gap,
    Notice,
    ReadError,
    Row,
    TaskCommand,
    TaskHeader,
    Text,
    UsageError,
    View,
    Word,
    address_of,
    asked_radix,
    can_evaluate,
    cpu_list,
    evaluate,
    find_task,
    hexadecimal,
    is_hexadecimal,
    many,
    task_header,
)
from pycrash.api.backtracerows import ROWS, EventRows, OverflowRow, SearchRow
from pycrash.kernel.stacks.stacks import Stack
from pycrash.kernel.stacks.trace import Trace, TraceOptions, mentions
from pycrash.kernel.tasks.table import Task
from pycrash.render.backtrace import BacktraceText

_UNSUPPORTED = "option not supported or applicable on this architecture or kernel"
_NOT_LIVE = "-{} option not supported on a live system or live dump"


class Bt(TaskCommand):
    name = "bt"
    summary = "backtrace"
    synopsis = (
        "[-a|-c cpu(s)|-g|-r|-t|-T|-l|-e|-E|-f|-F|-o|-O|-v|-p] [-R ref] [-s [-x|d]]\n"
        "     [-I ip] [-S sp] [-n idle] [pid | task]"
    )
    description = (
        "Shows which functions a task was in, the innermost first: for each the address of the "
        "stack slot that holds the return address, and that address. Registers that an "
        "exception or the entry from user space saved follow the frame they belong to. Without "
        "an operand it is the current context's task."
    )
    flags = (
        Flag("a", "The tasks that the CPUs were running."),
        Flag("A", "The same with vector registers (S390X only; undocumented elsewhere)."),
        Flag(
            "n",
            "Leave out the stacks of idle tasks (x86_64, arm64).",
            value=Word("idle", "the word idle"),
        ),
        Flag("p", "The task that panicked."),
        Flag("c", 'The tasks of these CPUs, given as "3", "1,8,9" or "1,8-14".', value=CPUS),
        Flag("g", "Every thread of the task's thread group, its leader first."),
        Flag("r", "The whole stack as memory."),
        Flag("t", "Every text address on the stack from where the task stood."),
        Flag("T", "Every text address on the whole stack."),
        Flag("l", "File and line of each text address."),
        Flag("e", "Search the stack for what looks like saved registers."),
        Flag("E", "Search the IRQ and exception stacks of all CPUs, or those of -c, for them."),
        Flag("f", "The words that each frame holds."),
        Flag(
            "F",
            "The same with symbols for addresses, and the slab cache for what lies in one; "
            "given twice, the address too.",
        ),
        Flag("v", "Check all stacks for a mark at their end that was overwritten."),
        Flag("o", "Take every text address for a call (x86_64); arm64: the other method."),
        Flag("O", "Do so from now on, or not any more."),
        Flag("R", "Only stacks that mention this symbol or address.", value=SYMBOL.named("ref")),
        Flag("s", "The bytes into each function."),
        Flag("x", "Those in hexadecimal."),
        Flag("d", "Those in decimal."),
        Flag("I", "Start at this text address.", value=ADDRESS.named("ip")),
        Flag("S", "Start at this stack address.", value=HEX.named("sp")),
    )
    at_once = "A"
    operands = (many(TASK, PID),)
    rows = (*ROWS, TaskHeader, Text)
    related = ("foreach", "stacks", "task", "dis", "triage")
    examples = (
        ("The stack of the task that crashed:", "bt"),
        ("What every CPU was doing:", "bt -a"),
        ("A process with all its threads:", "bt -g 1"),
        ("Everything, with source lines:", "foreach bt -l"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from _notices(ctx, args)
        if "O" in args:
            return
        session = _Session(ctx, args)
        if "v" in args:
            yield from _overflows(ctx)
            return
        if "E" in args:
            yield from session.special_stacks()
        elif ("c" in args or "a" in args) and ctx.kernel.is_live:
            raise CrashError(_NOT_LIVE.format("c" if "c" in args else "a"))
        elif "c" in args:
            yield from session.cpus()
        elif "a" in args:
            yield from session.active()
        elif args.operands:
            for word in args.operands:
                yield from session.operand(word)
        else:
            panicked = "p" in args and not ("g" in args and ctx.kernel.tasks.get(ctx.task).pid)
            yield from session.group_or_task(ctx.kernel.panic.task if panicked else ctx.task)

    def run_task(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        return _Session(ctx, args).backtrace(task)

    def check_each(self, args: Args, operands: Sequence[str]) -> Iterator[Notice]:
        if "x" in args and "d" in args:
            raise CrashError("bt: -x and -d options are mutually exclusive")
        if "g" in args:
            raise CrashError("bt -g option is not supported when issued from foreach")
        return iter(())

    def task_words(self, args: Args, operands: Sequence[str]) -> list[str]:
        words = [f"-{letter}" for letter in "rstToelf" if letter in args]
        words += ["-F"] * args.count("F")
        words += ["-x"] if "x" in args else ["-d"] if "d" in args else []
        reference = args.value("R")
        return words + ([] if reference is None else ["-R", reference])

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return BacktraceText(view, args).lines(rows)


class _Session:
    """One run of bt: what was asked for, and whether a task was shown already."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self._ctx = ctx
        self._kernel = ctx.kernel
        self._args = args
        self._shown = False
        self._rows = EventRows(self._kernel, "l" in args, "s" in args, "F" in args)
        pc, sp = args.value("I"), args.value("S")
        self._options = TraceOptions(
            pc=None if pc is None else address_of(pc, self._symbol, self._kernel.word_mask),
            sp=None if sp is None else hexadecimal(sp),
            text="t" in args,
            all_text="T" in args,
            old=("o" in args) ^ ctx.settings.old_backtrace,
            full="f" in args or "F" in args,
        )
        if sp is not None and not self._options.sp:
            raise CrashError("invalid stack address for this task: 0")

    # Which tasks

    def group_or_task(self, address: int) -> Iterator[Row]:
        """A task, or its thread group with -g."""
        if not address:
            raise CrashError("no panic task found!")
        task = self._kernel.tasks.get(address)
        if "g" in self._args and task.pid:
            yield from self._group(task.tgid)
        else:
            yield from self._task(task)

    def operand(self, word: str) -> Iterator[Row]:
        """The tasks of a pid or an address."""
        found = find_task(self._kernel.tasks, word)
        if found is None:
            yield from self._message(f"invalid task or pid value: {word}")
            return
        first = found.tasks[0]
        if "g" in self._args and first.pid:
            yield from self._group(first.tgid)
            return
        *others, last = found.tasks
        for task in others:
            yield from self._one_of_many(task)
        yield from self._task(last)

    def active(self) -> Iterator[Row]:
        """The task of each CPU."""
        if "g" in self._args:
            raise CrashError("-a option cannot be used with the -g option")
        for _, task in sorted(self._kernel.panic.active.items()):
            yield from self._one_of_many(self._kernel.tasks.get(task))

    def cpus(self) -> Iterator[Row]:
        """The tasks of the CPUs of -c."""
        if "g" in self._args:
            raise CrashError("-c option cannot be used with the -g option")
        for cpu in self._cpu_list():
            if self._hidden(cpu):
                yield from self._message(f"CPU {cpu} is OFFLINE.")
                continue
            task = self._kernel.panic.active_on(cpu)
            if not task:
                raise CrashError(f"cannot determine active task on cpu {cpu}")
            yield from self._task(self._kernel.tasks.get(task))

    def special_stacks(self) -> Iterator[Row]:
        """Saved registers on the IRQ and exception stacks."""
        count = self._kernel.cpus.count
        cpus = self._cpu_list() if "c" in self._args else range(count)
        unwinder = self._kernel.unwinder
        stacks = [(cpu, *unwinder.special_stacks(cpu)) for cpu in cpus]
        for cpu, irq, _ in stacks:
            if irq is None:
                break
            yield from self._searched(cpu, "IRQ stack", irq)
        for cpu, _, exception in stacks:
            for stack in exception:
                yield from self._searched(cpu, f"{stack.name} exception stack", stack)

    def _searched(self, cpu: int, name: str, stack: Stack) -> Iterator[Row]:
        if self._hidden(cpu):
            yield SearchRow(cpu, name, False)
        else:
            task = self._kernel.tasks.get(self._ctx.task)
            found = self._kernel.unwinder.exception_frames_in(task, stack)
            yield SearchRow(cpu, name, True)
            yield from self._rows.of(found)
        yield Gap()

    def _cpu_list(self) -> list[int]:
        return cpu_list(self._args.value("c") or "", self._kernel.cpus.count)

    def _hidden(self, cpu: int) -> bool:
        return self._ctx.settings.offline == "hide" and cpu not in self._kernel.cpus.online

    def _group(self, tgid: int) -> Iterator[Row]:
        threads = self._kernel.tasks.threads(tgid)
        leaders = [t for t in threads if t.pid == tgid]
        for task in leaders + [t for t in threads if t.pid != tgid]:
            yield from self._one_of_many(task)

    def _one_of_many(self, task: Task) -> Iterator[Row]:
        """A task whose failure does not end the others'."""
        try:
            yield from self._task(task)
        except CrashError as error:
            yield Notice(str(error))

    def _message(self, text: str) -> Iterator[Row]:
        yield Notice(f"\n{text}" if self._shown else text)
        self._shown = True
        yield Begin()

    def _task(self, task: Task) -> Iterator[Row]:
        if "R" not in self._args:
            yield task_header(task)
            self._shown = True
        yield from self.backtrace(task)

    # What of them

    def backtrace(self, task: Task) -> Iterator[Row]:
        """What one task's stack holds. Raises CrashError."""
        args, kernel = self._args, self._kernel
        if "r" in args:
            base = self._options.sp or task.stack
            yield self._rows.raw(base, kernel.stacks.raw(base))
            return
        if "e" not in args and kernel.panic.in_motion(task.address):
            if "R" in args:
                return
            if not ("t" in args or "T" in args):
                yield Text("(active)")
                return
        if not task.stack:
            yield Text("(no stack)")
            return
        if "e" in args:
            found = kernel.unwinder.exception_frames(task, self._options.sp)
            yield from self._rows.of(found)
            return
        trace = kernel.unwinder.trace(task, self._options)
        if trace.idle and "n" in args:
            return
        if "R" not in args:
            yield from self._rows.of(trace.events)
        elif self._mentioned(trace):
            yield task_header(task)
            yield from self._rows.of(trace.events)
            yield Gap()
        if trace.error is not None:
            raise trace.error

    def _mentioned(self, trace: Trace) -> bool:
        """Whether a trace mentions the symbol or address of -R."""
        reference = self._args.values("R")[0]
        value = None
        if can_evaluate(reference):
            value = evaluate(reference, self._symbol, self._kernel.word_mask)
        elif is_hexadecimal(reference):
            value = hexadecimal(reference)
        return mentions(self._kernel.symbols, trace.events, reference, value)

    def _symbol(self, name: str) -> int | None:
        found = self._kernel.symbols.by_name(name)
        return found.address if found is not None else None


def _notices(ctx: Context, args: Args) -> Iterator[Row]:
    """What crash says of the options as it takes them one by one. Raises CrashError."""
    for place, (letter, value) in enumerate(args.given):
        if letter in "xd":
            asked_radix(Args(args.given[: place + 1]))
        elif letter == "A" or (letter == "n" and value != "idle"):
            raise CrashError(f"-{letter} {_UNSUPPORTED}")
        elif letter == "p" and ctx.kernel.is_live:
            raise CrashError(_NOT_LIVE.format("p"))
        elif letter == "p" and not ctx.kernel.panic.task:
            raise CrashError("no panic task found!")
        elif letter == "R" and "R" in (earlier for earlier, _ in args.given[:place]):
            yield Notice("only one -R option allowed")
        elif letter == "c" and "c" in (earlier for earlier, _ in args.given[:place]):
            raise UsageError("bt: only one -c option allowed")
        elif letter == "O":
            ctx.settings.old_backtrace = not ctx.settings.old_backtrace
            method = ctx.kernel.arch.backtraces[ctx.settings.old_backtrace]
            yield Notice(f"use {method} bt method by default")
            return
        elif letter == "v":
            return


def _overflows(ctx: Context) -> Iterator[Row]:
    """The tasks whose stack has run over its end."""
    total = 0
    for task in ctx.kernel.tasks.all:
        try:
            found = ctx.kernel.stacks.overflows(task)
        except ReadError as error:
            yield Notice(str(error))
            continue
        if found:
            total += len(found)
            yield task_header(task)
            yield from map(OverflowRow, found)
            yield Gap()
    if not total:
        yield Text("No stack overflows detected")
