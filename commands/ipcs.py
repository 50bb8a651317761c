"""ipcs: System V semaphores, shared memory and messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from pycrash.api import (
    HEX,
    OFFSET,
    TASK,
    Address,
    Args,
    Begin,
    Bytes,
    Command,
    Context,
    CrashError,
    Flag,
    Pages,
    Row,
    View,
    find_task,
    many,
    number,
)
from pycrash.kernel.ipc.objects import (
    IpcObjects,
    MessageQueue,
    Segment,
    SemaphoreSet,
)

Facility = Literal["shm", "sem", "msg"]

# What each option asks for, in the order in which they are shown.
_OPTIONS: dict[Facility, str] = {"shm": "mM", "sem": "s", "msg": "q"}
# Bits of a segment's mode.
_SHM_DEST = 0o1000
_SHM_LOCKED = 0o2000


@dataclass(frozen=True)
class _Section(Begin):
    """The objects of a kind follow."""

    facility: Facility


@dataclass(frozen=True)
class _Unused(_Section):
    """There are no objects of this kind."""


@dataclass(frozen=True)
class IpcRow(Row):
    """What the three kinds have in common. `mode` has the permissions in its nine lowest bits."""

    address: Address
    key: int
    id: int
    uid: int
    gid: int
    mode: int


@dataclass(frozen=True)
class SegmentRow(IpcRow, kind="ipcs.shm"):
    """Shared memory, and where its pages are; `removed` tells that it goes with the last process
    that has it attached."""

    size: Bytes
    attached: int
    removed: bool
    locked: bool
    inode: Address
    allocated: Pages
    resident: Pages
    swapped: Pages


@dataclass(frozen=True)
class SemaphoresRow(IpcRow, kind="ipcs.sem"):
    """A set of semaphores."""

    semaphores: int


@dataclass(frozen=True)
class QueueRow(IpcRow, kind="ipcs.msg"):
    """A message queue, and what waits in it."""

    size: Bytes
    messages: int


@dataclass(frozen=True)
class NotFound(Row, kind="ipcs.invalid"):
    """A number that is the id or the address of nothing."""

    operand: str


#: The objects of a kind, None where there are none.
_Rows = Iterator[IpcRow] | None
_Found = TypeVar("_Found", Segment, SemaphoreSet, MessageQueue)


class Ipcs(Command):
    name = "ipcs"
    summary = "System V semaphores, shared memory and messages"
    synopsis = "[-smMq] [-n pid|task] [id | addr]"
    description = (
        "Shows the objects of System V inter-process communication: shared memory, sets of "
        "semaphores, message queues. Without -s, -m, -M and -q, all three.\n\n"
        "A number, decimal where it can be, is the id or the address of an object (a "
        "shmid_kernel, sem_array or msg_queue), and shows this one of each kind."
    )
    flags = (
        Flag("s", "Sets of semaphores."),
        Flag("m", "Shared memory."),
        Flag("M", "Shared memory, with its inode and where its pages are."),
        Flag("q", "Message queues."),
        Flag(
            "n",
            "The objects in the IPC namespace of this task, in place of the first one.",
            value=TASK.named("pid|task"),
        ),
    )
    checked = "n"
    operands = (many(OFFSET.named("id"), HEX.named("addr")),)
    rows = (SegmentRow, SemaphoresRow, QueueRow, NotFound)
    related = ("ps", "vm", "files")
    examples = (
        ("All objects", "ipcs"),
        ("Shared memory, and how much of it is in memory", "ipcs -M"),
        ("The objects with id 0", "ipcs 0"),
        ("The semaphores that pid 1 can use", "ipcs -s -n 1"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        task = _task(ctx, args)
        wanted = [(operand, number(operand)) for operand in args.operands]
        kinds = [kind for kind, letters in _OPTIONS.items() if any(x in args for x in letters)]
        search = _Search(ctx, task)
        if not wanted:
            for kind in kinds or _OPTIONS:
                yield from search.every(kind)
            return
        found: list[Row] = []
        for operand, value in wanted:
            matches = [row for kind in kinds or _OPTIONS for row in search.named(kind, value)]
            if not matches:
                yield NotFound(operand)
            found += matches
        yield from found

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        width = max(view.pointer_width, 10)
        listed = False
        for row in rows:
            if isinstance(row, _Unused):
                if not listed:
                    yield _heading(row.facility, width)
                yield "(none allocated)"
                listed = True
            elif isinstance(row, _Section):
                if listed:
                    yield ""
                listed = not (row.facility == "shm" and "M" in args)
                if listed:
                    yield _heading(row.facility, width)
            elif isinstance(row, NotFound):
                yield from (f"invalid id or address: {row.operand}", "")
            elif isinstance(row, IpcRow) and listed:
                yield _line(row, width)
            elif isinstance(row, IpcRow):
                yield from _block(row, width, "M" in args)
        if listed:
            yield ""


class _Search:
    """The objects in the namespace of one task."""

    def __init__(self, ctx: Context, task: int) -> None:
        self._objects = ctx.kernel.part(IpcObjects)
        self._page = ctx.kernel.page_size
        self._task = task

    def every(self, kind: Facility) -> Iterator[Row]:
        """All objects of a kind, with a marker in front."""
        yield _Section(kind)
        rows = self._rows(kind)
        if rows is None:
            yield _Unused(kind)
        else:
            yield from rows

    def named(self, kind: Facility, value: int) -> Iterator[Row]:
        """The first object of a kind with this id or address."""
        for row in self._rows(kind) or ():
            if value in (row.id, row.address):
                yield row
                return

    def _rows(self, kind: Facility) -> _Rows:
        objects, namespace = self._objects, self._objects.namespace(self._task)
        if kind == "shm":
            return _each(self._segment, objects.segments(namespace))
        if kind == "sem":
            return _each(_semaphores, objects.semaphores(namespace))
        return _each(_queue, objects.queues(namespace))

    def _segment(self, segment: Segment) -> SegmentRow:
        backing = self._objects.backing(segment)
        pages = -(-segment.size // self._page)
        return SegmentRow(
            *_common(segment),
            segment.size,
            segment.attached,
            bool(segment.permissions.mode & _SHM_DEST),
            bool(segment.permissions.mode & _SHM_LOCKED),
            backing.inode,
            pages,
            backing.resident,
            backing.swapped,
        )


def _each(make: Callable[[_Found], IpcRow], found: Iterator[_Found] | None) -> _Rows:
    return None if found is None else map(make, found)


def _common(found: Segment | SemaphoreSet | MessageQueue) -> tuple[int, int, int, int, int, int]:
    """What every row begins with."""
    return found.address, *found.permissions


def _semaphores(found: SemaphoreSet) -> SemaphoresRow:
    return SemaphoresRow(*_common(found), found.semaphores)


def _queue(found: MessageQueue) -> QueueRow:
    return QueueRow(*_common(found), found.size, found.messages)


def _task(ctx: Context, args: Args) -> int:
    """The task whose namespace is meant. Raises CrashError."""
    tasks = ctx.kernel.tasks
    chosen = ctx.kernel.required_symbol("init_task")
    for text in args.values("n"):
        found = find_task(tasks, text)
        if found is None:
            raise CrashError(f"invalid task or pid value: {text}")
        chosen = found.tasks[0].address
    return chosen


def _facility(row: IpcRow) -> Facility:
    if isinstance(row, SegmentRow):
        return "shm"
    return "sem" if isinstance(row, SemaphoresRow) else "msg"


#: What stands above the address, and behind the columns that all three have.
_WORDS: dict[Facility, tuple[str, str, str]] = {
    "shm": ("SHMID_KERNEL", "SHMID", "BYTES      NATTCH STATUS"),
    "sem": ("SEM_ARRAY", "SEMID", "NSEMS     "),
    "msg": ("MSG_QUEUE", "MSQID", "USED-BYTES   MESSAGES    "),
}


def _width(facility: Facility, width: int) -> int:
    return max(width, len(_WORDS[facility][0]))


def _heading(facility: Facility, width: int) -> str:
    address, name, rest = _WORDS[facility]
    begun = f"{address:<{_width(facility, width)}} {'KEY':<8} {name:<10}"
    return f"{begun} {'UID':<5} {'PERMS':<5} {rest}"


def _line(row: IpcRow, width: int) -> str:
    begun = (
        f"{row.address:<{_width(_facility(row), width)}x} {row.key:08x} {row.id:<10} "
        f"{row.uid:<5} {row.mode & 0o777:<5o}"
    )
    if isinstance(row, SegmentRow):
        status = f"{'dest' if row.removed else ''} {'locked' if row.locked else ''}"
        return f"{begun} {row.size:<10} {row.attached:<6} {status}"
    if isinstance(row, QueueRow):
        return f"{begun} {row.size:<12} {row.messages:<12}"
    assert isinstance(row, SemaphoresRow)
    return f"{begun} {row.semaphores:<10}"


def _block(row: IpcRow, width: int, verbose: bool) -> Iterator[str]:
    """An object by itself."""
    yield _heading(_facility(row), width)
    yield _line(row, width)
    if verbose and isinstance(row, SegmentRow):
        yield (f"PAGES ALLOCATED/RESIDENT/SWAPPED: {row.allocated}/{row.resident}/{row.swapped}")
        yield f"INODE: {row.inode:x}"
    yield ""
