"""Task groups of a kernel made by hand, and what waits by group."""

from __future__ import annotations

import pytest

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.sched.classes import Entity
from pycrash.kernel.sched.grouped import GroupedTasks, GroupQueue, Queued
from pycrash.kernel.sched.groups import Group, TaskGroups
from tests.kernel.fake_kernel import FakeKernel

ROOT, LAB, DEEP = 0xFFFF888000001000, 0xFFFF888000002000, 0xFFFF888000003000
ARRAYS, QUEUES, TASKS = 0xFFFF888000010000, 0xFFFF888000020000, 0xFFFF888000030000
NAMES, FAR = 0xFFFF888000040000, 0xFFFF888000090000
GROUPS = (ROOT, LAB, DEEP)
SE = 0x100
#: Of a task_group: its cgroup, its list of children, its place among its parent's, its queues.
CHILDREN, SIBLINGS, QUEUE = 8, 24, 40


def queue(group: int) -> int:
    """The cfs_rq of a group on the first CPU."""
    return QUEUES + 0x100 * GROUPS.index(group)


def lists(fake: FakeKernel, parent: int, *children: int) -> None:
    links = [parent + CHILDREN, *(child + SIBLINGS for child in children)]
    for place, link in enumerate(links):
        fake.write(link, "QQ", links[(place + 1) % len(links)], links[place - 1])


@pytest.fixture
def fake() -> FakeKernel:
    """Below the root is the group "lab", and below that one without a name."""
    made = FakeKernel()
    node = made.struct(
        "rb_node", 24, rb_parent_color=(0, "Q"), rb_right=(8, "P"), rb_left=(16, "P")
    )
    root = made.struct("rb_root", 8, rb_node=(0, "P"))
    cached = made.struct("rb_root_cached", 16, rb_root=(0, root), rb_leftmost=(8, "P"))
    head = made.struct("list_head", 16, next=(0, "P"), prev=(8, "P"))
    rq = made.struct(
        "cfs_rq",
        40,
        tasks_timeline=(0, cached),
        curr=(16, "P"),
        tg=(24, "P"),
        nr_queued=(32, "I"),
        throttled=(36, "i"),
    )
    entity = made.struct("sched_entity", 32, run_node=(0, node), my_q=(24, "P"))
    made.struct("task_struct", 0x200, se=(SE, entity))
    css = made.struct("cgroup_subsys_state", 8, cgroup=(0, "P"))
    made.struct("cgroup", 8, kn=(0, "P"))
    made.struct("kernfs_node", 16, __parent=(0, "P"), name=(8, "P"))
    queues = made.prog.pointer_type(made.prog.pointer_type(rq))
    made.struct(
        "task_group",
        48,
        css=(0, css),
        children=(CHILDREN, head),
        siblings=(SIBLINGS, head),
        cfs_rq=(QUEUE, queues),
    )
    made.symbol("root_task_group", ROOT)
    for number, group in enumerate(GROUPS):
        made.room(group, 48)
        made.write(group + QUEUE, "Q", ARRAYS + 8 * number)
        made.write(ARRAYS + 8 * number, "Q", queue(group))
        made.write(queue(group), "QQQQIi", 0, 0, 0, group, 0, 0)
    lists(made, ROOT, LAB)
    lists(made, LAB, DEEP)
    lists(made, DEEP)
    made.write(LAB, "Q", NAMES)
    made.write(NAMES, "QQQ", NAMES + 8, NAMES + 24, NAMES + 32)
    made.write(NAMES + 32, "8s", b"lab")
    return made


def enqueue(fake: FakeKernel, group: int, entity: int, my_q: int = 0) -> None:
    """Make an entity the only one that waits on a group's queue."""
    fake.write(queue(group), "QQ", entity, entity)
    fake.write(queue(group) + 32, "I", 1)
    fake.write(entity, "QQQQ", 0, 0, 0, my_q)


def test_the_groups_and_their_queues(fake: FakeKernel) -> None:
    groups = TaskGroups(fake.kernel)
    assert groups.classes == ("fair",)
    assert groups.all == [
        Group(ROOT, 0, 0, None),
        Group(LAB, 1, ROOT, "lab"),
        Group(DEEP, 2, LAB, None),
    ]
    assert groups.queue("fair", LAB, 0) == queue(LAB)
    assert groups.group_of("fair", queue(LAB)) == LAB
    with pytest.raises(MissingFeature):
        groups.queue("rt", LAB, 0)


def test_what_waits_group_below_group(fake: FakeKernel) -> None:
    enqueue(fake, ROOT, QUEUES + 0x1000, queue(LAB))
    enqueue(fake, LAB, TASKS + SE)
    _, lab, _ = TaskGroups(fake.kernel).all
    assert list(GroupedTasks(fake.kernel).walk("fair", 0))[1:] == [
        GroupQueue(lab, queue(LAB), 1, throttled=False),
        Queued(Entity(TASKS), 1),
    ]


def test_a_throttled_group_is_found_off_the_queue(fake: FakeKernel) -> None:
    enqueue(fake, DEEP, TASKS + SE)
    fake.write(queue(DEEP) + 36, "i", 1)
    _, lab, deep = TaskGroups(fake.kernel).all
    assert list(GroupedTasks(fake.kernel).walk("fair", 0))[1:] == [
        GroupQueue(lab, queue(LAB), 1, throttled=False),
        GroupQueue(deep, queue(DEEP), 2, throttled=True),
        Queued(Entity(TASKS), 2),
    ]


def test_a_queue_that_lies_on_itself_is_walked_once(fake: FakeKernel) -> None:
    enqueue(fake, ROOT, QUEUES + 0x1000, queue(LAB))
    enqueue(fake, LAB, QUEUES + 0x2000, queue(ROOT))
    assert len(list(GroupedTasks(fake.kernel).walk("fair", 0))) < 5


def test_a_group_below_itself_is_there_once(fake: FakeKernel) -> None:
    lists(fake, DEEP, ROOT)
    assert [group.address for group in TaskGroups(fake.kernel).all] == [ROOT, LAB, DEEP]


def test_children_that_lead_astray(fake: FakeKernel) -> None:
    fake.write(LAB + SIBLINGS, "Q", DEEP + SIBLINGS)
    fake.write(DEEP + SIBLINGS, "Q", LAB + SIBLINGS)
    with pytest.raises(CrashError, match="duplicate"):
        _ = TaskGroups(fake.kernel).all
    fake.write(LAB + SIBLINGS, "Q", FAR)
    with pytest.raises(ReadError):
        _ = TaskGroups(fake.kernel).all
