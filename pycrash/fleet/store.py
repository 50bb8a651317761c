"""The readings of a fleet in a SQLite file, by content: where a file lies and what it is called
does not matter, nor when it was written."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pycrash.errors import CrashError
from pycrash.fleet.facts import Reading, packed, unpacked_reading

#: Seconds that another process is waited for.
_PATIENCE = 30
#: The form of the table; a file of another form is not touched.
_FORM = 1
_TABLE = """
create table if not exists readings (
    dump text, vmlinux text, version text, made real, reading text,
    primary key (dump, vmlinux, version)
) without rowid
"""


class Store:
    """Readings under the key of the dump, that of the vmlinux (empty where none was used), and
    the version of pycrash that read it. All methods raise CrashError where the file fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._failing():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(path, _PATIENCE, isolation_level=None)
            (form,) = self._base.execute("pragma user_version").fetchone()
            if form not in (0, _FORM):
                raise CrashError(f"{path}: written by another release of pycrash")
            self._base.execute(_TABLE)
            self._base.execute(f"pragma user_version = {_FORM}")

    def readings(self, dump: str, version: str) -> list[Reading]:
        """What is kept of a dump, the newest first; what makes no sense is left out."""
        with self._failing():
            rows = self._base.execute(
                "select reading from readings where dump = ? and version = ? order by made desc",
                (dump, version),
            ).fetchall()
        found = []
        for (text,) in rows:
            try:
                found.append(unpacked_reading(text))
            except (ValueError, TypeError, LookupError):
                continue
        return found

    def keep(self, dump: str, version: str, reading: Reading) -> None:
        """Keep a reading, at once and for good."""
        row = (dump, reading.facts.vmlinux_key, version, time.time(), packed(reading))
        with self._failing():
            self._base.execute("insert or replace into readings values (?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise CrashError(f"{self.path}: {error}") from error
