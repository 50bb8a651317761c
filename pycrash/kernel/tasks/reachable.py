"""Tasks that other tasks lead to, where pid numbers do not (struct task_struct).

The list of all tasks, thread groups and families are followed in both directions from the
tasks that are known, so that a hole in one of them is gone round by another.
"""

from __future__ import annotations

import struct
from collections import Counter, deque
from collections.abc import Iterable, Iterator

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import Layout, find_member
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.sched.queues import RunQueues

#: PID_MAX_LIMIT: no kernel gives a higher number, nor has more tasks.
_MOST_PIDS = 1 << 22

LIST, GROUPS, FAMILIES = "the list of tasks", "thread groups", "parents and children"
QUEUES = "run queues"


def reachable(kernel: Reader, known: Iterable[int]) -> dict[int, str]:
    """The tasks that known ones and the run queues lead to, each with the way that led there.

    Tasks are addresses of task_structs.
    """
    search = _Search(kernel)
    found: dict[int, str] = {}
    seen = set(known)
    work = deque(seen)

    def meet(task: int, way: str) -> None:
        if task not in seen and len(seen) < _MOST_PIDS:
            seen.add(task)
            if search.is_task(task):
                found[task] = way
                work.append(task)

    for task in kernel.part(RunQueues).running.values():
        meet(task, QUEUES)
    while work:
        for task, way in search.neighbours(work.popleft()):
            meet(task, way)
    return found


def told(found: dict[int, str]) -> str:
    """How many tasks came which way, as "3 by the list of tasks, 1 by thread groups"."""
    return ", ".join(f"{count} by {way}" for way, count in Counter(found.values()).most_common())


def init_is_known(kernel: Reader, known: Iterable[int]) -> bool:
    """Whether the task behind init_task on the list of tasks is among the known ones."""
    first, place = kernel.symbol_address("init_task"), _place(kernel, "tasks")
    if first is None or place is None:
        return True
    try:
        link = kernel.read_word(first + place, "init_task.tasks")
    except ReadError:
        return False
    return link - place in (first, *known)


def _place(kernel: Reader, member: str) -> int | None:
    found = find_member(kernel.prog, "struct task_struct", member)
    return None if found is None else found.offset


class _Search:
    """What leads from one task_struct to others."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        fields = ("pid", "tgid", "real_parent", "group_leader", "signal")
        self._task = Layout(kernel.prog, "struct task_struct", fields)
        self._pair = struct.Struct(kernel.struct_format("PP"))
        self._tasks = _place(kernel, "tasks")
        self._children = _place(kernel, "children")
        self._sibling = _place(kernel, "sibling")
        # Since 3.14.
        self._thread = _place(kernel, "thread_node")
        self._threads = find_member(kernel.prog, "struct signal_struct", "thread_head")

    def is_task(self, address: int) -> bool:
        """Whether a task_struct may lie at an address."""
        if address % self._kernel.word_size:
            return False
        try:
            pid, tgid, *_ = self._fields(address)
        except ReadError:
            return False
        return 0 <= pid < _MOST_PIDS and 0 <= tgid < _MOST_PIDS

    def neighbours(self, task: int) -> Iterator[tuple[int, str]]:
        """(task, way) of what a task leads to at once; some may be no tasks."""
        try:
            _, _, parent, leader, signal = self._fields(task)
        except ReadError:
            return
        yield parent, FAMILIES
        yield leader, GROUPS
        if self._tasks is not None:
            yield from self._beside(task + self._tasks, self._tasks, 0, LIST)
        if self._children is not None and self._sibling is not None:
            own, head = task + self._children, parent + self._children
            yield from self._beside(own, self._sibling, own, FAMILIES)
            yield from self._beside(task + self._sibling, self._sibling, head, FAMILIES)
        if self._thread is not None and self._threads is not None:
            head = signal + self._threads.offset
            yield from self._beside(task + self._thread, self._thread, head, GROUPS)
            yield from self._beside(head, self._thread, head, GROUPS)

    def _fields(self, task: int) -> tuple[int, ...]:
        layout = self._task
        return layout.unpack(self._kernel.read(task + layout.start, layout.size, "task_struct"))

    def _beside(self, link: int, member: int, head: int, way: str) -> Iterator[tuple[int, str]]:
        """The tasks whose list_head, at the offset `member`, lies before and behind a link.

        One that does not point back is none; `head` is the list's, which lies in no task.
        """
        try:
            following, before = self._links(link)
        except ReadError:
            return
        for other, back in ((following, 1), (before, 0)):
            if other in (link, head):
                continue
            try:
                if self._links(other)[back] == link:
                    yield other - member, way
            except ReadError:
                continue

    def _links(self, link: int) -> tuple[int, int]:
        """The two pointers of a struct list_head."""
        following, before = self._pair.unpack(self._kernel.read(link, self._pair.size, "list_head"))
        return following, before
