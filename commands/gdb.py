"""gdb: the commands of gdb that make sense on a dump."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pycrash.api import (
    GDB_EXPRESSION,
    Args,
    Choice,
    Command,
    Context,
    CrashError,
    Notice,
    Offer,
    Part,
    Row,
    Text,
    UsageError,
    View,
    many,
    one,
)
from pycrash.api.instructionrows import unreadable
from pycrash.api.valuerows import ValueRow, value_lines, value_row, why_not
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.gdb.examine import examine_command
from pycrash.cexpr.gdb.info import info_command
from pycrash.cexpr.gdb.instructions import GapError, disassemble_command
from pycrash.cexpr.gdb.listing import list_command
from pycrash.cexpr.gdb.printf import echo_command, printf_command
from pycrash.cexpr.gdb.printing import (
    Printed,
    output_command,
    print_command,
    ptype_command,
    whatis_command,
)
from pycrash.cexpr.gdb.settings import SWITCHES, define_command, set_command, show_command
from pycrash.cexpr.gdb.words import ABOUT, INNER, find_command, refuse, split_command
from pycrash.cexpr.syntax.errors import ExprError
from pycrash.kernel.text.disasm.listing import CodeError

GDB_COMMAND = Choice("command", "a command of gdb", ABOUT)


class Gdb(Command):
    name = "gdb"
    summary = "a command of gdb"
    synopsis = "command ..."
    description = """\
Runs a command of gdb: print, output, call, ptype, whatis, x, printf, echo, list, disassemble,
info line, info symbol, info address, set and show. Options, formats and the value history are
gdb's. There is no gdb behind it: what else gdb can do is refused.

A line whose first word is a command of gdb and none of this shell's needs no `gdb` before
it: `ptype struct list_head`, `p/x jiffies`, `x/4gx &init_task`."""
    operands = (one(GDB_COMMAND), many(GDB_EXPRESSION))
    rows = (ValueRow, Text)
    related = ("p", "struct", "whatis", "list", "rd")
    examples = (
        ("A type with its body", "gdb ptype struct list_head"),
        ("Four words of memory", "gdb x/4gx &init_task"),
        ("Values in a text", 'gdb printf "%s is %d\\n", init_task.comm, init_task.pid'),
    )

    def parse(self, words: Sequence[str]) -> Args:
        return Args(operands=tuple(words))

    def complete(self, ctx: Context, words: Sequence[str]) -> Iterable[Offer] | None:
        inner = INNER.get(find_command(words[0]) or "", {})
        if len(words) == 2 and inner:
            return (Offer(word, remark) for word, remark in inner.items())
        if len(words) == 3 and words[1] == "print" and inner:
            return (Offer(word, said.partition(" is ")[0]) for word, said in SWITCHES.items())
        return None

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if not args.operands:
            raise UsageError
        line = _line(ctx, args)
        try:
            refuse(args.operands[0])
        except CrashError as error:
            yield Notice(str(error), command="crash")
            return
        begun = ""
        try:
            found = _run(ctx, line)
            if isinstance(found, Printed):
                begun = f"${found.number} = " if found.number else ""
                yield value_row(split_command(line)[1], found)
            elif found is not None:
                yield from _lines(found)
        except CrashError as error:
            if isinstance(error, CodeError):
                yield from unreadable(error)
                yield from [Text("")] if isinstance(error, GapError) else []
            else:
                yield why_not(error, ctx.settings.debug, begun)
            raise CrashError(f"gdb request failed: {line}") from error

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            if isinstance(row, Text):
                yield row.text if row.ended else Part(row.text)
            elif isinstance(row, ValueRow):
                *whole, last = value_lines(row)
                yield from whole
                yield Part(last) if row.number is None else last


def _line(ctx: Context, args: Args) -> str:
    """What was typed behind `gdb`, with its blanks and quotes; the whole line without `gdb`."""
    line = ctx.shell.line
    word, _, rest = line.partition(" ")
    if word == "gdb":
        line = rest.lstrip()
    return line or " ".join(args.operands)


def _run(ctx: Context, line: str) -> Printed | Iterator[str] | None:
    """The value or the pieces of text that a command prints. Raises ExprError, ReadError."""
    word, arguments = split_command(line)
    command = find_command(word)
    session = Session(ctx)
    if command in ("print", "call"):
        return print_command(session, arguments, void=command == "print")
    if command == "output":
        return output_command(session, arguments)
    if command == "ptype":
        return ptype_command(session, arguments)
    if command == "whatis":
        return whatis_command(session, arguments)
    if command == "x":
        return examine_command(session, arguments)
    if command == "disassemble":
        return disassemble_command(session, arguments)
    if command == "printf":
        return printf_command(session, arguments)
    if command == "echo":
        return echo_command(arguments)
    if command == "list":
        return list_command(session, arguments)
    if command == "info":
        return info_command(session, arguments)
    if command == "set":
        return set_command(session, arguments)
    if command == "init-if-undefined":
        return define_command(session, arguments)
    if command == "show":
        return show_command(session, arguments)
    if command is None:
        raise ExprError(f'Undefined command: "{word}".  Try "help".')
    raise ExprError(f"{command}: this command of gdb is not supported here.")


def _lines(pieces: Iterator[str]) -> Iterator[Row]:
    """Rows of whole lines; of what stands behind the last newline, one without it."""
    rest = ""
    try:
        for piece in pieces:
            *lines, rest = (rest + piece).split("\n")
            yield from (Text(line) for line in lines)
    except CrashError:
        if rest:
            yield Text(rest, ended=False)
        raise
    if rest:
        yield Text(rest, ended=False)
