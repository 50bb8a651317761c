"""What a command is given: the kernel, the settings, the current task, the shell's services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pycrash.api.rows import Row

if TYPE_CHECKING:
    from pycrash.api.registry import Registry
    from pycrash.kernel.kernel import Kernel


@dataclass
class Settings:
    """What `set` changes. Names are those of `set -v`."""

    radix: int = 10
    #: What pages a terminal's output: "off", "less", "more" or "CRASHPAGER".
    scroll: str = "off"
    #: What `set scroll on` turns on again; "none" where there is no terminal.
    scroller: str = "none"
    refresh: bool = True
    print_max: int = 256
    print_array: bool = False
    console: str = "(not assigned)"
    debug: int = 0
    core: bool = False
    hash: bool = True
    silent: bool = False
    edit: str = "vi"
    namelist: str = ""
    dumpfile: str = ""
    unwind: bool = False
    zero_excluded: bool = False
    null_stop: bool = False
    gdb: bool = False
    scope: int = 0
    offline: str = "show"
    #: Whether bt takes every text address for a call unless told otherwise (bt -O).
    old_backtrace: bool = False
    redzone: bool = True
    error: str = "default"
    #: Whether .crashrc is being run; some settings can be changed only there.
    starting: bool = False
    #: Address of the task_struct that `set` chose; 0 until it did.
    task: int = 0


class ShellPort(Protocol):
    """What a command may ask of the shell around it."""

    def execute(self, line: str) -> bool:
        """Run one line as if typed, its output where the caller's goes; whether it went well."""

    def leave(self) -> None:
        """End the session."""

    @property
    def minimal(self) -> bool:
        """Whether the session runs with --minimal."""

    def rows(self, name: str, ctx: Context, words: Sequence[str]) -> Iterator[Row]:
        """The rows of another command under the given context."""

    @property
    def line(self) -> str:
        """The line being run with its aliases replaced, without its pipe or redirection."""

    @property
    def aliases(self) -> dict[str, tuple[str, str]]:
        """Alias name to (text, origin), origin as `alias` prints it."""

    @property
    def history(self) -> Sequence[str]:
        """The lines typed so far."""


@dataclass
class Context:
    """Everything a command's `run` and `text` may use.

    `task` is the task_struct address the command works on: the current context (at first the
    task that crashed), or the task foreach is at (`in_foreach` is then true; foreach has
    introduced the task then, and a command does it only with a reference to look for).
    """

    kernel: Kernel
    settings: Settings
    registry: Registry
    shell: ShellPort
    in_foreach: bool = False
    foreach_task: int | None = None
    #: Under foreach, the tasks whose thread groups were shown at an earlier one.
    foreach_seen: set[int] = field(default_factory=set)

    @property
    def task(self) -> int:
        if self.foreach_task is not None:
            return self.foreach_task
        return self.settings.task or self.kernel.panic.first_task

    def at(self, task: int) -> Context:
        """This context for one task of a foreach."""
        there = copy(self)
        there.in_foreach, there.foreach_task = True, task
        return there
