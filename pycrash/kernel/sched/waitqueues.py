"""Wait queues: what waits on one (struct wait_queue_head, __wait_queue_head before 4.13)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pycrash.errors import CrashError
from pycrash.kernel.core.layout import find_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.walks.lists import Chain, walk

#: The head's type and list, the entry's, and what the entry is for, by age.
_SHAPES = (
    ("struct wait_queue_head", "head", "struct wait_queue_entry", "entry", "private"),
    ("struct __wait_queue_head", "task_list", "struct __wait_queue", "task_list", "private"),
)


class Waiter(NamedTuple):
    """An entry of a wait queue, and whose it is: the task, or something on a task's stack."""

    address: int
    private: int


class WaitQueues:
    """The wait queues of a kernel."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        for head, listed, entry, link, private in _SHAPES:
            place = find_member(kernel.prog, head, listed)
            if place is not None:
                self._list = place.offset
                self._link = member_offset(kernel.prog, entry, link)
                self._private = member_offset(kernel.prog, entry, private)
                return
        raise CrashError("cannot determine wait queue structures")

    def entries(self, queue: int) -> list[int]:
        """The entries of the queue at an address. Raises ReadError, DuplicateEntry."""
        head = queue + self._list
        _, *others = walk(self._kernel, Chain(head, end=head))
        return [link - self._link for link in others]

    def waiters(self, entries: list[int]) -> Iterator[Waiter]:
        """What the entries are for. Raises ReadError."""
        for entry in entries:
            private = self._kernel.read_word(entry + self._private, "wait_queue_t.task")
            yield Waiter(entry, private)
