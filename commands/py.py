"""py: Python inside of the shell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pycrash.api import Args, Command, Context, Offer, Row, Text, View, Word, many


class Py(Command):
    name = "py"
    summary = "a line of Python, or its prompt"
    synopsis = "[expression | statement]"
    description = """\
Runs a line of Python and shows its value. Names made in it stay. There are

  prog          the drgn program: prog["init_task"].pid
  kernel, ctx   what commands are made of: kernel.tasks.all, ctx.task
  rows, text    a line of this shell: its rows as objects, or its text
  _             the rows of the line before

Alone, at a terminal, it gives the prompt of Python: ptpython's where that is installed.

As in every line, |, ! and > outside of quotes and parentheses begin a pipe or a file:
py (1 > 2)."""
    operands = (many(Word("python", "Python code")),)
    rows = (Text,)
    takes_line = True
    related = ("p", "gdb", "extend")
    examples = (
        ("A member of a structure by drgn", 'py prog["init_task"].comm'),
        ("Names of tasks that wait", 'py [t.comm for t in rows("ps") if t.state == "UN"]'),
    )

    def parse(self, words: Sequence[str]) -> Args:
        return Args(operands=tuple(words))

    def complete(self, ctx: Context, words: Sequence[str]) -> Iterable[Offer] | None:
        return ()

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        source = ctx.shell.line.partition(" ")[2].strip()
        text = ctx.shell.python(source)
        for line in text.splitlines():
            yield Text(line)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            assert isinstance(row, Text)
            yield row.text
