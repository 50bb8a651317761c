"""The structures that waiting tasks leave on their stacks, and the locks they hang in."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from pycrash.errors import CrashError
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.locking.kinds import Kind, Waiting
from pycrash.kernel.locking.owners import member, tolerant
from pycrash.kernel.stacks.stacks import Stack, Stacks
from pycrash.kernel.tasks.table import Task, TaskTable

#: More tasks than wait for one lock.
_MOST_WAITERS = 1 << 16


@dataclass(frozen=True)
class Waiter:
    """A structure of a waiting task at `address`, in the list whose head is that of the lock at
    `lock`; both ends of the link agree."""

    address: int
    lock: int


class StackWaiters:
    """Finds what waits on stacks."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._stacks = kernel.part(Stacks)
        self._tasks = kernel.part(TaskTable)
        self._shapes: dict[Waiting, tuple[int, int] | None] = {}

    def find(self, task: Task, kind: Kind) -> Waiter | None:
        """The lock of a kind in whose list of waiters the task is; None where none is found."""
        for waiting, lock, head in kind.waiting:
            shape, place = self._shape(waiting), member(self._kernel, lock, head)
            if shape is None or place is None or self._lacks_key(waiting):
                continue  # this kernel has none of that
            for address in self._candidates(task, shape[1]):
                found = self._head(task, address, shape)
                if found is not None:
                    return Waiter(address, self._key(waiting, address) or found - place)
        return None

    def _lacks_key(self, waiting: Waiting) -> bool:
        return bool(waiting.key) and member(self._kernel, waiting.type, waiting.key) is None

    def _key(self, waiting: Waiting, address: int) -> int:
        """What a waiter itself says it waits for; 0 where it does not."""
        place = member(self._kernel, waiting.type, waiting.key) if waiting.key else None
        return 0 if place is None else tolerant(self._kernel, address + place, waiting.type)

    def structures(self, task: Task, type_name: str, field: str) -> Iterator[int]:
        """Where on a task's stack a structure may lie whose field points to the task."""
        place = member(self._kernel, type_name, field)
        return iter(()) if place is None else self._candidates(task, place)

    def _shape(self, waiting: Waiting) -> tuple[int, int] | None:
        """Where in a waiter the link and the pointer to the task lie."""
        if waiting not in self._shapes:
            link = member(self._kernel, waiting.type, waiting.link)
            task = member(self._kernel, waiting.type, waiting.task)
            self._shapes[waiting] = None if link is None or task is None else (link, task)
        return self._shapes[waiting]

    def _candidates(self, task: Task, place: int) -> Iterator[int]:
        stack, word = self._stacks.of_task(task.stack), self._kernel.word_size
        try:
            data = self._kernel.read(stack.base, stack.size, "stack contents")
        except CrashError:
            return
        wanted = struct.pack(self._kernel.struct_format("P"), task.address)
        at = data.find(wanted)
        while at >= 0:
            if not at % word and at >= place:
                yield stack.base + at - place
            at = data.find(wanted, at + 1)

    def _head(self, task: Task, address: int, shape: tuple[int, int]) -> int | None:
        """The head of the list a waiter is linked into, None where it is in none."""
        link, task_place = shape
        first = address + link
        following, previous = self._pair(first)
        if not following or self._pair(following)[1] != first or self._pair(previous)[0] != first:
            return None
        node = following
        for _ in range(_MOST_WAITERS):
            if node == first or not node:
                return None
            if not self._is_waiter(node - link + task_place, node):
                return node
            node = self._pair(node)[0]
        return None

    def _is_waiter(self, pointer: int, node: int) -> bool:
        """Whether a node is that of a waiter: it points to the task on whose stack it lies."""
        try:
            task = self._tasks.by_address.get(self._kernel.read_word(pointer, "waiter"))
        except CrashError:
            return False
        return task is not None and node in Stack(task.stack, self._stacks.size)

    def _pair(self, node: int) -> tuple[int, int]:
        """The next and previous pointers of a struct list_head; zeroes where it cannot be read."""
        try:
            data = self._kernel.read(node + self._list.start, self._list.size, "list_head")
        except CrashError:
            return 0, 0
        following, previous = self._list.unpack(data)
        return following, previous

    @cached_property
    def _list(self) -> Layout:
        return Layout(self._kernel.prog, "struct list_head", ("next", "prev"))
