"""What expressions remember from line to line: the value history and convenience variables."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING

import drgn

from pycrash.cexpr.syntax.errors import ExprError
from pycrash.kernel.core.reader import Lasting

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


@dataclass
class ExprState(Lasting):
    """What the lines so far left behind, one a dump.

    `history` holds what was printed as `$1`, `$2`, ...; `variables` what was set as `$name`.

    gdb's print settings that crash has no name for are in `settings` (`symbol`, `union`, ...).
    `last_format` and `last_size` are the letters a `/FMT` without them means; `next_address`
    is where an `x` without an address goes on. `listed_file` is the file that `list` shows, by
    its path and as gdb names it, `listed_line` where it goes on, `missing_file` one that was
    not there. `types_read` tells that all types were gone through, and with them all files.
    """

    kernel: InitVar[Kernel]
    history: list[drgn.Object] = field(default_factory=list)
    variables: dict[str, drgn.Object] = field(default_factory=dict)
    settings: dict[str, int] = field(default_factory=dict)
    last_format: str = "x"
    last_size: str = "w"
    last_count: int = 1
    next_address: int = 0
    listed_file: tuple[str, str] = ("", "")
    listed_line: int = 0
    missing_file: str = ""
    types_read: bool = False

    def record(self, value: drgn.Object) -> int:
        """Add a value to the history; returns its number."""
        self.history.append(value)
        return len(self.history)

    def recall(self, number: int) -> drgn.Object:
        """A value by its number, or counted back from the last one if not positive.

        Raises ExprError where so much was not printed yet: at first even for the last one.
        """
        absolute = number if number > 0 else len(self.history) + number
        if not self.history or absolute < 0 or absolute > len(self.history):
            raise ExprError(f"History has not yet reached ${number}.")
        return self.history[max(absolute - 1, 0)]
