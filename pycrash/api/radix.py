"""The radix a command's -x and -d ask for."""

from __future__ import annotations

from pycrash.api.args import Args
from pycrash.errors import CrashError


def asked_radix(args: Args) -> int:
    """16 for -x, 10 for -d, 0 for neither. Raises CrashError for both."""
    if "x" in args and "d" in args:
        raise CrashError("-d and -x are mutually exclusive")
    return 16 if "x" in args else 10 if "d" in args else 0
