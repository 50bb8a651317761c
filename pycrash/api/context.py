"""What a command is given: the kernel, the settings, the current task, the shell's services."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pycrash.api.rows import Notice, Row
from pycrash.kernel.core.architecture import RegisterSet
from pycrash.settings import Settings

if TYPE_CHECKING:
    from pycrash.api.registry import Registry
    from pycrash.kernel.kernel import Kernel


class ShellPort(Protocol):
    """What a command may ask of the shell around it."""

    def execute(self, line: str) -> bool:
        """Run one line as if typed, its output where the caller's goes; whether it went well."""

    def leave(self) -> None:
        """End the session."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Show somebody who waits at a terminal how far something long is; call it often."""

    def picture(self, graph: str) -> str | None:
        """A graph in Graphviz's language as SVG; None where no program is there to draw it."""

    def python(self, source: str) -> str:
        """Run a line of Python; gives what it prints. Without one its prompt is given.

        Raises CrashError.
        """

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
    """Everything a command's `run` may use.

    `task` is the task_struct address the command works on: the current context (at first the
    task that crashed), or the task foreach is at.
    """

    kernel: Kernel
    settings: Settings
    registry: Registry
    shell: ShellPort
    foreach_task: int | None = None
    #: Under foreach, what a command remembers from task to task: addresses it has shown.
    seen: set[int] = field(default_factory=set)

    @property
    def task(self) -> int:
        if self.foreach_task is not None:
            return self.foreach_task
        return self.settings.task or self.kernel.panic.first_task

    def at(self, task: int) -> Context:
        """This context for the tasks of a foreach, at one of them."""
        there = copy(self)
        there.foreach_task, there.seen = task, set()
        return there

    @property
    def view(self) -> View:
        """What turning rows into text may use."""
        kernel = self.kernel
        arch = kernel.arch
        return View(
            self.settings, kernel.word_size, kernel.byte_order, arch.registers, arch.user_digits
        )


def _unsaid(notice: Notice) -> None:
    """There is nobody to hear it."""


@dataclass(frozen=True)
class View:
    """Everything a command's `text` may use: how things are shown, and no memory.

    `word_size` is the bytes of an unsigned long, `byte_order` struct's code of the kernel's,
    `registers` the machine's, `user_digits` the width of user addresses. `say` prints a message
    at once, for what turns out only while it is being shown.
    Under foreach `each` is true, and `first` at the first task.
    """

    settings: Settings
    word_size: int = 8
    byte_order: str = "<"
    registers: RegisterSet = field(default_factory=RegisterSet)
    user_digits: int = 10
    say: Callable[[Notice], None] = _unsaid
    each: bool = False
    first: bool = True

    @property
    def radix(self) -> int:
        """10 or 16, as `set radix` says."""
        return self.settings.radix

    @property
    def pointer_width(self) -> int:
        """The digits of a pointer."""
        return 2 * self.word_size
