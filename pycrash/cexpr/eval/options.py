"""How values are printed now: crash's settings, and those of gdb that crash has no name for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycrash.cexpr.eval.state import state_of
from pycrash.cexpr.printing.values import ValueOptions

if TYPE_CHECKING:
    from pycrash.api import Settings
    from pycrash.kernel.kernel import Kernel


def value_options(kernel: Kernel, settings: Settings, radix: int = 0) -> ValueOptions:
    """The options of the printer. A `radix` of 10 or 16 takes the place of the set one."""
    own = state_of(kernel).settings
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


def prepare(kernel: Kernel, settings: Settings, task: int) -> None:
    """Let expressions know the current task, whose registers they have, and the scope."""
    state = state_of(kernel)
    state.task, state.scope = task, settings.scope
