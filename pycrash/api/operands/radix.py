"""The radix a command's -x and -d ask for."""

from __future__ import annotations

from pycrash.api.args import Args
from pycrash.errors import CrashError


def asked_radix(args: Args, hexadecimal: str = "x") -> int:
    """16 for one of the `hexadecimal` letters, 10 for -d, 0 for neither.

    Raises CrashError for both.
    """
    asked = {
        10 if letter == "d" else 16 for letter, _ in args.given if letter in (*hexadecimal, "d")
    }
    if len(asked) > 1:
        raise CrashError("-d and -x are mutually exclusive")
    return asked.pop() if asked else 0
