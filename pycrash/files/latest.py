"""Finds the newest dump below a folder, as kdump of the distributions leaves them there."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from pycrash.errors import CrashError
from pycrash.files.kinds import file_kind
from pycrash.files.running import is_running

#: Where kdump leaves dumps: HOST-DATE/vmcore on Fedora, RHEL and SUSE, DATE/dump.DATE on Debian.
CRASH_FOLDER = Path("/var/crash")
#: How many folders deep is looked, and at how many names at most.
_DEPTH, _NAMES = 3, 20_000


@dataclass(frozen=True)
class NewestDump:
    """The newest dump, and when it was written."""

    path: Path
    written: datetime

    def __str__(self) -> str:
        broken = ", which kdump did not finish" if self.path.name.endswith("-incomplete") else ""
        return f"{self.path}, written {self.written:%Y-%m-%d %H:%M:%S}{broken}"


@dataclass
class _Walk:
    """The files below a folder, each with the time it was written. Links to folders are not
    followed, so that there is an end."""

    left: int = _NAMES
    files: list[tuple[float, str]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def enter(self, folder: str, depth: int = _DEPTH) -> None:
        """Look at a folder and at those in it. Raises OSError where it cannot be read itself."""
        with os.scandir(folder) as entries:
            found = list(islice(entries, self.left))
        self.left -= len(found)
        for entry in found:
            try:
                if entry.is_dir(follow_symlinks=False):
                    if depth:
                        self.enter(entry.path, depth - 1)
                elif entry.is_file():
                    self.files.append((entry.stat().st_mtime, entry.path))
            except OSError as error:
                self.closed.append(f"{entry.path}: {error.strerror}")


def newest_dump(folder: Path = CRASH_FOLDER) -> NewestDump:
    """The newest dump below a folder. Raises CrashError, telling what was looked at."""
    walk = _Walk()
    try:
        walk.enter(str(folder))
    except OSError as error:
        raise CrashError(f"{folder}: {error.strerror}") from error
    for written, path in sorted(walk.files, reverse=True):
        with contextlib.suppress(CrashError, OSError):
            if not is_running(Path(path)) and file_kind(Path(path)) == "dump":
                return NewestDump(Path(path), datetime.fromtimestamp(written))
    looked = f"{folder}: no dump among its {len(walk.files)} files (looked {_DEPTH} folders deep)"
    raise CrashError("\n    ".join((looked, *walk.closed)))
