"""Words that ask any command for something else than its answer: --help, --show-drgn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pycrash.api import Args, Command, Context, Row, Text, View
from pycrash.api.registry import Registry

#: Behind any command, alone: asks for its page.
HELP_WORD = "--help"
#: Asks any command for lines of Python that read the same by drgn.
DRGN_WORD = "--show-drgn"


class Drgn(Command):
    """Stands in for a command, and shows its lines of drgn."""

    rows = (Text,)

    def __init__(self, command: Command) -> None:
        self.name = command.name  # type: ignore[misc]
        self.synopsis = command.synopsis  # type: ignore[misc]
        self._command = command

    def parse(self, words: Sequence[str]) -> Args:
        return self._command.parse(words)

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        from pycrash.api.twins import lines

        yield from map(Text, self._command.drgn(ctx, args) or lines(self.name, ctx, args))

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return (row.text for row in rows if isinstance(row, Text))


def asked_for(
    command: Command, words: Sequence[str], registry: Registry
) -> tuple[Command, Sequence[str]]:
    """The command that answers, and its words: the one typed, unless something else is asked."""
    page = registry.find("help") if list(words) == [HELP_WORD] else None
    if page is not None:
        return page, [command.name]
    if DRGN_WORD in (words[:1] if command.takes_line else words):
        return Drgn(command), [word for word in words if word != DRGN_WORD]
    return command, words
