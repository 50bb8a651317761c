"""Tasks found where the tree of pid numbers is damaged."""

from __future__ import annotations

import pytest

from pycrash.kernel.core.reader import Options
from tests.kernel.fake_kernel import INIT_PID_NS, PER_CPU, RQ, RUNQUEUES, FakeTasks

IDLE = 0xFFFF888001000000
#: Where the list_heads lie in the fake task_struct, and the head of threads in signal_struct.
TASKS, CHILDREN, SIBLING, THREADS = 200, 216, 232, 248
SIGNAL, HEAD = 0xFFFF888006000000, 16


class Family(FakeTasks):
    """init (1) with a daemon (20) of two threads (20, 21), and a child of the daemon (30)."""

    def __init__(self) -> None:
        super().__init__()
        links = self.types["list_head"]
        self.struct("signal_struct", 64, thread_head=(HEAD, links))
        self.symbol("init_task", IDLE)
        self.init = self.add(1, "init", flags=0)
        self.daemon = self.add(20, "daemon", flags=0, signal=SIGNAL)
        self.thread = self.add(21, "thread", flags=0, tgid=20, signal=SIGNAL)
        self.child = self.add(30, "child", flags=0)
        for task, parent, leader in (
            (self.init, IDLE, self.init),
            (self.daemon, self.init, self.daemon),
            (self.thread, self.init, self.daemon),
            (self.child, self.daemon, self.child),
        ):
            self.write(task + 184, "QQ", parent, leader)
        self.ring(*(task + TASKS for task in (IDLE, self.init, self.daemon, self.child)))
        self.ring(SIGNAL + HEAD, self.daemon + THREADS, self.thread + THREADS)
        self.ring(self.init + CHILDREN, self.daemon + SIBLING)
        self.ring(self.daemon + CHILDREN, self.child + SIBLING)

    def lose(self, *pids: int) -> None:
        """Have the struct pids of these be missing."""
        for pid in pids:
            self.write(self.node + 40 + 8 * pid, "Q", 0xFFFF88800E000000)

    def pids(self) -> list[int]:
        return [task.pid for task in self.kernel.tasks.all]

    def last_problem(self) -> str:
        return self.kernel.panic.new_problems()[-1]


WHOLE = [0, 0, 1, 20, 21, 30]


@pytest.fixture
def fake() -> Family:
    return Family()


def test_a_whole_tree_is_enough(fake: Family) -> None:
    # The child is only on the lists: without damage they are not looked at, as in crash.
    fake.write(fake.node + 40 + 8 * 30, "Q", 0)
    assert fake.pids() == [0, 0, 1, 20, 21]
    assert not fake.kernel.panic.new_problems()


def test_all_numbers_are_missing(fake: Family) -> None:
    fake.write(INIT_PID_NS + 16, "Q", 0xFFFF88800F000002)
    assert fake.pids() == WHOLE
    assert fake.last_problem() == (
        "the tree of pid numbers is damaged: 4 more tasks found: "
        "3 by the list of tasks, 1 by thread groups"
    )


def test_an_empty_tree_is_no_tree(fake: Family) -> None:
    fake.write(INIT_PID_NS + 16, "Q", 0)
    assert fake.pids() == WHOLE


def test_some_numbers_are_missing(fake: Family) -> None:
    fake.lose(21, 30)
    assert fake.pids() == WHOLE
    assert "2 more tasks found" in fake.last_problem()


def test_a_hole_in_the_list_is_gone_round(fake: Family) -> None:
    fake.lose(1, 20, 21, 30)
    fake.write(IDLE + TASKS, "QQ", 0xFFFF88800D000000, fake.child + TASKS)
    fake.write(fake.child + TASKS + 8, "Q", 0xFFFF88800D000000)
    # The list leads back to the child only; its parent and that one's parent to the rest.
    assert fake.pids() == WHOLE
    assert "parents and children" in fake.last_problem()


def test_a_running_task_is_a_beginning(fake: Family) -> None:
    fake.lose(1, 20, 21, 30)
    fake.write(IDLE + TASKS, "QQ", 0, 0)
    fake.write(PER_CPU[1] + RUNQUEUES, RQ, IDLE + 0x1000, fake.thread, 0)
    assert fake.pids() == WHOLE
    assert "1 by run queues" in fake.last_problem()


def test_what_does_not_point_back_is_no_task(fake: Family) -> None:
    fake.lose(30)
    stray = fake.task(0xFFFF888001F00000, 99, "stray")
    fake.write(fake.daemon + TASKS, "Q", stray + TASKS)
    assert fake.pids() == WHOLE


def test_a_pid_beyond_all_pids_is_no_task(fake: Family) -> None:
    fake.lose(30)
    fake.write(fake.child + 48, "i", -5)
    assert fake.pids() == [0, 0, 1, 20, 21]


def test_only_active_tasks_are_wanted(fake: Family) -> None:
    fake.lose(1, 20, 21, 30)
    fake.kernel.options = Options(active_only=True)
    assert fake.pids() == [0, 0]
