"""Finds commands by name, importing a command's file only when it is first needed."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from pycrash.command.command import Command

BUILT_IN = "pycrash.commands"


class PluginError(Exception):
    """A plugin could not be loaded; the others go on."""


class Registry:
    """Command name to Command, from the built-in folder and from plugins."""

    def __init__(self) -> None:
        self._commands: dict[str, Command] = {}
        self._loaded: set[str] = set()

    def find(self, name: str) -> Command | None:
        """The command of that name, or None."""
        if name in self._commands:
            return self._commands[name]
        # A command usually sits in the file of its name: this keeps start-up short.
        if name.isidentifier() and importlib.util.find_spec(f"{BUILT_IN}.{name}"):
            self._load(f"{BUILT_IN}.{name}")
        if name not in self._commands:
            self._load_all()
        return self._commands.get(name)

    def names(self) -> list[str]:
        """Every command's name, sorted."""
        self._load_all()
        return sorted(self._commands)

    def __iter__(self) -> Iterator[Command]:
        return iter([self._commands[name] for name in self.names()])

    def add(self, command: Command) -> None:
        """Register one command, replacing one of the same name."""
        self._commands[command.name] = command

    def load_module(self, module: ModuleType) -> list[str]:
        """Register the Command classes a module defines; returns their names."""
        names = []
        for value in vars(module).values():
            if (
                inspect.isclass(value)
                and issubclass(value, Command)
                and value.__module__ == module.__name__
                and not inspect.isabstract(value)
            ):
                self.add(value())
                names.append(value.name)
        return names

    def load_file(self, path: Path) -> list[str]:
        """Load a plugin file. Raises PluginError naming what went wrong."""
        spec = importlib.util.spec_from_file_location(f"pycrash_plugin_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise PluginError(f"{path}: not a Python file")
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise PluginError(f"{path}: {type(error).__name__}: {error}") from error
        return self.load_module(module)

    def load_plugins(self, folder: Path) -> Iterator[PluginError]:
        """Load entry points, then the files of a folder; yields what failed."""
        for point in entry_points(group=BUILT_IN):
            try:
                self.load_module(point.load())
            except Exception as error:
                yield PluginError(f"{point.value}: {type(error).__name__}: {error}")
        for path in sorted(folder.glob("*.py")) if folder.is_dir() else ():
            try:
                self.load_file(path)
            except PluginError as error:
                yield error

    def _load(self, module: str) -> None:
        if module not in self._loaded:
            self._loaded.add(module)
            self.load_module(importlib.import_module(module))

    def _load_all(self) -> None:
        package = importlib.import_module(BUILT_IN)
        for info in pkgutil.iter_modules(package.__path__):
            self._load(f"{BUILT_IN}.{info.name}")
