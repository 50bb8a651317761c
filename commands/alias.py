"""alias: show and make aliases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import COMMAND, Args, Command, Context, Notice, Row, View, Word, many, one

#: Programs outside that an alias may stand for.
_OUTSIDE = ("clear",)


@dataclass(frozen=True)
class AliasRow(Row, kind="alias.alias"):
    """One alias: the word, the line it stands for, and where it was made."""

    name: str
    command: str
    origin: str


@dataclass(frozen=True)
class UnknownRow(Row, kind="alias.unknown"):
    """A word that is no alias."""

    name: str


@dataclass(frozen=True)
class DeletedRow(Row, kind="alias.deleted"):
    """An alias that was taken away."""

    name: str


class Alias(Command):
    name = "alias"
    summary = "short words for longer lines"
    synopsis = "[alias] [command string]"
    description = """\
Without operands every alias is listed, with one operand that alias. With two or more, the
first becomes an alias of the rest. An alias counts only as the first word of a line, and what
it stands for is not looked up again.

A command's name cannot be an alias, and the first word behind the alias must be a command. An
empty string in double quotes deletes an alias. To make "|" or ">" a part of the alias, put the
whole command string in double quotes.

Lines with this command in .crashrc, in the home directory or here, make aliases for every
session."""
    operands = (
        one(Word("alias", "the new word")),
        one(COMMAND),
        many(Word("string", "the rest of the line")),
    )
    rows = (AliasRow, UnknownRow, DeletedRow)
    related = ("set", "repeat", "help")
    examples = (
        ("list the aliases", "alias"),
        ("make one", "alias kp kmem -p"),
        ("make one with a pipe", 'alias errs "log -l | grep <3>"'),
        ("take it away", 'alias kp ""'),
    )

    def parse(self, words: Sequence[str]) -> Args:
        return Args(operands=tuple(words))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        words = args.operands
        known = ctx.shell.aliases
        if len(words) > 1:
            name, first = words[0], words[1].partition(" ")[0]
            if _is_command(ctx, name):
                yield Notice(f"cannot alias existing command name: {name}")
                return
            if not first:
                if known.pop(name, None):
                    yield DeletedRow(name)
                return
            if first not in _OUTSIDE and not _is_command(ctx, first):
                yield Notice(f"invalid alias attempt on non-existent command: {first}")
                return
            known.pop(name, None)
            known[name] = (" ".join(" ".join(words[1:]).split()), "runtime")
        if words and words[0] not in known:
            yield UnknownRow(words[0])
        for name, (text, origin) in known.items():
            if not words or name == words[0]:
                yield AliasRow(name, text, origin)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        headed = False
        for row in rows:
            if isinstance(row, DeletedRow):
                yield f"alias deleted: {row.name}"
                return
            if not headed:
                yield "ORIGIN   ALIAS    COMMAND"
                headed = True
            if isinstance(row, AliasRow):
                yield f"{row.origin:<7}  {row.name:<7}  {row.command} "
            elif isinstance(row, UnknownRow):
                yield f"alias does not exist: {row.name}"


def _is_command(ctx: Context, word: str) -> bool:
    """Whether a word is a command, perhaps one of crash that is still missing."""
    return ctx.registry.find(word) is not None or ctx.registry.lacks(word)
