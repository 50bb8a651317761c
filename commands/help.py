"""help: pages about commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pycrash.api import (
    COMMAND,
    Args,
    Command,
    Context,
    CrashError,
    Row,
    Text,
    UsageError,
    View,
    many,
)
from pycrash.render.manual import in_order, pages, table

#: Options that show tables inside the crash program; there is nothing of the kind here.
_INNER = "abBcdDefghHkKLmMnNoOprstTvVz"


class Help(Command):
    name = "help"
    summary = "pages about commands"
    synopsis = "[command | all] [-<option>]"
    description = """\
Without an operand the commands are listed. With a command's name, or an alias of it, the page of
that command is shown. "input" tells what can be typed, "output" where output can go, "README"
what to begin with, and "all" shows every page.

crash's options show tables inside crash itself. They are refused here."""
    operands = (many(COMMAND),)
    rows = (Text,)
    examples = (("read about the stack of a task", "help bt"),)
    minimal = True

    def parse(self, words: Sequence[str]) -> Args:
        letters = "".join(word[1:] for word in words if word.startswith("-"))
        for letter in letters:
            if letter not in _INNER:
                raise UsageError(f"help: invalid option -- '{letter}'")
        if letters:
            raise CrashError(f"-{letters[0]}: shows tables inside crash; there are none here")
        return Args(operands=tuple(words))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if not args.operands:
            yield from map(Text, table(in_order(ctx.registry.names())))
        else:
            yield from map(Text, pages(args.operands, ctx.registry, ctx.shell.aliases))

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            assert isinstance(row, Text)
            yield row.text
