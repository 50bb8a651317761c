"""The tasks of a CPU's queues by the task groups they are in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pycrash.kernel.core.reader import Reader
from pycrash.kernel.sched.classes import Entity, FairQueue, RealTimeQueue
from pycrash.kernel.sched.groups import Group, SchedClass, TaskGroups


class GroupQueue(NamedTuple):
    """A group's queue on a CPU; what is on it follows. `prio` is of a real-time queue."""

    group: Group
    queue: int
    depth: int
    throttled: bool
    prio: int = 0


class Queued(NamedTuple):
    """An entity that is a task, on a queue of a group of this depth."""

    entity: Entity
    depth: int


@dataclass
class _Place:
    """Where a walk is: the class and the CPU, and which groups it has shown."""

    kind: SchedClass
    cpu: int
    shown: set[int] = field(default_factory=set)
    queues: set[int] = field(default_factory=set)


class GroupedTasks:
    """What waits, group below group. Methods raise ReadError, CrashError, MissingFeature."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._groups = kernel.part(TaskGroups)

    def walk(self, kind: SchedClass, cpu: int) -> Iterator[GroupQueue | Queued]:
        """The queue of the first group on a CPU, and all below it."""
        root = self._groups.all[0]
        queue = self._groups.queue(kind, root.address, cpu)
        yield GroupQueue(root, queue, 0, throttled=False)
        yield from self._below(_Place(kind, cpu, {root.address}), queue, 0)

    def _below(self, place: _Place, queue: int, depth: int) -> Iterator[GroupQueue | Queued]:
        if queue in place.queues:
            return
        place.queues.add(queue)
        for entity in self._entities(place.kind, queue):
            if entity.queue:
                yield from self._group(place, entity.queue, depth + 1, entity.prio)
                yield from self._below(place, entity.queue, depth + 1)
            else:
                yield Queued(entity, depth)
        yield from self._dequeued(place, queue, depth)

    def _entities(self, kind: SchedClass, queue: int) -> Iterator[Entity]:
        if kind == "fair":
            return self._kernel.part(FairQueue).entities(queue)
        return self._kernel.part(RealTimeQueue).entities(queue)

    def _group(
        self, place: _Place, queue: int, depth: int, prio: int
    ) -> Iterator[GroupQueue | Queued]:
        group = self._groups.by_address(self._groups.group_of(place.kind, queue))
        if group is not None:
            place.shown.add(group.address)
            throttled = self._groups.throttled(place.kind, queue)
            yield GroupQueue(group, queue, depth, throttled, prio)

    def _dequeued(self, place: _Place, queue: int, depth: int) -> Iterator[GroupQueue | Queued]:
        """Groups that were taken off the queue of their parent, and have tasks: throttled ones."""
        groups = self._groups
        parent = groups.group_of(place.kind, queue)
        for group in groups.all:
            if group.address in place.shown or group.parent != parent or group.depth != depth + 1:
                continue
            here = groups.queue(place.kind, group.address, place.cpu)
            if here == queue:
                continue
            if not groups.running(place.kind, here):
                yield from self._dequeued(place, here, depth + 1)
                continue
            yield from self._parents(place, group)
            yield from self._group(place, here, depth + 1, self._prio(place.kind, here))
            yield from self._below(place, here, depth + 1)

    def _parents(self, place: _Place, group: Group) -> Iterator[GroupQueue | Queued]:
        """The groups above one that were not shown, from the highest down."""
        parent = self._groups.by_address(group.parent)
        if parent is None or parent.address in place.shown:
            return
        yield from self._parents(place, parent)
        queue = self._groups.queue(place.kind, parent.address, place.cpu)
        yield from self._group(place, queue, parent.depth, self._prio(place.kind, queue))

    def _prio(self, kind: SchedClass, queue: int) -> int:
        return self._groups.highest(queue) if kind == "rt" else 0
