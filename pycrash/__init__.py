"""pycrash: a shell over the memory image of a dead Linux kernel.

    from pycrash import open_dump

    dump = open_dump("vmlinux", "vmcore")
    for task in dump.rows("ps -u"):
        print(task.pid, task.comm)

docs/python.md tells more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycrash.errors import CrashError
from pycrash.version import CRASH_VERSION, VERSION

if TYPE_CHECKING:
    from pycrash.dump import Dump, open_dump

__all__ = ["CRASH_VERSION", "CrashError", "Dump", "__version__", "open_dump"]

__version__ = VERSION


def __getattr__(name: str) -> Any:
    # The program asks for its version alone: what Python code opens dumps with waits for that.
    if name in ("Dump", "open_dump"):
        from pycrash import dump

        return getattr(dump, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
