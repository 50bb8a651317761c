"""exit: leave the shell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pycrash.api import Args, Command, Context, Row, View


class Exit(Command):
    name = "exit"
    aliases = ("q",)
    summary = "leave the shell"
    synopsis = " "
    description = """\
Ends the session, as the end of the input does (Ctrl-D at the prompt)."""
    related = ("help", "set")
    rows = ()
    minimal = True

    def parse(self, words: Sequence[str]) -> Args:
        return Args(operands=tuple(words))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        ctx.shell.leave()
        return iter(())

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return iter(())
