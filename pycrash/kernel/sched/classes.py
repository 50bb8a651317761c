"""What waits on the run queues of each scheduling class: fair, real-time and deadline."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError
from pycrash.kernel.core.layout import find_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.walks.lists import Chain, entries
from pycrash.kernel.walks.trees import RedBlackTree, TreeDamage


class Entity(NamedTuple):
    """Something on a queue: a task, or the queue of a task group (`queue`, else 0).

    `task` is where the task_struct is if it is a task. `prio` is the list of a real-time queue
    it stands in; `current` tells that the CPU runs it, which takes it out of the fair queue.
    """

    task: int
    queue: int = 0
    prio: int = 0
    current: bool = False


class FairQueue:
    """The tree of a struct cfs_rq, of either scheduler (CFS, and EEVDF since 6.6).

    Methods raise ReadError, CrashError for a damaged tree, MissingFeature.
    """

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        prog = kernel.prog
        self.tree = member_offset(prog, "struct cfs_rq", "tasks_timeline")
        self._curr = member_offset(prog, "struct cfs_rq", "curr")
        self._entity = member_offset(prog, "struct task_struct", "se")
        self._node = member_offset(prog, "struct sched_entity", "run_node")
        # Only with task groups (CONFIG_FAIR_GROUP_SCHED).
        self._my_q = find_member(prog, "struct sched_entity", "my_q")

    def entities(self, queue: int) -> Iterator[Entity]:
        """What is on one cfs_rq: first what the CPU runs of it, then the others by their turn."""
        current = self._kernel.read_word(queue + self._curr, "curr")
        if current:
            yield self._found(current, "curr->my_q", current=True)
        for node in _in_order(self._kernel, queue + self.tree, "rb_leftmost"):
            yield self._found(node - self._node, "my_q")

    def tasks(self, queue: int) -> Iterator[int]:
        """The waiting tasks of a cfs_rq and of the groups on it, as addresses of task_structs."""
        yield from self._tasks(queue, set(), set())

    def _tasks(self, queue: int, queues: set[int], tasks: set[int]) -> Iterator[int]:
        if queue in queues:
            raise CrashError(f"duplicate CFS runqueue: {queue:x}")
        queues.add(queue)
        for entity in self.entities(queue):
            if entity.queue:
                yield from self._tasks(entity.queue, queues, tasks)
            elif not entity.current:
                if entity.task in tasks:
                    raise CrashError(f"duplicate CFS runqueue node: task {entity.task:x}")
                tasks.add(entity.task)
                yield entity.task

    def _found(self, entity: int, what: str, current: bool = False) -> Entity:
        queue = 0
        if self._my_q is not None:
            queue = self._kernel.read_word(entity + self._my_q.offset, what)
        return Entity(entity - self._entity, queue, current=current)


class RealTimeQueue:
    """The lists of a struct rt_rq, one for each priority. Methods raise as those of FairQueue."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        prog = kernel.prog
        self.lists = member_offset(prog, "struct rt_rq", "active")
        queue = find_member(prog, "struct rt_prio_array", "queue")
        self._first = 0 if queue is None else self.lists + queue.offset
        self._size = 0 if queue is None else queue.size
        self._entity = member_offset(prog, "struct task_struct", "rt")
        self._link = member_offset(prog, "struct sched_rt_entity", "run_list")
        # Only with groups of real-time tasks (CONFIG_RT_GROUP_SCHED).
        self._my_q = find_member(prog, "struct sched_rt_entity", "my_q")

    def entities(self, queue: int) -> Iterator[Entity]:
        """What is on one rt_rq, the most urgent first."""
        kernel, first, word = self._kernel, queue + self._first, self._kernel.word_size
        data = kernel.read(first, self._size, "rt_rq")
        heads = struct.iter_unpack(kernel.struct_format("PP"), data)
        for prio, (start, _) in enumerate(heads):
            head = first + 2 * word * prio
            for link in entries(kernel, Chain(start, end=head), "list entry"):
                entity = link - self._link
                yield Entity(entity - self._entity, self._queue_of(entity), prio)

    def tasks(self, queue: int) -> Iterator[tuple[int, int]]:
        """The priority and the task_struct of each task of an rt_rq and of the groups on it."""
        yield from self._tasks(queue, set())

    def _tasks(self, queue: int, queues: set[int]) -> Iterator[tuple[int, int]]:
        if queue in queues:
            raise CrashError(f"duplicate RT runqueue: {queue:x}")
        queues.add(queue)
        for entity in self.entities(queue):
            if entity.queue:
                yield from self._tasks(entity.queue, queues)
            else:
                yield entity.prio, entity.task

    def _queue_of(self, entity: int) -> int:
        if self._my_q is None:
            return 0
        return self._kernel.read_word(entity + self._my_q.offset, "my_q")


class DeadlineQueue:
    """The tree of a struct dl_rq. Methods raise as those of FairQueue."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        prog = kernel.prog
        self._node = member_offset(prog, "struct sched_dl_entity", "rb_node")
        self._entity = member_offset(prog, "struct task_struct", "dl")

    @cached_property
    def tree(self) -> int:
        """Bytes before the tree in a dl_rq; the member was named otherwise before 4.15."""
        place = find_member(self._kernel.prog, "struct dl_rq", "root", "rb_root")
        return 0 if place is None else place.offset

    def tasks(self, queue: int) -> Iterator[int]:
        """Where the task_struct of each entity would be, the next deadline first.

        Since 6.8 servers of other classes stand in the tree as well, which are no tasks.
        """
        for node in _in_order(self._kernel, queue + self.tree, "rb_leftmost"):
            yield node - self._node - self._entity


def _in_order(kernel: Reader, root: int, what: str) -> Iterator[int]:
    """The nodes of a struct rb_root_cached, or of an older rb_root; none without a leftmost."""
    leftmost = find_member(kernel.prog, "struct rb_root_cached", "rb_leftmost")
    if leftmost is not None and not kernel.read_word(root + leftmost.offset, what):
        return
    tree = kernel.part(RedBlackTree)
    for entry in tree.walk(tree.root(root), ordered=True, paths=False):
        if isinstance(entry, TreeDamage):
            raise CrashError(entry.text)
        yield entry.address
