"""help: pages about commands, and what is known of the dump under the letters of crash's tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import (
    DECIMAL,
    Args,
    Bits,
    Command,
    Context,
    CrashError,
    Flag,
    MissingFeature,
    Notice,
    Offer,
    Row,
    Text,
    Typed,
    View,
    many,
    parse_args,
)
from pycrash.api.operands.names import CommandKind
from pycrash.kernel import summary
from pycrash.render.manual import in_order, pages, table
from pycrash.render.registers import register_lines

#: What is known under each letter: crash shows a table of its own there, that has this in it.
_FACTS: dict[str, Callable[[Context], Iterator[summary.Fact]]] = {
    "B": lambda ctx: summary.program(),
    "k": lambda ctx: summary.kernel_facts(ctx.kernel),
    "m": lambda ctx: summary.machine_facts(ctx.kernel),
    "n": lambda ctx: summary.file_facts(ctx.kernel),
    "s": lambda ctx: summary.symbol_facts(ctx.kernel),
    "t": lambda ctx: summary.task_facts(ctx.kernel, ctx.task),
    "v": lambda ctx: summary.memory_facts(ctx.kernel),
}
_SAME = {"D": "n", "K": "k", "M": "m", "T": "t", "V": "v"}
#: What crash keeps about itself alone, and what of it can be had here.
_INSIDE = {
    "a": "aliases; `alias` lists them",
    "b": "buffers of crash",
    "c": "arguments of functions that crash looked up",
    "d": "what crash knows of devices; `dev` shows those of the kernel",
    "e": "extensions; `extend` loads them",
    "f": "files that crash has cached; `files` shows those of tasks",
    "g": "how values are printed; `set -v` shows it",
    "h": "a hash table of crash",
    "H": "a hash table of crash",
    "L": "pages of LKCD dumps that crash has cached",
    "N": "offsets that crash needs for `net`",
    "o": "offsets and sizes that crash needs; `struct NAME -o` shows any",
    "O": "offsets and sizes that crash needs; `struct NAME -o` shows any",
    "p": "the state of crash; `set -v` shows what can be set",
}


#: Pages that are about no command.
_TOPICS = {
    "input": "what can be typed",
    "output": "where output can go",
    "README": "what to begin with",
    "commands": "the words alone",
    "all": "every page",
    "copying": "the license",
    "warranty": "that there is none",
}


@dataclass(frozen=True)
class FactRow(Row, kind="help.fact"):
    """Something that is known of the dump or of pycrash."""

    name: str
    value: str


@dataclass(frozen=True)
class CpuRow(Row, kind="help.cpu"):
    """What a CPU had in its registers as it stopped, by name; None where the dump does not
    tell."""

    cpu: int
    online: bool
    registers: dict[str, Bits] | None


class TopicKind(CommandKind):
    """What there is a page about: a command, or another topic."""

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        yield from super().complete(ctx, text)
        yield from (Offer(*topic) for topic in _TOPICS.items())


TOPIC = TopicKind("command", "a command of this shell, or another topic")


class Help(Command):
    name = "help"
    summary = "pages about commands"
    synopsis = "[command | all] [-<option>]"
    description = """\
Without an operand the commands are listed. With a command's name, or an alias of it, the page of
that command is shown. "input" tells what can be typed, "output" where output can go, "README"
what to begin with, "commands" the words alone, and "all" shows every page.

Options show what is known of the dump, under the letters of the tables inside crash that have
the same in them. Of what crash keeps about itself alone, they say what it is."""
    flags = (
        Flag("n", "The dump's file; -D is the same."),
        Flag("r", "What each CPU had in its registers as it stopped."),
        Flag("m", "The machine; so does -M with a number."),
        Flag("k", "The kernel; -K is the same."),
        Flag("v", "Memory and the areas of the address space; -V is the same."),
        Flag("t", "The tasks; -T is the same."),
        Flag("s", "How many symbols there are."),
        Flag("B", "What pycrash is made of."),
        Flag("z", "These letters."),
        Flag("M", "As -m.", value=DECIMAL),
        *(Flag(letter, f"As -{_SAME[letter]}.") for letter in "DKTV"),
        *(Flag(letter, f"In crash: {what}.") for letter, what in _INSIDE.items()),
    )
    at_once = "".join({*_FACTS, *_SAME, *_INSIDE, "r", "z"} - {"o"})
    operands = (many(TOPIC),)
    rows = (Text, FactRow, CpuRow)
    related = ("alias", "set", "sys")
    examples = (
        ("read about the stack of a task", "help bt"),
        ("the registers of the CPUs", "help -r"),
    )
    minimal = True

    def parse(self, words: Sequence[str]) -> Args:
        return parse_args(self.name, self.flags, words, self.at_once)

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if args.given:
            # The last letter is the one that acts; only o is waited behind.
            yield from self._option(ctx, args.given[-1][0])
        elif not args.operands:
            yield from map(Text, table(in_order(ctx.registry.names())))
        elif args.operands == ("commands",):
            yield from map(Text, in_order(ctx.registry.names()))
        else:
            yield from map(Text, pages(args.operands, ctx.registry, ctx.shell.aliases))

    def _option(self, ctx: Context, letter: str) -> Iterator[Row]:
        if letter == "r":
            yield from _registers(ctx)
        elif letter == "z":
            yield from (FactRow(f"-{flag.letter}", flag.help) for flag in self.flags)
        elif letter in _INSIDE:
            yield Notice(f"-{letter}: crash shows tables of its own here: {_INSIDE[letter]}")
        else:
            for name, value in _FACTS[_SAME.get(letter, letter)](ctx):
                yield FactRow(name, value)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        facts: list[FactRow] = []
        for row in rows:
            if isinstance(row, Text):
                yield row.text
            elif isinstance(row, FactRow):
                facts.append(row)
            elif isinstance(row, CpuRow):
                yield from _cpu_lines(row, view)
        width = max((len(row.name) for row in facts), default=0)
        yield from (f"{row.name:>{width}}: {row.value}" for row in facts)


def _registers(ctx: Context) -> Iterator[Row]:
    kernel = ctx.kernel
    for cpu in range(kernel.cpus.count):
        task = kernel.tasks.by_address.get(kernel.panic.active_on(cpu))
        try:
            registers = None if task is None else kernel.arch.stopped(task)
        except MissingFeature:
            raise CrashError("-r option not supported for this dumpfile") from None
        row = CpuRow(cpu, kernel.cpus.is_online(cpu), registers)
        yield row
        if registers is None and not _is_hidden(row, ctx.view):
            yield Notice(f"registers not collected for cpu {cpu}")


def _is_hidden(row: CpuRow, view: View) -> bool:
    return view.settings.offline == "hide" and not row.online


def _cpu_lines(row: CpuRow, view: View) -> Iterator[str]:
    if row.cpu:
        yield ""
    if _is_hidden(row, view):
        yield f"CPU {row.cpu}: [OFFLINE]"
        return
    yield f"CPU {row.cpu}:"
    shown = view.registers
    yield from register_lines(row.registers or {}, shown.rows)
