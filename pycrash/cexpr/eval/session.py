"""The surroundings of an expression: the dump, the user's settings and the current task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pycrash.cexpr.eval.state import ExprState
from pycrash.cexpr.printing.values import ValueOptions

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel
    from pycrash.settings import Settings


class Surroundings(Protocol):
    """What a line is typed in; a command's Context is one."""

    @property
    def kernel(self) -> Kernel: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def task(self) -> int:
        """The address of the current task's task_struct."""


@dataclass(frozen=True)
class Session:
    """What a line's expressions mean, and how their values are printed.

    Names are looked for first in the scope that `settings` has.
    """

    line: Surroundings

    @property
    def kernel(self) -> Kernel:
        return self.line.kernel

    @property
    def settings(self) -> Settings:
        return self.line.settings

    @property
    def task(self) -> int:
        """The task whose registers `$rip` and its like are; who crashed is found out for it."""
        return self.line.task

    @property
    def state(self) -> ExprState:
        """What earlier lines left behind."""
        return self.kernel.part(ExprState)

    def options(self, radix: int = 0) -> ValueOptions:
        """How values are printed now: by crash's settings, and those that only gdb has a name for.

        A `radix` of 10 or 16 takes the place of the set one.
        """
        settings, own = self.settings, self.state.settings
        return ValueOptions(
            radix=radix or settings.radix,
            print_max=settings.print_max,
            array=settings.print_array,
            null_stop=settings.null_stop,
            array_indexes=bool(own.get("array-indexes", 0)),
            symbol=bool(own.get("symbol", 1)),
            address=bool(own.get("address", 1)),
            union=bool(own.get("union", 1)),
        )
