"""extend: load commands from Python files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pycrash.api import FILE, Args, Command, Context, Flag, Notice, Row, UsageError, View, many
from pycrash.api.registry import PluginError


@dataclass(frozen=True)
class PluginRow(Row, kind="extend.file"):
    """A loaded file and its commands."""

    path: str
    commands: tuple[str, ...]


@dataclass(frozen=True)
class ChangeRow(Row, kind="extend.change"):
    """What happened to a file."""

    path: str
    change: Literal["loaded", "already loaded", "unloaded"]


@dataclass(frozen=True)
class AvailableRow(Row, kind="extend.available"):
    """A file that could be loaded."""

    path: str


class Extend(Command):
    name = "extend"
    summary = "load commands from Python files"
    synopsis = "[shared-object ...] | [-u [shared-object ...]] | -s"
    description = """\
Loads plugins: Python files with classes derived from pycrash.api.Command. Each such class is
one command, found by "help" and completed as any other. A plugin cannot take the name of a
command that is there already, and a plugin that fails leaves everything as it was.

A name without a folder is looked for here, in $CRASH_EXTENSIONS and in ./extensions. Files in
$XDG_CONFIG_HOME/pycrash/commands (~/.config/pycrash/commands) need no "extend": they are loaded by
themselves. Shared objects made for crash cannot be loaded.

Without operands the loaded files are listed with their commands."""
    flags = (
        Flag("u", "take away the commands of these files, or of all"),
        Flag("s", "list the files that could be loaded"),
        Flag("l", "undocumented: load, as without a flag"),
    )
    operands = (many(FILE.named("shared-object")),)
    rows = (PluginRow, ChangeRow, AvailableRow)
    examples = (("load a plugin", "extend mycommand.py"),)
    minimal = True

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        given = {letter for letter, _ in args.given}
        if len(given) > 1:
            raise UsageError("extend: -l, -s and -u are mutually exclusive")
        loaded = ctx.registry.loaded_files
        if "s" in args:
            yield from (AvailableRow(str(p)) for f in _folders() for p in sorted(f.glob("*.py")))
        elif "u" in args:
            wanted = [_find(word) for word in args.operands] or [Path(p) for p in loaded]
            for path in wanted:
                if ctx.registry.unload_file(path):
                    yield ChangeRow(str(path), "unloaded")
                else:
                    yield Notice(f"{path}: not loaded")
        elif args.operands:
            for word in args.operands:
                yield _load(ctx, _find(word))
        elif "l" in args:
            raise UsageError("extend: -l needs a file")
        else:
            yield from (PluginRow(path, tuple(names)) for path, names in loaded.items())

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        plugins: list[PluginRow] = []
        for row in rows:
            if isinstance(row, PluginRow):
                plugins.append(row)
            elif isinstance(row, ChangeRow):
                yield f"{row.path}: {row.change}"
            elif isinstance(row, AvailableRow):
                yield row.path
        if plugins:
            width = max(len("FILE"), *(len(plugin.path) for plugin in plugins))
            yield f"{'FILE':<{width}}  COMMANDS"
            for plugin in plugins:
                yield f"{plugin.path:<{width}}  {' '.join(plugin.commands)}"


def _load(ctx: Context, path: Path) -> Row:
    if str(path) in ctx.registry.loaded_files:
        return ChangeRow(str(path), "already loaded")
    try:
        ctx.registry.load_file(path)
    except PluginError as error:
        return Notice(str(error))
    return ChangeRow(str(path), "loaded")


def _folders() -> list[Path]:
    given = os.environ.get("CRASH_EXTENSIONS")
    return [Path(), *([Path(given)] if given else []), Path("extensions")]


def _find(word: str) -> Path:
    """The file a word names; the word itself where there is none."""
    if "/" in word:
        return Path(word)
    return next((folder / word for folder in _folders() if (folder / word).exists()), Path(word))
