"""Task groups (struct task_group): their tree, names, and the queue of each one on each CPU."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Literal, NamedTuple

import drgn

from pycrash.errors import MissingFeature
from pycrash.kernel.core.layout import Place, find_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.walks.lists import Chain, entries

SchedClass = Literal["rt", "fair"]

_QUEUE = {"rt": "struct rt_rq", "fair": "struct cfs_rq"}
_GROUP_QUEUES = {"rt": "rt_rq", "fair": "cfs_rq"}
_RUNNING = {"rt": ("rt_nr_running",), "fair": ("nr_running", "nr_queued")}
_THROTTLED = {"rt": ("rt_throttled",), "fair": ("throttled",)}


class Group(NamedTuple):
    """A task group; `parent` is its address, 0 for the root's; `name` that of its cgroup."""

    address: int
    depth: int
    parent: int
    name: str | None


class TaskGroups:
    """The groups of a kernel. Methods raise ReadError, MissingFeature."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._prog = kernel.prog

    @cached_property
    def classes(self) -> tuple[SchedClass, ...]:
        """The scheduling classes that have groups in this kernel."""
        both: tuple[SchedClass, ...] = ("rt", "fair")
        return tuple(kind for kind in both if self._of_group(kind) is not None)

    @cached_property
    def root_symbol(self) -> str:
        """The variable that is the first group."""
        for name in ("init_task_group", "root_task_group"):
            if self._kernel.symbol_address(name) is not None:
                return name
        raise MissingFeature("cannot determine root task_group")

    @cached_property
    def all(self) -> list[Group]:
        """Every group, the root first, then by depth."""
        groups = list(self._below(self._kernel.required_symbol(self.root_symbol), 0, 0, set()))
        return sorted(groups, key=lambda group: group.depth)

    def by_address(self, address: int) -> Group | None:
        """The group at an address."""
        return next((group for group in self.all if group.address == address), None)

    def queue(self, kind: SchedClass, group: int, cpu: int) -> int:
        """The queue of a group on a CPU: a cfs_rq or an rt_rq."""
        place = self._of_group(kind)
        if place is None:
            raise MissingFeature(f"no groups of class {kind} in this kernel")
        what = f"task_group {_GROUP_QUEUES[kind]}"
        array = self._kernel.read_word(group + place.offset, what)
        if self._per_cpu(kind):
            return self._kernel.cpus.address(array, cpu)
        return self._kernel.read_word(array + cpu * self._kernel.word_size, what)

    def group_of(self, kind: SchedClass, queue: int) -> int:
        """The group whose queue this is."""
        offset = member_offset(self._prog, _QUEUE[kind], "tg")
        return self._kernel.read_word(queue + offset, f"{_GROUP_QUEUES[kind]} tg")

    def running(self, kind: SchedClass, queue: int) -> int:
        """How many entities of a queue want to run."""
        return self._number(kind, queue, _RUNNING[kind])

    def throttled(self, kind: SchedClass, queue: int) -> bool:
        """Whether a queue has used up what it may; False in a kernel that does not limit it."""
        if find_member(self._prog, _QUEUE[kind], *_THROTTLED[kind]) is None:
            return False
        return self._number(kind, queue, _THROTTLED[kind]) != 0

    def highest(self, queue: int) -> int:
        """The highest priority that waits in an rt_rq."""
        return self._number("rt", queue, ("highest_prio",))

    def _number(self, kind: SchedClass, queue: int, spellings: tuple[str, ...]) -> int:
        place = find_member(self._prog, _QUEUE[kind], *spellings)
        if place is None:
            raise MissingFeature(f"no {_QUEUE[kind]}.{spellings[0]} in this kernel")
        what = f"{_GROUP_QUEUES[kind]} {spellings[0]}"
        data = self._kernel.read(queue + place.offset, min(place.size, 4), what)
        return self._kernel.unsigned(data)

    def _per_cpu(self, kind: SchedClass) -> bool:
        """Whether a group has a per-CPU object (7.2) rather than an array of pointers."""
        member = self._prog.type("struct task_group").member(_GROUP_QUEUES[kind])
        return member.type.type.kind != drgn.TypeKind.POINTER

    def _of_group(self, kind: SchedClass) -> Place | None:
        return find_member(self._prog, "struct task_group", _GROUP_QUEUES[kind])

    def _below(self, group: int, depth: int, parent: int, seen: set[int]) -> Iterator[Group]:
        """A group and those below it, each once."""
        if group in seen:
            return
        seen.add(group)
        yield Group(group, depth, parent, self._name(group))
        children = group + member_offset(self._prog, "struct task_group", "children")
        siblings = member_offset(self._prog, "struct task_group", "siblings")
        chain = Chain(self._kernel.read_word(children, "task_group"), end=children)
        for link in entries(self._kernel, chain, "task_group"):
            yield from self._below(link - siblings, depth + 1, group, seen)

    def _name(self, group: int) -> str | None:
        """The last part of the path of a group's cgroup, "/" for the first."""
        kernel, prog = self._kernel, self._prog
        css = find_member(prog, "struct task_group", "css.cgroup")
        node_of = find_member(prog, "struct cgroup", "kn")
        # 6.15 renamed the parent.
        parent_of = find_member(prog, "struct kernfs_node", "parent", "__parent")
        if css is None or node_of is None or parent_of is None:
            return None
        cgroup = kernel.read_word(group + css.offset, "task_group css cgroup")
        node = kernel.read_word(cgroup + node_of.offset, "cgroup kn") if cgroup else 0
        if not node:
            return None
        if not kernel.read_word(node + parent_of.offset, "kernfs_node parent"):
            return "/"
        name_at = node + member_offset(prog, "struct kernfs_node", "name")
        name = kernel.read_word(name_at, "kernfs_node name")
        return read_text(kernel, name, "kernfs_node name") if name else None
