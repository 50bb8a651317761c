"""Finds commands by name, importing a command's file only when it is first needed."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import RLock

from pycrash.api.command import Command
from pycrash.api.plugins import (
    PluginError,
    blamed,
    commands_of,
    in_one_line,
    load_module,
    why_not,
)

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
        #: A prompt asks for commands while another thread runs some.
        self._loading = RLock()
        self._problems: list[str] = []
        #: The names that plugins have as modules.
        self._modules: set[str] = set()
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
        with self._loading:
            if not self._load_named(name):
                self._load_plugins()
        return self._commands.get(name)

    def names(self) -> list[str]:
        """Every command's name and aliases, sorted."""
        with self._loading:
            self._load_built_in()
            self._load_plugins()
        return sorted(self._commands)

    def words(self) -> set[str]:
        """Every command's name that is known without importing it, and those imported."""
        package = importlib.import_module(BUILT_IN)
        files = {info.name for info in pkgutil.iter_modules(package.__path__)}
        return files | set(_FILES) | set(self._commands)

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

    def load_file(self, path: str, private: bool = False) -> list[str]:
        """Load a plugin file's commands; their names. Raises PluginError, then there are none.

        What others could have written is not run; `private` as `why_not` has it.
        """
        try:
            distrust = why_not(Path(path), private)
        except OSError as error:
            raise PluginError(f"{path}: {error.strerror}") from error
        if distrust:
            raise PluginError(f"{path}: not loaded: {distrust}")
        module = load_module(path)
        try:
            names = self._add_all(module)
        except (Exception, SystemExit) as error:
            del sys.modules[module.__name__]
            raise PluginError(f"{path}: {in_one_line(error)}") from error
        self.loaded_files[path] = names
        return names

    def unload_file(self, path: str) -> bool:
        """Take away the commands of a plugin file; whether it was loaded under that name."""
        names = self.loaded_files.pop(path, None)
        if names is None:
            return False
        module = type(self._commands[names[0]]).__module__
        self._modules.discard(module)
        sys.modules.pop(module, None)
        self._remove(names)
        return True

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            self._commands.pop(name, None)

    def _add_all(self, found: object) -> list[str]:
        """Register the commands of a plugin, all or none; their names.

        Raises PluginError, and what making a command raises.
        """
        added: list[str] = []
        try:
            commands = commands_of(found)
            if not commands:
                raise PluginError("no commands registered")
            for command in commands:
                self.add(command)
                added += [command.name, *command.aliases]
        except BaseException:
            self._remove(added)
            raise
        self._modules |= {type(command).__module__ for command in commands}
        return added

    def blame(self, error: BaseException, command: Command | None) -> str:
        """The plugin an exception is of and what it is, in one line; empty where it is of none.

        `command` is the one that ran.
        """
        place = blamed(error, self._modules)
        if not place and command is not None and type(command).__module__ in self._modules:
            place = inspect.getfile(type(command))
        return f"{place}: {in_one_line(error)}" if place else ""

    def raised_by_plugin(self, error: BaseException) -> bool:
        """Whether it was a plugin's own code that raised an exception, or what it called."""
        return bool(blamed(error, self._modules, innermost=True))

    def _load_plugins(self) -> None:
        """Load entry points, then the user's own files; what fails is kept as a problem."""
        if self._with_plugins:
            return
        self._with_plugins = True
        from importlib.metadata import entry_points

        for point in entry_points(group=BUILT_IN):
            try:
                self._add_all(point.load())
            except (Exception, SystemExit) as error:
                self._problems.append(f"{point.value}: {in_one_line(error)}")
        folder = self._plugins
        files = sorted(folder.glob("*.py")) if folder is not None else []
        distrust = why_not(files[0].parent, private=True) if files else ""
        if distrust:
            self._problems.append(f"{folder}: not loaded: {distrust}")
            return
        for path in files:
            try:
                self.load_file(str(path), private=True)
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
            commands = commands_of(importlib.import_module(module))
        except Exception as error:
            self._problems.append(f"{module}: {type(error).__name__}: {error}")
            return
        for command in commands:
            self._commands.update(dict.fromkeys((command.name, *command.aliases), command))

    def _load_built_in(self) -> None:
        package = importlib.import_module(BUILT_IN)
        for info in pkgutil.iter_modules(package.__path__):
            self._load(f"{BUILT_IN}.{info.name}")
