"""Queues of the scheduling classes, and wait queues, of a kernel made by hand."""

from __future__ import annotations

import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.sched.classes import Entity, FairQueue, RealTimeQueue
from pycrash.kernel.sched.waitqueues import Waiter, WaitQueues
from tests.kernel.fake_kernel import FakeKernel

CFS, RT, GROUP = 0xFFFF888000001000, 0xFFFF888000002000, 0xFFFF888000003000
ONE, TWO, THREE = 0xFFFF888000010000, 0xFFFF888000020000, 0xFFFF888000030000
SE, RT_SE = 0x100, 0x200


@pytest.fixture
def fake() -> FakeKernel:
    made = FakeKernel()
    node = made.struct(
        "rb_node", 24, rb_parent_color=(0, "Q"), rb_right=(8, "P"), rb_left=(16, "P")
    )
    root = made.struct("rb_root", 8, rb_node=(0, "P"))
    cached = made.struct("rb_root_cached", 16, rb_root=(0, root), rb_leftmost=(8, "P"))
    made.struct("cfs_rq", 32, tasks_timeline=(0, cached), curr=(16, "P"))
    entity = made.struct("sched_entity", 32, run_node=(0, node), my_q=(24, "P"))
    head = made.struct("list_head", 16, next=(0, "P"), prev=(8, "P"))
    array = made.struct("rt_prio_array", 32, queue=(0, made.array(head, 2)))
    made.struct("rt_rq", 40, active=(8, array))
    rt_entity = made.struct("sched_rt_entity", 16, run_list=(0, head))
    made.struct("task_struct", 0x300, se=(SE, entity), rt=(RT_SE, rt_entity))
    made.struct("wait_queue_head", 24, lock=(0, "Q"), head=(8, head))
    made.struct("wait_queue_entry", 32, private=(8, "P"), entry=(16, head))
    return made


def test_the_fair_tree_in_order_with_its_groups(fake: FakeKernel) -> None:
    # TWO is the root, ONE its left child, and TWO is a group on which THREE waits.
    fake.write(CFS, "QQQ", TWO + SE, ONE + SE, ONE + SE)
    fake.write(TWO + SE, "QQQQ", 0, 0, ONE + SE, GROUP)
    fake.write(ONE + SE, "QQQQ", 0, 0, 0, 0)
    fake.write(GROUP, "QQQ", THREE + SE, THREE + SE, 0)
    fake.write(THREE + SE, "QQQQ", 0, 0, 0, 0)
    fair = FairQueue(fake.kernel)
    current, *waiting = fair.entities(CFS)
    assert current == Entity(ONE, current=True)
    assert waiting == [Entity(ONE), Entity(TWO, GROUP)]
    assert list(fair.tasks(CFS)) == [ONE, THREE]
    fake.write(GROUP, "QQQ", THREE + SE, 0, 0)  # without a leftmost one it is empty
    assert list(fair.tasks(CFS)) == [ONE]
    fake.write(TWO + SE, "QQQQ", 0, 0, ONE + SE, CFS)
    with pytest.raises(CrashError, match="duplicate CFS runqueue"):
        list(fair.tasks(CFS))


def test_the_lists_of_real_time_tasks(fake: FakeKernel) -> None:
    first = RT + 8
    fake.write(first, "QQQQ", first, first, ONE + RT_SE, TWO + RT_SE)
    fake.write(ONE + RT_SE, "QQ", TWO + RT_SE, first + 16)
    fake.write(TWO + RT_SE, "QQ", first + 16, ONE + RT_SE)
    rt = RealTimeQueue(fake.kernel)
    assert list(rt.tasks(RT)) == [(1, ONE), (1, TWO)]
    fake.write(ONE + RT_SE, "QQ", THREE + RT_SE, 0)
    with pytest.raises(ReadError):
        list(rt.tasks(RT))


def test_a_wait_queue(fake: FakeKernel) -> None:
    head, entry = CFS + 8, ONE + 16
    fake.write(head, "QQ", entry, entry)
    fake.write(ONE, "QQQQ", 0, THREE, head, head)
    queues = WaitQueues(fake.kernel)
    assert list(queues.waiters(queues.entries(CFS))) == [Waiter(ONE, THREE)]
    fake.write(head, "QQ", head, head)
    assert queues.entries(CFS) == []
