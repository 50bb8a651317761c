"""exit, q: leave the shell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pycrash.command import Args, Command, Context, Row


class Exit(Command):
    name = "exit"
    summary = "leave the shell"
    synopsis = ""
    description = "Ends the session. So does the end of the input (Ctrl-D at the prompt)."
    minimal = True

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        ctx.shell.leave()
        return iter(())

    def text(self, ctx: Context, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return (str(row) for row in rows)


class Quit(Exit):
    name = "q"
