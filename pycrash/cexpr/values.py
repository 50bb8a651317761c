"""The text of a C value, exactly as gdb 16 prints it under crash's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import drgn

    from pycrash.kernel import Kernel


@dataclass(frozen=True)
class ValueOptions:
    """How values are printed; the defaults are those crash starts gdb with.

    `radix` is gdb's output radix (10 or 16); `format` one of gdb's print formats
    ("x", "d", "u", "o", "t", "z", "c", "a", "f", "s", or "" for none), which overrides it;
    `print_max` the number of array elements or characters shown (0: all);
    `repeats` how many equal elements become `<repeats N times>` (0: never);
    `array` lays arrays out one element a line; `symbol` puts `<name+offset>` behind
    pointers; `null_stop` ends character arrays at the first NUL.
    """

    radix: int = 10
    format: str = ""
    print_max: int = 256
    repeats: int = 0
    pretty: bool = True
    array: bool = False
    array_indexes: bool = False
    symbol: bool = True
    address: bool = True
    union: bool = True
    null_stop: bool = False


def format_value(kernel: Kernel, value: drgn.Object, options: ValueOptions | None = None) -> str:
    """The text gdb's `output` prints for a value; lines are joined by newlines.

    Raises ReadError where the value's own memory cannot be read; what it points to is
    printed as gdb's `<error: Cannot access memory at address 0x...>`.
    """
    raise NotImplementedError
