"""Plugins: whose file may be run, the commands in it, and which plugin an exception is of."""

from __future__ import annotations

import importlib.util
import inspect
import os
import stat
import sys
import traceback
from collections.abc import Collection, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TypeGuard, cast

from pycrash.api.args import Flag
from pycrash.api.command import Command
from pycrash.api.rows import Row

#: The beginning of the names that plugin files have as modules.
_PREFIX = "pycrash_plugin_"


class PluginError(Exception):
    """A plugin could not be loaded; the others go on. `str()` says which and why."""


def why_not(path: Path, private: bool) -> str:
    """Why a file or folder is not to be trusted; empty where it is.

    Nobody else may be able to write to it or to put another one in its place. What is loaded
    without being asked for is to be `private`: the user's own or root's, and no group writes there.
    """
    real = path.resolve()
    forbidden = stat.S_IWOTH | (stat.S_IWGRP if private else 0)
    for place in dict.fromkeys((real, *real.parents, *path.absolute().parents)):
        status, above = place.stat(), place.parent.stat()
        if status.st_mode & forbidden and not status.st_mode & stat.S_ISVTX:
            return f"others can write to {place}"
        # Where everybody may make files, the sticky bit keeps them from replacing each other's.
        replaceable = above.st_mode & forbidden and place != place.parent
        owned = replaceable or (private and place in (real, real.parent))
        if owned and status.st_uid not in (0, os.getuid()):
            return f"{place} belongs to another user"
    return ""


def load_module(path: str) -> ModuleType:
    """Run a plugin file; the module it makes. Raises PluginError.

    It is read anew each time: a file that was edited takes effect by `extend -u` and `extend`.
    """
    name = f"{_PREFIX}{Path(path).stem}"
    while name in sys.modules:
        name += "_"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or not isinstance(spec.loader, SourceFileLoader):
        raise PluginError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    # dataclasses look a class's module up there to resolve its annotations.
    sys.modules[name] = module
    try:
        code = spec.loader.source_to_code(spec.loader.get_data(path), path)
        exec(code, vars(module))
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, (Exception, SystemExit)):
            place = blamed(error, (name,)) or path
            raise PluginError(f"{place}: {in_one_line(error)}") from error
        raise
    return module


def commands_of(found: object) -> list[Command]:
    """What a plugin defines: one of each Command class of a module, or the class itself.

    A class without a name is a base of others. Raises PluginError.
    """
    if _is_command(found):
        classes = [found]
    else:
        classes = [
            value
            for value in vars(found).values()
            if _is_command(value)
            and value.__module__ == cast(ModuleType, found).__name__
            and not inspect.isabstract(value)
            and hasattr(value, "name")
        ]
    commands = [cls() for cls in classes]
    for command in commands:
        for wrong in _wrong(command):
            raise PluginError(f"{type(command).__name__}: {wrong}")
    return commands


def _wrong(command: Command) -> Iterator[str]:
    """What is wrong in a declaration, which help and completion would stumble over."""
    for field in ("name", "summary", "synopsis", "description"):
        if not isinstance(getattr(command, field, None), str):
            yield f"{field} is to be a text"
    for name in (command.name, *command.aliases):
        if name.split() != [name]:
            yield f'"{name}" is no word to type'
    if not all(isinstance(flag, Flag) for flag in command.flags):
        yield "flags are to be of pycrash.api.Flag"
    if not all(isinstance(row, type) and issubclass(row, Row) for row in command.rows):
        yield "rows are to be classes derived from pycrash.api.Row"


def _is_command(value: object) -> TypeGuard[type[Command]]:
    # Not isclass(): Python 3.10 takes Callable[[int], str] for a class as well.
    return type(value) is type(Command) and issubclass(cast(type, value), Command)


def blamed(error: BaseException, modules: Collection[str], innermost: bool = False) -> str:
    """Where in plugins an exception came up, "file:line"; empty where it did not pass them.

    `modules` are the plugins' names as modules. With `innermost` it is theirs only if nothing of
    pycrash was called from there.
    """
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = frame.f_globals.get("__name__", "")
        if name in modules:
            found = f"{frame.f_code.co_filename}:{line}"
        elif innermost and name.startswith("pycrash."):
            found = ""
    return found


def in_one_line(error: BaseException) -> str:
    """An exception as a message; a PluginError is one already."""
    if isinstance(error, PluginError):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
