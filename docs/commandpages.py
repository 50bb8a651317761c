"""Writes the command reference, a page for each command, from what the commands declare."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from pycrash.api import Command, twins
from pycrash.api.recorded import answers
from pycrash.api.registry import CRASH_WORDS, Registry
from pycrash.render.manual import in_order

#: What Markdown would take for more than it is.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|$~])")


def write_pages(folder: Path) -> None:
    """Write a page for each command and their list into a folder, which is made."""
    folder.mkdir(exist_ok=True)
    registry = Registry()
    commands = {command.name: command for command in registry}
    ordered = [commands[name] for name in in_order(list(commands))]
    files = {f"{file_of(command.name)}.md": _page(command) for command in ordered}
    files["index.md"] = _index(ordered)
    for old in folder.glob("*.md"):
        if old.name not in files:
            old.unlink()
    for name, lines in files.items():
        write_changed(folder / name, lines)


def write_changed(path: Path, lines: Iterable[str]) -> None:
    """Write a page; one that stays as it was keeps its time, so that Sphinx need not read it."""
    text = "\n".join(lines) + "\n"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def file_of(name: str) -> str:
    """The name of a command's page."""
    return {"*": "struct"}.get(name, name)


def _index(commands: Iterable[Command]) -> Iterator[str]:
    commands = list(commands)
    yield from ("# Commands", "", "What `help` says of each, and the rows of its `--json`.", "")
    for title, ours in (("As in crash", False), ("More than crash", True)):
        yield from (f"## {title}", "", "| command | what it does |", "|---|---|")
        for command in commands:
            if (command.name not in CRASH_WORDS) == ours:
                link = f"[{plain(command.name)}]({file_of(command.name)}.md)"
                yield f"| {link} | {plain(command.summary)} |"
        yield ""
    yield from ("```{toctree}", ":hidden:", "")
    yield from dict.fromkeys(file_of(command.name) for command in commands)
    yield "```"


def _page(command: Command) -> Iterator[str]:
    yield from (f"# {plain(command.name)}", "", f"{plain(command.summary)}", "")
    words = [command.name, *command.aliases]
    usage = [f"{command.name} {line}".rstrip() for line in command.synopsis.split("\n")]
    yield from ("```text", *usage, "```", "")
    if len(words) > 1:
        yield from (f"Also: {', '.join(f'`{word}`' for word in words[1:])}.", "")
    yield from _description(command.description)
    if command.flags:
        yield from ("| option | what it does |", "|---|---|")
        for flag in command.flags:
            yield f"| `{flag.shown}` | {plain(' '.join(flag.help.split()))} |"
        yield ""
    recorded = answers()
    if command.examples:
        yield from ("## Examples", "")
        for what, line in command.examples:
            what = what if what.endswith((":", ".")) else f"{what}:"
            shown = (f"    {said}".rstrip() for said in recorded.get(line, ()))
            yield from (plain(what), "", f"    crash> {line}", *shown, "")
    if command.name in twins.names():
        yield from ("`--show-drgn` prints lines of Python that read the same by drgn.", "")
    if command.related:
        links = (f"[{plain(name)}]({file_of(name)}.md)" for name in command.related)
        yield from (f"See also: {', '.join(links)}.", "")
    kinds = [row.kind for row in command.rows if row.kind]
    if kinds:
        links = (f"[{kind}](../json.md#{kind.replace('.', '')})" for kind in kinds)
        yield f"Rows of `--json`: {', '.join(links)}."


def _description(text: str) -> Iterator[str]:
    """Paragraphs; lines that begin with a blank stand as they are, in a block."""
    for paragraph in textwrap.dedent(text).strip("\n").split("\n\n"):
        for stands, lines in groupby(paragraph.split("\n"), lambda line: line[:1] in (" ", "\t")):
            if stands:
                yield from ("```text", *textwrap.dedent("\n".join(lines)).split("\n"), "```", "")
            else:
                yield from (plain(" ".join(lines)), "")


def plain(text: str) -> str:
    """Text that Markdown shows as it is; what stands in backquotes stays code."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(part if at % 2 else _SPECIAL.sub(r"\\\1", part) for at, part in enumerate(parts))
