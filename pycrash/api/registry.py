"""Finds commands by name, importing a command's file only when it is first needed."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TypeGuard, cast

from pycrash.api.command import Command

BUILT_IN = "pycrash.commands"
#: Files of commands that are not in the file of their name.
_FILES = {"*": "struct", "union": "struct", "q": "exit"}
#: Every word in the table of commands of crash 9.0.2.
CRASH_WORDS = frozenset(
    """
    * alias ascii bpf bt btop dev dis eval exit extend files foreach fuser gdb help ipcs irq kmem
    list log mach mod mount net p ps pte ptob ptov q rd repeat runq rustfilt sbitmapq search set
    sig struct swap sym sys task timer tree union vm vtop waitq whatis wr
    """.split()  # noqa: SIM905
)
#: Those that foreach runs.
_EACH = frozenset(("bt", "vm", "task", "files", "net", "set", "ps", "sig", "vtop"))


class PluginError(Exception):
    """A plugin could not be loaded; the others go on."""


class Registry:
    """Command name to Command, from the built-in folder and from plugins.

    A built-in command is imported when its name is first asked for; entry points and the files
    of `plugins` when a name is none of those. A plugin cannot replace a command.
    """

    #: What is said of a command of crash that is missing here.
    NOT_YET = "this command of crash is not in pycrash yet"

    def __init__(self, plugins: Path | None = None) -> None:
        self._commands: dict[str, Command] = {}
        self._loaded: set[str] = set()
        self._plugins = plugins
        self._with_plugins = False
        self._problems: list[str] = []
        #: Plugin files that were asked for, each with the names of its commands.
        self.loaded_files: dict[str, list[str]] = {}

    def take_problems(self) -> list[str]:
        """What went wrong in plugins since this was last asked."""
        problems, self._problems = self._problems, []
        return problems

    def find(self, name: str) -> Command | None:
        """The command of that name, or None."""
        if name in self._commands:
            return self._commands[name]
        if not self._load_named(name):
            self._load_plugins()
        return self._commands.get(name)

    def names(self) -> list[str]:
        """Every command's name and aliases, sorted."""
        self._load_built_in()
        self._load_plugins()
        return sorted(self._commands)

    def lacks(self, name: str, each: bool = False) -> bool:
        """Whether a word is a command of crash, with `each` one for foreach, still missing here."""
        return name in (_EACH if each else CRASH_WORDS) and self.find(name) is None

    def missing(self) -> list[str]:
        """The commands of crash that are still missing here, sorted."""
        return sorted(CRASH_WORDS - set(self.names()))

    def __iter__(self) -> Iterator[Command]:
        return iter(dict.fromkeys(self._commands[name] for name in self.names()))

    def add(self, command: Command) -> None:
        """Register one command. Raises PluginError where its name is taken."""
        names = (command.name, *command.aliases)
        for name in names:
            if name in self._commands or self._load_named(name):
                raise PluginError(f'"{name}" is a duplicate of a currently-existing command')
        self._commands.update(dict.fromkeys(names, command))

    def load_file(self, path: str) -> list[str]:
        """Load a plugin file's commands; their names. Raises PluginError, then there are none."""
        name = f"pycrash_plugin_{Path(path).stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            raise PluginError(f"{path}: not a Python file")
        module = importlib.util.module_from_spec(spec)
        # dataclasses look a class's module up there to resolve its annotations.
        sys.modules[spec.name] = module
        try:
            spec.loader.exec_module(module)
            names = self._add_all(module)
        except FileNotFoundError as error:
            raise PluginError(f"{path}: {error.strerror}") from error
        except PluginError as error:
            raise PluginError(f"{path}: {error}") from error
        except Exception as error:
            raise PluginError(f"{path}: {type(error).__name__}: {error}") from error
        if not names:
            raise PluginError(f"{path}: no commands registered")
        self.loaded_files[path] = names
        return names

    def unload_file(self, path: str) -> bool:
        """Take away the commands of a plugin file; whether it was loaded under that name."""
        names = self.loaded_files.pop(path, None)
        self._remove(names or [])
        return names is not None

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            self._commands.pop(name, None)

    def _add_all(self, module: ModuleType) -> list[str]:
        """Register the Command classes a module defines, all or none; returns their names."""
        added: list[str] = []
        try:
            for command in _commands_of(module):
                self.add(command)
                added += [command.name, *command.aliases]
        except PluginError:
            self._remove(added)
            raise
        return added

    def _load_plugins(self) -> None:
        """Load entry points, then the user's own files; what fails is kept as a problem."""
        if self._with_plugins:
            return
        self._with_plugins = True
        from importlib.metadata import entry_points

        for point in entry_points(group=BUILT_IN):
            try:
                self._add_all(point.load())
            except Exception as error:
                self._problems.append(f"{point.value}: {type(error).__name__}: {error}")
        folder = self._plugins
        for path in sorted(folder.glob("*.py")) if folder is not None else ():
            try:
                self.load_file(str(path))
            except PluginError as error:
                self._problems.append(str(error))

    def _load_named(self, name: str) -> bool:
        """Load the built-in command of that name; whether there is one.

        A command sits in the file of its name: this keeps start-up short.
        """
        file = _FILES.get(name, name)
        if file.isidentifier() and importlib.util.find_spec(f"{BUILT_IN}.{file}"):
            self._load(f"{BUILT_IN}.{file}")
        return name in self._commands

    def _load(self, module: str) -> None:
        if module in self._loaded:
            return
        self._loaded.add(module)
        try:
            commands = _commands_of(importlib.import_module(module))
        except Exception as error:
            self._problems.append(f"{module}: {type(error).__name__}: {error}")
            return
        for command in commands:
            self._commands.update(dict.fromkeys((command.name, *command.aliases), command))

    def _load_built_in(self) -> None:
        package = importlib.import_module(BUILT_IN)
        for info in pkgutil.iter_modules(package.__path__):
            self._load(f"{BUILT_IN}.{info.name}")


def _commands_of(module: ModuleType) -> list[Command]:
    """One of each Command class that a module defines; one without a name is a base of others."""
    return [
        value()
        for value in vars(module).values()
        if _is_command(value)
        and value.__module__ == module.__name__
        and not inspect.isabstract(value)
        and hasattr(value, "name")
    ]


def _is_command(value: object) -> TypeGuard[type[Command]]:
    # Not isclass(): Python 3.10 takes Callable[[int], str] for a class as well.
    return type(value) is type(Command) and issubclass(cast(type, value), Command)
