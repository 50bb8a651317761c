"""repeat: run one line again and again."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from pycrash.api import (
    COMMAND,
    Args,
    Command,
    Context,
    CrashError,
    Row,
    UsageError,
    View,
    Word,
    many,
    one,
)


class _Stopped(CrashError):
    """The line cannot be repeated; it has said why."""

    @property
    def quiet(self) -> bool:
        return True


class Repeat(Command):
    name = "repeat"
    summary = "run a line again and again"
    synopsis = "[-seconds] command"
    description = """\
Runs a line until Ctrl-C, until the pager it feeds is left, or until the line turns out to be no
command at all. A dump does not change, so this is of use only for lines that look at something
outside of it. -seconds is a pause between two runs, and stands first."""
    operands = (one(COMMAND), many(Word("operand", "what the command takes")))
    rows = ()
    takes_line = True
    related = ("foreach", "alias")
    examples = (("list a folder every five seconds", "repeat -5 ls"),)

    def line_in(self, words: Sequence[str]) -> int | None:
        first = int(words[0].startswith("-"))
        return first if first < len(words) else None

    def parse(self, words: Sequence[str]) -> Args:
        if not words:
            raise UsageError
        if not words[0].startswith("-"):
            return Args(operands=tuple(words))
        if not words[0][1:2].isdecimal():
            raise UsageError
        return Args(given=(("seconds", words[0][1:]),), operands=tuple(words[1:]))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        delay = args.value("seconds") or "0"
        if not delay.isdecimal():
            wrong = next(c for c in delay if not c.isdecimal())
            raise CrashError(f'{delay}: "{wrong}" is not a digit 0 - 9')
        line = " ".join(args.operands)
        while line:
            if not ctx.shell.execute(line):
                raise _Stopped(f"failed: {line}")
            time.sleep(int(delay))
        return iter(())

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return iter(())
