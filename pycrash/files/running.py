"""The memory of the running kernel, and whether this user may read it."""

from __future__ import annotations

import os
from pathlib import Path

from pycrash.errors import CrashError

#: Where Linux shows it, as an ELF core whose content changes while it is read.
RUNNING = Path("/proc/kcore")


def is_running(path: Path) -> bool:
    """Whether a file is the running kernel's memory."""
    try:
        return os.path.samefile(path, RUNNING)
    except (OSError, ValueError):
        return path == RUNNING


def require_running() -> Path:
    """Where the running kernel is read. Raises CrashError where it cannot be, in one line."""
    try:
        with open(RUNNING, "rb"):
            pass
    except PermissionError as error:
        raise CrashError(f"{RUNNING}: {error.strerror}: it takes root's rights") from error
    except OSError as error:
        raise CrashError(f"{RUNNING}: {error.strerror}") from error
    return RUNNING
