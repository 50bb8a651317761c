"""What triage finds, as its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pycrash.api.fields import Address, Bytes, Nanoseconds, Pages, Seconds
from pycrash.api.rows import Row, TaskRow


@dataclass(frozen=True)
class MachineRow(Row, kind="triage.machine"):
    """What the machine was; what cannot be read is None. `taint` are the letters of its kernel."""

    nodename: str | None
    release: str | None
    machine: str | None
    cpus: int | None
    memory: Bytes | None
    uptime: Seconds | None
    load_average: tuple[float, float, float] | None
    taint: str | None
    tasks: int | None


@dataclass(frozen=True)
class VerdictRow(Row, kind="triage.verdict"):
    """The class of crash, by a short name and in words. It is `certain` where a proof holds by
    itself; `in_interrupt` tells that it happened in an interrupt."""

    name: str
    title: str
    meaning: str
    certain: bool
    in_interrupt: bool


@dataclass(frozen=True)
class ProofRow(Row, kind="triage.proof"):
    """What speaks for the class, the line that shows it, and whether it holds by itself."""

    claim: str
    command: str
    certain: bool


@dataclass(frozen=True)
class CulpritRow(TaskRow, kind="triage.culprit"):
    """The first function on the task's stack that is not machinery of locks, checks and panics.

    `module` is None for the kernel proper, `source` "FILE: LINE" or empty.
    """

    symbol: str
    offset: Bytes
    address: Address
    module: str | None
    module_taint: str | None
    source: str


@dataclass(frozen=True)
class MessageRow(Row, kind="triage.message"):
    """A message of the log: the first error, the one that decides, the last one that ends it.
    `time` is None in a log without times."""

    role: Literal["first", "decides", "last"]
    time: Nanoseconds | None
    message: str


@dataclass(frozen=True)
class CpuRow(TaskRow, kind="triage.cpu"):
    """What a CPU ran, and the function it was busy in, None where that is not known."""

    online: bool
    function: str | None


@dataclass(frozen=True)
class StatesRow(Row, kind="triage.states"):
    """How many tasks there are in each state, by the letters that ps shows."""

    states: dict[str, int]


@dataclass(frozen=True)
class WaitingRow(TaskRow, kind="triage.waiting"):
    """A task that no signal wakes, how long it waited, in which function and for what; the pid of
    who holds that, None where it is not known, `proved` where it is certain. Those that waited
    longest come first; `total` counts all of them."""

    seconds: float | None
    function: str
    waits_for: str
    owner_pid: int | None
    proved: bool
    total: int


@dataclass(frozen=True)
class DeadlockRow(Row, kind="triage.deadlock"):
    """Tasks that wait for each other in a ring."""

    pids: tuple[int, ...]
    proved: bool


@dataclass(frozen=True)
class MemoryRow(Row, kind="triage.memory"):
    """What a part of memory was used for; `total` is all that the kernel hands out."""

    use: str
    pages: Pages
    size: Bytes


@dataclass(frozen=True)
class HolderRow(TaskRow, kind="triage.holder"):
    """One of the processes with most memory of their own."""

    rss: Pages
    size: Bytes


@dataclass(frozen=True)
class NextRow(Row, kind="triage.next"):
    """A line to type next."""

    line: str


ROWS = (
    MachineRow,
    VerdictRow,
    ProofRow,
    CulpritRow,
    MessageRow,
    CpuRow,
    StatesRow,
    WaitingRow,
    DeadlockRow,
    MemoryRow,
    HolderRow,
    NextRow,
)
