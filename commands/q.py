"""q: leave the shell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pycrash.api import Args, Command, Context, Row


class Quit(Command):
    name = "q"
    summary = "leave the shell"
    synopsis = " "
    description = """\
Ends the session, as "exit" does and as the end of the input does (Ctrl-D at the prompt)."""
    minimal = True

    def parse(self, words: Sequence[str]) -> Args:
        return Args(operands=tuple(words))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        ctx.shell.leave()
        yield from ()

    def text(self, ctx: Context, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        yield from map(str, rows)
