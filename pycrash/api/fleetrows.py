"""What `pycrash fleet` finds, as its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pycrash.api.fields import Bytes, Date
from pycrash.api.rows import Row


@dataclass(frozen=True)
class FleetRow(Row, kind="fleet"):
    """A fleet of dumps: how many there are, how many were read on each rung of the ladder and how
    many on none, and how many were not read now since they were known; how many crashes it is."""

    dumps: int
    plain: int
    zero_excluded: int
    minimal: int
    unread: int
    kept: int
    crashes: int


@dataclass(frozen=True)
class FleetCrashRow(Row, kind="fleet.crash"):
    """A crash that some dumps have in common, by its number, the most frequent first.

    `name` and `title` are the class, `symbol` and `module` the culprit, `stack` the functions
    from there on as most of the dumps have them, `message` the line of the log that decides.
    `nodenames` and `releases` count the dumps of each machine and kernel, "" where one does not
    say; `first` and `last` are when it was seen.
    """

    number: int
    dumps: int
    name: str
    title: str
    symbol: str | None
    module: str | None
    stack: tuple[str, ...]
    message: str | None
    nodenames: dict[str, int]
    releases: dict[str, int]
    first: Date | None
    last: Date | None


@dataclass(frozen=True)
class FailedRung:
    """A way of reading that failed, of what cause, and why."""

    rung: str
    cause: str
    why: str


@dataclass(frozen=True)
class FleetDumpRow(Row, kind="fleet.dump"):
    """A dump, known by its content; copies and split dumps have several paths.

    `crash` is the number of its crash, None where it could not be read; `read` the way on which
    it was, `failed` the ways before that were not; `kept` tells that it was read at an earlier
    time. `time` and `memory` are what reading it took, in seconds and at most.
    """

    key: str
    paths: tuple[str, ...]
    crash: int | None
    read: Literal["plain", "zero_excluded", "minimal"] | None
    failed: tuple[FailedRung, ...]
    nodename: str | None
    release: str | None
    crashed: Date | None
    name: str | None
    symbol: str | None
    module: str | None
    stack: tuple[str, ...]
    vmlinux: str | None
    kept: bool
    time: float
    memory: Bytes | None


@dataclass(frozen=True)
class FleetSkippedRow(Row, kind="fleet.skipped"):
    """A file or folder that was left out, and why."""

    path: str
    why: str


ROWS = (FleetRow, FleetCrashRow, FleetDumpRow, FleetSkippedRow)
