"""The dumps below some folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pycrash.errors import CrashError
from pycrash.files.compressed import first_bytes
from pycrash.files.kinds import ForeignDump, file_kind, is_part
from pycrash.files.running import is_running
from pycrash.files.sadump import set_of

#: No walk goes deeper, or looks at more names.
DEEPEST, MOST = 32, 1_000_000
#: The first block of a kdump file, which all parts of a split dump have in common.
_HEAD = 4096

#: A dump: its file, or the parts it is split into.
Files = tuple[Path, ...]


@dataclass
class Found:
    """The dumps, and what was left out although it was asked for or looks like one, with why."""

    dumps: list[Files] = field(default_factory=list)
    skipped: list[tuple[Path, str]] = field(default_factory=list)


def find_dumps(places: Iterable[Path]) -> Found:
    """The dumps at some places and below them, each file once, by their first bytes.

    Links are followed, and no folder is entered twice. Hidden folders are left out. Parts of a
    split dump in one folder are one dump. Raises CrashError where a place is not there.
    """
    walk = _Walk()
    for place in places:
        if not place.exists():
            raise CrashError(f"{place}: No such file or directory")
        walk.visit(place, 0, given=True)
    walk.found.dumps += map(tuple, walk.parts.values())
    walk.found.dumps.sort()
    return walk.found


class _Walk:
    def __init__(self) -> None:
        self.found = Found()
        self.parts: dict[tuple[Path, bytes], list[Path]] = {}
        self._seen: set[tuple[int, int]] = set()
        self._names = 0

    def visit(self, path: Path, depth: int, given: bool = False) -> None:
        try:
            status = os.stat(path)
        except OSError:
            return  # a link that leads nowhere
        if (status.st_dev, status.st_ino) in self._seen:
            return
        self._seen.add((status.st_dev, status.st_ino))
        if stat.S_ISREG(status.st_mode):
            self._take(path, given)
        elif stat.S_ISDIR(status.st_mode):
            self._enter(path, depth)

    def _enter(self, folder: Path, depth: int) -> None:
        if depth > DEEPEST:
            self.found.skipped.append((folder, f"more than {DEEPEST} folders deep"))
            return
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            self.found.skipped.append((folder, error.strerror or str(error)))
            return
        for name in names:
            self._names += 1
            if self._names > MOST:
                raise CrashError(f"{folder}: more than {MOST} names")
            if not (name.startswith(".") and os.path.isdir(folder / name)):
                self.visit(folder / name, depth + 1)

    def _take(self, path: Path, given: bool) -> None:
        if is_running(path):
            self.found.skipped.append((path, "the running kernel, not a dump"))
            return
        try:
            if file_kind(path) == "dump":
                if is_part(path):
                    head = first_bytes(path, _HEAD)
                    same = (path.parent, set_of(head) or head)
                    self.parts.setdefault(same, []).append(path)
                else:
                    self.found.dumps.append((path,))
            elif given:
                self.found.skipped.append((path, "a vmlinux, not a dump"))
        except ForeignDump as error:
            self._skip(path, error)
        except (CrashError, OSError) as error:
            # Below a folder there is much that is no dump.
            if given or not os.access(path, os.R_OK):
                self._skip(path, error)

    def _skip(self, path: Path, error: Exception) -> None:
        self.found.skipped.append((path, str(error).removeprefix(f"{path}: ")))
