"""Help pages, made from what commands declare."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from pycrash.api import Command
from pycrash.api.recorded import answers
from pycrash.api.registry import Registry
from pycrash.render import pages as topics
from pycrash.version import CRASH_VERSION, VERSION

COLUMNS, COLUMN_WIDTH = 5, 15
#: Width of the words of a page.
WIDTH = 78


def table(names: Sequence[str]) -> Iterator[str]:
    """The commands in columns, filled downwards, and where to read on."""
    yield ""
    rows = -(-len(names) // COLUMNS)
    for row in range(rows):
        yield "".join(f"{name:<{COLUMN_WIDTH}}" for name in names[row::rows])
    yield ""
    yield f"pycrash version: {VERSION}    answers as crash {CRASH_VERSION}"
    yield "help <command>   what it shows and what can be asked of it"
    yield "help input       what can be typed;   help output   where output can go"
    yield "help README      what to begin with"
    yield ""


def in_order(names: Sequence[str]) -> list[str]:
    """Names sorted as the table shows them: q stands last."""
    return sorted(names, key=lambda name: (name == "q", name))


def page(command: Command, answers: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The page of one command; `answers` are those to its examples, as far as there are any."""
    yield from ("", "NAME", f"  {command.name} - {command.summary}")
    yield from ("", "SYNOPSIS", *f"  {command.name} {command.synopsis}".split("\n"))
    yield from ("", "DESCRIPTION", *_paragraphs(command.description, "  "))
    if command.flags:
        yield ""
        yield from _flags(command)
    if command.examples:
        yield from ("", "EXAMPLES")
        for what, line in command.examples:
            what = what if what.endswith((":", ".")) else f"{what}:"
            yield from (*_paragraphs(what, "  "), "", f"    crash> {line}")
            yield from (f"    {said}".rstrip() for said in answers.get(line, ()))
            yield ""
    else:
        yield ""
    if command.related:
        yield from ("SEE ALSO", *_filled(", ".join(command.related), "  ", "  "), "")


def _paragraphs(text: str, indent: str) -> Iterator[str]:
    """Text filled to the page's width; lines that begin with a blank stand as they are."""
    for number, block in enumerate(textwrap.dedent(text).strip("\n").split("\n\n")):
        if number:
            yield ""
        for stands, lines in groupby(block.split("\n"), lambda line: line[:1] in (" ", "\t")):
            if stands:
                yield from (f"{indent}{line}".rstrip() for line in lines)
            else:
                yield from _filled(" ".join(lines), indent, indent)


def _filled(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()), WIDTH, initial_indent=first, subsequent_indent=rest
    )


def _flags(command: Command) -> Iterator[str]:
    """The flags with their help; neighbours with the same help share it."""
    groups = [
        ([flag.shown for flag in flags], text)
        for text, flags in groupby(command.flags, lambda flag: flag.help)
    ]
    width = max((len(heads[0]) for heads, _ in groups if len(heads) == 1), default=0)
    for heads, text in groups:
        if len(heads) == 1:
            yield from _filled(text, f"    {heads[0]:>{width}}  ", " " * (width + 6))
        else:
            yield from _filled(" ".join(heads), "    ", "    ")
            yield from _filled(text, " " * (width + 6), " " * (width + 6))


def pages(
    words: Sequence[str], registry: Registry, aliases: Mapping[str, tuple[str, str]]
) -> Iterator[str]:
    """The lines for each topic: a command, an alias, "input", "output", "all", "commands" ..."""
    recorded = answers()
    for word in words:
        yield from _topic(word, registry, aliases, recorded)


def _topic(
    word: str,
    registry: Registry,
    aliases: Mapping[str, tuple[str, str]],
    recorded: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    if word in topics.TOPICS:
        yield from topics.TOPICS[word].split("\n")
        return
    if word == "commands":
        names = in_order(registry.names())
        rows = -(-len(names) // COLUMNS)
        for row in range(rows):
            yield from (*names[row::rows], "BREAK")
        return
    if word == "all":
        everything = ("input", "output", *in_order(registry.names()), "warranty", "copying")
        for name in everything:
            yield from _topic(name, registry, aliases, recorded)
        return
    command = registry.find(word)
    if command is None and word in aliases:
        word = aliases[word][0].partition(" ")[0]
        command = registry.find(word)
    if command is None and registry.lacks(word):
        yield f"{word}: {registry.NOT_YET}"
        return
    if command is None:
        yield f'No help data for "{word}" is available.'
        return
    yield from page(command, recorded)
