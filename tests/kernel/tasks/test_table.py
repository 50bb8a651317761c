"""Tasks found and read in a kernel made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.errors import CrashError
from pycrash.kernel.core.reader import Options
from pycrash.kernel.system.facts import SystemFacts
from tests.kernel.fake_kernel import INIT_PID_NS, PER_CPU, RQ, RUNQUEUES, FakeTasks


@pytest.fixture
def fake() -> FakeTasks:
    return FakeTasks()


def test_sorted_by_pid_behind_the_idle_threads(fake: FakeTasks) -> None:
    fake.add(7, "seven", flags=0)
    fake.add(1, "init", flags=0)
    tasks = fake.kernel.tasks
    assert [(t.pid, t.cpu, t.comm) for t in tasks.all] == [
        (0, 0, "swapper/0"),
        (0, 1, "swapper/1"),
        (1, 0, "init"),
        (7, 0, "seven"),
    ]
    assert not fake.kernel.panic.new_problems()


def test_facts_of_a_task(fake: FakeTasks) -> None:
    address = fake.add(
        5, "five", state=2, exit_state=0x20, policy=1, start_time=99, last_run=7, mm=0x1000, cpu=1
    )
    task = fake.kernel.tasks.get(address)
    assert (task.state, task.policy, task.start_time, task.mm) == (0x22, 1, 99, 0x1000)
    assert (task.cpu, task.last_run, task.thread_info) == (1, 7, address)


def test_a_comm_fills_its_array(fake: FakeTasks) -> None:
    address = fake.add(5, "sixteen letters!")
    assert fake.kernel.tasks.get(address).comm == "sixteen letters!"


def test_other_namespaces_do_not_count(fake: FakeTasks) -> None:
    task = fake.task(0xFFFF888001F00000, 9, "nine")
    fake.number(task, 9, namespace=INIT_PID_NS + 0x1000)
    assert fake.kernel.tasks.by_pid(9) == []


def test_what_cannot_be_read_is_told_and_left_out(fake: FakeTasks) -> None:
    fake.add(3, "three")
    fake.number(0xFFFF88800F000000, 4)  # no task_struct there
    fake.write(fake.node + 40 + 8 * 6, "Q", 0xFFFF88800E000000)  # no struct pid there
    fake.write(fake.node + 40 + 8 * 8, "Q", 0xFFFF88800D000002)  # no node there
    tasks = fake.kernel.tasks
    assert [t.pid for t in tasks.all] == [0, 0, 3]
    problems = fake.kernel.panic.new_problems()
    assert sorted(line.rpartition("type: ")[2] for line in problems) == [
        '"fill_task_struct"',
        '"pid"',
        '"xa_node"',
    ]
    assert fake.kernel.panic.new_problems() == []


def test_a_node_that_points_at_itself_ends(fake: FakeTasks) -> None:
    fake.add(3, "three")
    fake.write(fake.node + 40 + 8 * 5, "Q", fake.node | 2)
    tasks = fake.kernel.tasks
    assert [t.pid for t in tasks.all] == [0, 0, 3]
    assert len(fake.kernel.panic.new_problems()) == 1


def test_groups_and_families(fake: FakeTasks) -> None:
    leader = fake.add(10, "leader", flags=0)
    fake.add(11, "thread", tgid=10, flags=0, parent=leader)
    tasks = fake.kernel.tasks
    assert [t.pid for t in tasks.threads(10)] == [10, 11]
    head = tasks.leader(10)
    assert head is not None
    assert head.address == leader
    assert tasks.leader(11) is None
    assert [t.pid for t in tasks.children(leader)] == [11]


def test_kernel_threads_by_flag(fake: FakeTasks) -> None:
    fake.add(1, "init", flags=0, mm=0x1000)
    fake.add(2, "kthreadd")
    tasks = fake.kernel.tasks
    assert [tasks.is_kernel_thread(t) for t in tasks.all] == [True, True, False, True]


def test_kernel_threads_where_the_flag_cannot_be_trusted(fake: FakeTasks) -> None:
    fake.add(1, "init", flags=0x200000, mm=0x1000)
    fake.add(2, "kthreadd", flags=0)
    tasks = fake.kernel.tasks
    assert [tasks.is_kernel_thread(t) for t in tasks.all] == [True, True, False, True]


def test_a_task_that_no_number_leads_to(fake: FakeTasks) -> None:
    stray = fake.task(0xFFFF888001F00000, 4, "stray")
    tasks = fake.kernel.tasks
    assert stray not in tasks.by_address
    assert tasks.add(stray) is not None
    assert [t.pid for t in tasks.all] == [0, 0, 4]
    assert tasks.by_pid(4)[0].address == stray
    assert tasks.add(0xFFFF88800F000000) is None


def test_no_such_task(fake: FakeTasks) -> None:
    with pytest.raises(CrashError, match="invalid task address: 1234"):
        fake.kernel.tasks.get(0x1234)


def test_saved_stack_pointer_and_size(fake: FakeTasks) -> None:
    task = fake.kernel.tasks.get(fake.add(5, "five", sp=0xFFFFC90000001000))
    assert fake.kernel.tasks.saved_sp(task) == 0xFFFFC90000001000
    assert fake.kernel.tasks.size == 512
    fake.symbol("arch_task_struct_size", 0xFFFFFFFF82200000, 4)
    fake.write(0xFFFFFFFF82200000, "I", 448)
    fake.kernel.tasks.__dict__.pop("size")
    fake.prog.cache.clear()
    assert fake.kernel.tasks.size == 448


def test_active_and_panic_tasks(fake: FakeTasks) -> None:
    task = fake.add(5, "five")
    fake.write(PER_CPU[1] + RUNQUEUES, RQ, 0xFFFF888001001000, task, 0)
    panic = fake.kernel.panic
    assert panic.active == {0: 0xFFFF888001000000, 1: task}
    assert panic.is_active(task)
    assert panic.task == 0
    assert panic.first_task == 0xFFFF888001000000


def test_the_panic_task_is_that_of_the_crashing_cpu(fake: FakeTasks) -> None:
    task = fake.add(5, "five")
    fake.write(PER_CPU[1] + RUNQUEUES, RQ, 0xFFFF888001001000, task, 0)
    fake.symbol("crashing_cpu", 0xFFFFFFFF82200000, 4)
    fake.write(0xFFFFFFFF82200000, "i", 1)
    assert fake.kernel.panic.task == task
    told = FakeTasks()
    told.kernel.options = Options(no_panic=True)
    assert told.kernel.panic.task == 0


def test_the_panic_task_by_what_is_on_its_stack(fake: FakeTasks) -> None:
    stack = 0xFFFFC90000010000
    task = fake.add(5, "five", stack=stack)
    fake.room(stack, 16384)
    fake.symbol("panic", 0xFFFFFFFF81001000, 0x100)
    fake.write(PER_CPU[1] + RUNQUEUES, RQ, 0xFFFF888001001000, task, 0)
    fake.write(stack + 0x2000, "Q", 0xFFFFFFFF81001040)
    assert fake.kernel.panic.task == task


def test_an_active_task_without_a_number_is_taken_in(fake: FakeTasks) -> None:
    stray = fake.task(0xFFFF888001F00000, 4, "stray")
    fake.write(PER_CPU[0] + RUNQUEUES, RQ, 0xFFFF888001000000, stray, 0)
    panic = fake.kernel.panic
    assert panic.active[0] == stray
    assert fake.kernel.tasks.get(stray).comm == "stray"
    assert fake.kernel.panic.new_problems() == [
        f"active task {stray:x} on cpu 0 not found in PID hash\n"
    ]


@pytest.mark.parametrize(
    ("lines", "cpu"),
    [
        (["Kernel panic - not syncing", "CPU: 1 PID: 5 Comm: five"], 1),
        (["CPU: 0 before", "BUG: unable to handle kernel paging CPU: 1"], 1),
        (["Oops: 0002", "no CPU here", "CPU 0 of old"], 0),
        (["Oops: 0002", "CPU: 7 is none"], None),
        (["CPU: 1 without a panic"], None),
    ],
)
def test_the_panic_task_by_what_the_log_says(
    fake: FakeTasks, lines: list[str], cpu: int | None
) -> None:
    fake.give(SystemFacts, SimpleNamespace(log_lines=lambda: lines))
    panic = fake.kernel.panic
    assert panic.task == (0 if cpu is None else panic.active[cpu])


def test_a_node_that_stands_in_two_places_is_read_once(fake: FakeTasks) -> None:
    fake.add(3, "three")
    shared = fake.node + 0x1000
    fake.room(shared, 576)
    fake.write(fake.node, "B", 6)
    fake.write(fake.node + 40 + 8 * 5, "QQ", shared | 2, shared | 2)
    assert len(fake.kernel.panic.new_problems()) == 1


def test_a_tree_without_its_root(fake: FakeTasks) -> None:
    fake.add(3, "three")
    fake.symbol("init_pid_ns", 0xFFFFFFFF82F00000)
    tasks = fake.kernel.tasks
    assert [t.pid for t in tasks.all] == [0, 0]
    assert len(fake.kernel.panic.new_problems()) == 1
