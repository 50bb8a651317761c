"""bt: what the stacks of tasks hold."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

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
    Notice,
    ReadError,
    Row,
    TaskCommand,
    TaskHeader,
    UsageError,
    View,
    Word,
    address_of,
    can_evaluate,
    cpu_list,
    evaluate,
    find_task,
    header_line,
    hexadecimal,
    is_hexadecimal,
    many,
)
from pycrash.kernel.stacks.stacks import Stack
from pycrash.kernel.stacks.trace import (
    Complaint,
    Event,
    Frame,
    Registers,
    StackWords,
    Trace,
    TraceOptions,
    mentions,
)
from pycrash.kernel.tasks.table import Task
from pycrash.render.backtrace import event_lines
from pycrash.render.hexdump import hex_lines

_UNSUPPORTED = "option not supported or applicable on this architecture or kernel"


@dataclass(frozen=True)
class BacktraceRow(Row):
    """What one stack holds, in order: frames, registers, words, changes of the stack."""

    events: tuple[Event, ...]


@dataclass(frozen=True)
class RawRow(Row):
    """A whole stack; `names` are the words that are addresses of symbols."""

    address: int
    data: bytes
    word_size: int
    byte_order: str
    names: dict[int, str] = field(default_factory=dict)

    def name(self, value: int) -> str:
        """The symbol a word is the address of, or nothing."""
        return self.names.get(value, "")


@dataclass(frozen=True)
class LineRow(Row):
    """A remark among the rows."""

    text: str


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
        if "v" in args:
            yield from _overflows(ctx)
            return
        session = _Session(ctx, args)
        if "E" in args:
            yield from session.special_stacks()
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
        return _Session(ctx, args).foreach(task)

    def check_each(self, args: Args, operands: Sequence[str]) -> Iterator[Notice]:
        if ("x" in args or "h" in args) and "d" in args:
            raise CrashError("bt: -x and -d options are mutually exclusive")
        if "g" in args:
            raise CrashError("bt -g option is not supported when issued from foreach")
        return iter(())

    def task_words(self, args: Args, operands: Sequence[str]) -> list[str]:
        words = [f"-{letter}" for letter in "rstToelf" if letter in args]
        words += ["-F"] * args.count("F")
        words += ["-x"] if "x" in args or "h" in args else ["-d"] if "d" in args else []
        reference = args.value("R")
        return words + ([] if reference is None else ["-R", reference])

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        radix, size, parted = view.radix, view.word_size, False
        for row in rows:
            if isinstance(row, BacktraceRow):
                yield from event_lines(row.events, radix, size, view.registers)
            elif isinstance(row, TaskHeader):
                if parted and "R" not in args:
                    yield ""
                parted = True
                yield header_line(row, size)
            elif isinstance(row, Begin):
                parted = True
            elif isinstance(row, RawRow):
                yield from hex_lines(row.data, row.address, row.word_size, row.byte_order, row.name)
            elif isinstance(row, LineRow):
                yield row.text


class _Session:
    """One run of bt: what was asked for, and whether a task was shown already."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self._ctx = ctx
        self._kernel = ctx.kernel
        self._args = args
        self._shown = 0
        self._adds = any(letter in args for letter in "slF")
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
        radix = 16 if "x" in args else 10 if "d" in args else ctx.settings.radix
        self._radix = radix

    # Which tasks

    def foreach(self, task: Task) -> Iterator[Row]:
        """One task of a foreach, which shows the header itself."""
        yield from self._backtrace(task)

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
            yield from self._searched(cpu, "IRQ STACK", irq)
        for cpu, _, exception in stacks:
            for stack in exception:
                yield from self._searched(cpu, f"{stack.name} EXCEPTION STACK", stack)

    def _searched(self, cpu: int, what: str, stack: Stack) -> Iterator[Row]:
        head = f"CPU {cpu} {what}:"
        if self._hidden(cpu):
            yield LineRow(f"{head} [OFFLINE]")
            yield LineRow("")
            return
        task = self._kernel.tasks.get(self._ctx.task)
        found = self._kernel.unwinder.exception_frames_in(task, stack)
        if found or self._kernel.arch.registers.found_indent:
            yield LineRow(head)
            yield self._row(found)
            head = ""
        if not found:
            yield LineRow(f"{head}(none found)")
        yield LineRow("")

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
        if self._shown:
            yield LineRow("")
        self._shown += 1
        yield Notice(text)
        yield Begin()

    def _task(self, task: Task) -> Iterator[Row]:
        if "R" not in self._args:
            yield self._header(task)
            self._shown += 1
        yield from self._backtrace(task)

    @staticmethod
    def _header(task: Task) -> TaskHeader:
        return TaskHeader(task.pid, task.address, task.cpu, task.comm)

    # What of them

    def _backtrace(self, task: Task) -> Iterator[Row]:
        args, kernel = self._args, self._kernel
        if "r" in args:
            yield self._raw(task)
            return
        if not task.stack:
            yield LineRow("(no stack)")
            return
        if "e" in args:
            yield self._row(kernel.unwinder.exception_frames(task, self._options.sp))
            return
        trace = kernel.unwinder.trace(task, self._options)
        if trace.idle and "n" in args:
            return
        if "R" in args:
            if self._mentioned(trace):
                yield self._header(task)
                yield from self._shown_trace(trace)
                yield LineRow("")
        else:
            yield from self._shown_trace(trace)
        if trace.error is not None:
            raise trace.error

    def _shown_trace(self, trace: Trace) -> Iterator[Row]:
        """The rows of a trace; what it complains of stands where it came up."""
        events: list[Event] = []
        for event in trace.events:
            if isinstance(event, Complaint):
                if events:
                    yield self._row(events)
                    events = []
                yield Notice(event.text)
            else:
                events.append(event)
        if events:
            yield self._row(events)

    def _raw(self, task: Task) -> Row:
        kernel = self._kernel
        base = self._options.sp or task.stack
        data = kernel.stacks.raw(base)
        names = {}
        for (value,) in struct.iter_unpack(kernel.struct_format("P"), data):
            if value and value not in names and kernel.symbols.in_range(value):
                text = kernel.symbols.text(value, self._ctx.settings.radix)
                if text:
                    names[value] = text
        return RawRow(base, data, kernel.word_size, kernel.byte_order, names)

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

    # What the options add to the events

    def _row(self, events: Iterable[Event]) -> BacktraceRow:
        if self._adds:
            events = map(self._added, events)
        return BacktraceRow(tuple(events))

    def _added(self, event: Event) -> Event:
        if isinstance(event, Frame):
            shown = ""
            if event.offset and "s" in self._args:
                shown = self._kernel.symbols.text(event.pc, self._radix)
            source = self._source(event.pc) if event.level is not None else ""
            return event._replace(shown=shown, source=source)
        if isinstance(event, Registers) and event.name and not event.user and "l" in self._args:
            return event._replace(
                source=self._source(event.values.get(self._kernel.arch.registers.pc, 0))
            )
        if isinstance(event, StackWords) and "F" in self._args:
            return event._replace(texts=tuple(map(self._word_text, event.values)))
        return event

    def _source(self, pc: int) -> str:
        return self._kernel.sources.at(pc) if "l" in self._args else ""

    def _word_text(self, value: int) -> str:
        """A word of a frame: the symbol or the slab cache it points to, else its digits."""
        plain = f"{value:0{2 * self._kernel.word_size}x}"
        if not self._kernel.unwinder.readable(value):
            return plain
        symbols = self._kernel.symbols
        text = symbols.text(value, self._ctx.settings.radix) if symbols.in_range(value) else ""
        if not text:
            cache = self._kernel.slab.cache_of(value)
            if not cache:
                return plain
            text = f"[{value:x}:{cache}]" if self._args.count("F") > 1 else f"[{cache}]"
        return f"{text:<16}"


def _notices(ctx: Context, args: Args) -> Iterator[Row]:
    """What crash says of the options as it takes them one by one. Raises CrashError."""
    radix = ""
    for place, (letter, value) in enumerate(args.given):
        if letter in "xd":
            if radix not in ("", letter):
                raise CrashError("-d and -x are mutually exclusive")
            radix = letter
        elif letter == "A" or (letter == "n" and value != "idle"):
            raise CrashError(f"-{letter} {_UNSUPPORTED}")
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
            yield TaskHeader(task.pid, task.address, task.cpu, task.comm)
            yield from (LineRow(f"  possible stack overflow: {text}") for text in found)
            yield LineRow("")
    if not total:
        yield LineRow("No stack overflows detected")
