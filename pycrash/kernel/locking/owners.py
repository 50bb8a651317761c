"""Whom a lock's own words name as its holder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pycrash.errors import CrashError, MissingFeature
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.tasks.table import Task, TaskTable

#: struct mutex, owner: MUTEX_FLAGS. struct rw_semaphore, owner: reader-owned, and not to be spun
#: on, until 5.12 for readers and writers each.
_MUTEX_FLAGS, _RWSEM_FLAGS, _READER = 7, 7, 1
#: struct rw_semaphore, count: the writer's bit; readers are counted from this bit on.
_WRITER, _READERS = 1, 8
#: struct rt_mutex_base, owner: somebody waits.
HAS_WAITERS = 1


@dataclass(frozen=True)
class Owner:
    """Who holds a lock: the task, None where that cannot be known; whether it is certain; why."""

    task: Task | None
    certain: bool
    why: str


class Owners:
    """The owner of locks, by kind. What is read raises ReadError."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._tasks = kernel.part(TaskTable)

    def of(self, kind: str, lock: int) -> Owner:
        """Who holds a lock of a kind. Raises ReadError, MissingFeature."""
        if kind == "mutex":
            return self._mutex(lock)
        if kind == "rwsem":
            return self._rwsem(lock)
        if kind == "rt_mutex":
            return self._rt_mutex(lock)
        return Owner(None, False, f"a {kind} does not record who holds it")

    def _mutex(self, lock: int) -> Owner:
        (word,) = self._read("struct mutex", lock, ("owner",))
        task = self._task(word & ~_MUTEX_FLAGS)
        if task is None:
            return Owner(None, False, "its owner is none: it is being handed over")
        return Owner(task, True, "mutex.owner")

    def _rwsem(self, lock: int) -> Owner:
        count, word = self._read("struct rw_semaphore", lock, ("count", "owner"))
        task = self._task(word & ~_RWSEM_FLAGS)
        if count & _WRITER and not word & _READER:
            if task is None:
                return Owner(None, False, "a writer holds it, which rw_semaphore.owner names not")
            return Owner(task, True, "rw_semaphore.owner, the writer's bit of its count is set")
        readers = count >> _READERS if count < 1 << 8 * self._kernel.word_size - 1 else 0
        if not readers:
            return Owner(None, False, "nobody holds it: it is being handed over")
        if task is None:
            return Owner(None, False, f"{readers} readers hold it, which it does not record")
        return Owner(task, False, f"{readers} readers hold it; the last to come was this one")

    def _rt_mutex(self, lock: int) -> Owner:
        (word,) = self._read(self._rt_type, lock, ("owner",))
        task = self._task(word & ~HAS_WAITERS)
        if task is None:
            return Owner(None, False, "its owner is none: it is being handed over")
        return Owner(task, True, "rt_mutex.owner")

    @cached_property
    def _rt_type(self) -> str:
        """Split from struct rt_mutex in 5.15."""
        base = "struct rt_mutex_base"
        return base if self._kernel.has_type(base) else "struct rt_mutex"

    def _task(self, address: int) -> Task | None:
        return self._tasks.by_address.get(address)

    def _read(self, type_name: str, address: int, fields: tuple[str, ...]) -> tuple[int, ...]:
        shape = Layout(self._kernel.prog, type_name, fields)
        data = self._kernel.read(address + shape.start, shape.size, type_name)
        # The kernel declares what holds a pointer with flags as signed.
        return tuple(word & self._kernel.word_mask for word in shape.unpack(data))


def member(kernel: Reader, type_name: str, name: str) -> int | None:
    """Bytes before a member, None where this kernel has no such type or member."""
    try:
        return Layout(kernel.prog, type_name, (name,)).at(name)
    except MissingFeature:
        return None


def tolerant(kernel: Reader, address: int, what: str) -> int:
    """A word of memory, 0 where it cannot be read."""
    try:
        return kernel.read_word(address, what)
    except CrashError:
        return 0
