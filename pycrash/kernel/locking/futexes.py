"""Futexes: the word of user memory that a task waits for (struct futex_q on its stack)."""

from __future__ import annotations

from dataclasses import dataclass

from pycrash.errors import CrashError
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.locking.owners import Owner, member, tolerant
from pycrash.kernel.locking.stackwaiters import StackWaiters
from pycrash.kernel.tasks.table import Task, TaskTable

#: FUTEX_TID_MASK: who holds the lock, in the word of a PI futex.
_TID = 0x3FFFFFFF
#: Where in a lock of the C library (pthread_mutex_t) the word and the owner's number lie.
_LIBRARY_OWNER = 8


@dataclass(frozen=True)
class Futex:
    """The user address of a futex, how it was found, and who holds it."""

    address: int
    proof: str
    owner: Owner


class Futexes:
    """Finds the futex of a task that waits for one."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._tasks = kernel.part(TaskTable)

    def of(self, task: Task) -> Futex | None:
        """The futex that a task waits for, None where none is found on its stack."""
        kernel = self._kernel
        places = [member(kernel, "struct futex_q", name) for name in ("lock_ptr", "key")]
        page = member(kernel, "union futex_key", "both.word")
        offset = member(kernel, "union futex_key", "both.offset")
        lock_ptr, key = places
        if lock_ptr is None or key is None or page is None or offset is None:
            return None
        for address in kernel.part(StackWaiters).structures(task, "struct futex_q", "task"):
            bucket = tolerant(kernel, address + lock_ptr, "futex_q.lock_ptr")
            if not kernel.memory.is_kernel(bucket):
                continue
            try:
                # The low bits of the offset tell whether the page is shared; a private futex
                # has its page's address and its address space beside it.
                low = kernel.unsigned(kernel.read(address + key + offset, 4, "futex_key"))
                where = kernel.read_word(address + key + self._private, "futex_key")
            except CrashError:
                continue
            user = (where & ~(kernel.page_size - 1)) + (low & (kernel.page_size - 1) & ~3)
            if kernel.memory.is_user(user):
                return Futex(user, f"futex_q at {address:x}", self._owner(task, user))
        return None

    @property
    def _private(self) -> int:
        """Where the address of a private futex lies in its key."""
        return member(self._kernel, "union futex_key", "private.address") or 0

    def _owner(self, task: Task, user: int) -> Owner:
        """Whom the memory of a futex names."""
        try:
            data = self._kernel.memory.read_user(task.address, user, 12, "futex")
        except CrashError:
            return Owner(None, False, "the futex is not in the dump")
        word = self._kernel.unsigned(data[:4]) & _TID
        library = self._kernel.unsigned(data[_LIBRARY_OWNER:])
        for number, why in (
            (word, "the futex holds its number"),
            (library, "a lock of the C library names it"),
        ):
            for other in self._tasks.by_pid(number) if number else ():
                if other.mm == task.mm and other.address != task.address:
                    return Owner(other, False, why)
        return Owner(None, False, "a futex does not record who holds it")
