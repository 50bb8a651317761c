"""extend: load commands from Python files."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pycrash.api import FILE, Args, Command, Context, Flag, Notice, Row, UsageError, View, many
from pycrash.api.plugins import PluginError


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
themselves, if nobody else can write there. Nowhere is a file run that everybody can write to, or
that lies in such a folder. Shared objects made for crash cannot be loaded.

Without operands the loaded files are listed with their commands."""
    flags = (
        Flag("u", "take away the commands of these files, or of all"),
        Flag("s", "list the files that could be loaded"),
        Flag("l", "undocumented: load, as without a flag"),
    )
    operands = (many(FILE.named("shared-object")),)
    rows = (PluginRow, ChangeRow, AvailableRow)
    related = ("help", "alias", "py")
    examples = (("load the plugin that CONTRIBUTING.md writes", "extend names.py"),)
    minimal = True

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        given = [letter for letter, _ in args.given]
        wrong = [letter for letter in given if letter != given[0]]
        if wrong:
            against = (f"extend: -{one} and -{given[0]} are mutually exclusive" for one in wrong)
            raise UsageError("\n".join(against))
        if "s" in args:
            yield from (AvailableRow(_shown(p)) for f in _folders() for p in sorted(f.glob("*.py")))
        elif "u" in args:
            yield from _unload(ctx, args.operands)
        elif args.operands:
            for word in args.operands:
                yield from _load(ctx, word)
        elif "l" in args:
            raise UsageError("extend: -l requires one or more extension library arguments")
        else:
            loaded = ctx.registry.loaded_files
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


def _load(ctx: Context, word: str) -> Iterator[Row]:
    """Load a file: its commands take the place of aliases of their names."""
    path = _find(word)
    if path is None:
        yield Notice(f"{word}: {os.strerror(errno.ENXIO)}")
        return
    name, registry = _shown(path), ctx.registry
    if _loaded_as(ctx, path):
        yield ChangeRow(name, "already loaded")
        return
    try:
        names = registry.load_file(name)
    except PluginError as error:
        yield Notice(str(error))
        return
    if ctx.shell.minimal:
        refused = [found for found in names if not _is_minimal(ctx, found)]
        if refused == names:
            registry.unload_file(name)
            yield Notice(f"{name}: does not contain any commands which support minimal mode")
            return
        for found in refused:
            text = f'{name}: command "{found}" does not support minimal mode'
            yield Notice(text, "WARNING")
    for found in names:
        if ctx.shell.aliases.pop(found, None):
            yield Notice(f'alias "{found}" deleted: name clash with extension command')
    yield ChangeRow(name, "loaded")


def _is_minimal(ctx: Context, name: str) -> bool:
    command = ctx.registry.find(name)
    return command is not None and command.minimal


def _unload(ctx: Context, words: Sequence[str]) -> Iterator[Row]:
    """Take away the commands of files, or of all, the last one first."""
    registry = ctx.registry
    for name in () if words else reversed(list(registry.loaded_files)):
        registry.unload_file(name)
        yield ChangeRow(name, "unloaded")
    for word in words:
        path = _find(word)
        if path is None:
            yield Notice(f"{word}: {os.strerror(errno.ENXIO)}")
            continue
        same = _loaded_as(ctx, path)
        if same is not None and registry.unload_file(same):
            yield ChangeRow(same, "unloaded")
            continue
        others = [name for name in registry.loaded_files if Path(name).name == path.name]
        for name in others:
            yield Notice(f"{path} and {name} are different object files")
        if not others:
            yield Notice(f"{path}: not loaded")


def _loaded_as(ctx: Context, path: Path) -> str | None:
    """The name under which a file is loaded."""
    for name in ctx.registry.loaded_files:
        try:
            if os.path.samefile(name, path):
                return name
        except OSError:
            continue
    return None


def _folders() -> list[Path]:
    given = os.environ.get("CRASH_EXTENSIONS")
    return [Path(), *([Path(given)] if given else []), Path("extensions")]


def _find(word: str) -> Path | None:
    """The file a word names: where it says, or in one of the folders."""
    places = [Path(word)] if word[:1] in (".", "/") else [folder / word for folder in _folders()]
    return next((path for path in places if path.is_file()), None)


def _shown(path: Path) -> str:
    """A path as crash names it: one that begins here with a dot."""
    text = str(path)
    return text if text[0] in "./" else f"./{text}"
