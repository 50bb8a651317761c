"""The last word against writing and running: the interpreter itself refuses both.

What is served does neither; this holds for whatever was overlooked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

_RUNS = frozenset(
    (
        *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"),
        *("os.forkpty", "pty.spawn", "os.startfile"),
    )
)
_CHANGES = frozenset(
    (
        *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink"),
        *("os.truncate", "os.chmod", "os.chown", "shutil.rmtree", "shutil.move"),
    )
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def hold(allowed: str) -> None:
    """From now on this process runs no program and writes no file, but below a folder.

    That is for what pycrash keeps of a vmlinux from session to session. It cannot be undone.
    """
    sys.addaudithook(_hook(os.path.realpath(allowed)))


def _hook(allowed: str) -> Callable[[str, tuple[Any, ...]], None]:
    def inside(path: object) -> bool:
        if not isinstance(path, (str, bytes)):
            return True  # a file that is open already, or no path
        real = os.path.realpath(os.fsdecode(path))
        return real == allowed or real.startswith(allowed + os.sep)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in _RUNS:
            raise PermissionError(f"not served: {event}")
        if event == "open":
            path, mode, flags = args
            writes = flags & _WRITES if isinstance(flags, int) else "r" not in (mode or "r")
            if writes and path != os.devnull and not inside(path):
                raise PermissionError(f"not served: writing {path}")
        elif event in _CHANGES and not all(map(inside, args[:2])):
            raise PermissionError(f"not served: {event}")

    return hook
