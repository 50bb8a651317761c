"""Writers of PREEMPT_RT that wait for readers: there struct rw_semaphore and rwlock_t are a
struct rwbase_rt, whose rt_mutex the writer has taken before it waits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pycrash.errors import CrashError
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.locking.owners import HAS_WAITERS, member
from pycrash.kernel.stacks.stacks import Stacks
from pycrash.kernel.tasks.table import Task

#: struct rwbase_rt, readers: they are counted up to this bit, which says that no writer waits.
_READER_BIAS = 1 << 31


@dataclass(frozen=True)
class AwaitedReaders:
    """A struct rwbase_rt that a writer has taken, and how many readers still hold it."""

    lock: int
    readers: int


class Rwbases:
    """Finds the lock whose readers a task waits for, among the words of its stack."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._stacks = kernel.part(Stacks)

    def of(self, task: Task) -> AwaitedReaders | None:
        """The lock that the task owns as a writer and that readers hold; None where none is found,
        and on a kernel without PREEMPT_RT."""
        if self._inner is None:
            return None
        try:
            words = self._stacks.words(self._stacks.of_task(task.stack))
        except CrashError:
            return None
        places = (place for word in words for place in (word, word - self._inner))
        for address in dict.fromkeys(places):
            readers = self._awaited(address, task)
            if readers:
                return AwaitedReaders(address, readers)
        return None

    def _awaited(self, address: int, task: Task) -> int:
        """The readers of what may be a lock of the task's; 0 where it is none."""
        if address <= 0 or address % self._kernel.word_size:
            return 0
        try:
            data = self._kernel.read(address + self._shape.start, self._shape.size, "rwbase_rt")
        except CrashError:
            return 0
        readers, owner = self._shape.unpack(data)
        owned = owner & self._kernel.word_mask & ~HAS_WAITERS == task.address
        return readers if owned and 0 < readers < _READER_BIAS else 0

    @cached_property
    def _inner(self) -> int | None:
        return member(self._kernel, "struct rwbase_rt", "rtmutex")

    @cached_property
    def _shape(self) -> Layout:
        return Layout(self._kernel.prog, "struct rwbase_rt", ("readers", "rtmutex.owner"))
