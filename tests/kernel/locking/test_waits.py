"""Tasks that wait: locks found by what lies on stacks, their owners, chains and rings."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pycrash.kernel.arch.chooser import choose
from pycrash.kernel.locking.owners import Owner, Owners
from pycrash.kernel.locking.waits import Wait, Waits, chains, cycles
from pycrash.kernel.stacks.stacks import Stacks
from pycrash.kernel.stacks.trace import Frame
from pycrash.kernel.symbols.table import SymbolTable
from tests.kernel.fake_kernel import FakeTasks

LOCK = 0xFFFF888010000000
TASKS = [0xFFFF888001100000 + n * 0x1000 for n in range(10, 13)]
STACKS = [0xFFFFC90000010000 + n * 0x10000 for n in range(3)]
#: Where on its stack each task has its waiter.
DEEP = 0x3F00
SIZE = 0x4000


class Waiting(FakeTasks):
    """Three tasks, each with a stack and the functions on it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[int, list[str]] = {}
        links = self.types["list_head"]
        self.struct("mutex_waiter", 24, list=(0, links), task=(16, "P"))
        self.struct("rwsem_waiter", 24, list=(0, links), task=(16, "P"))
        self.struct("mutex", 32, owner=(0, "q"), wait_list=(16, links))
        self.struct("rw_semaphore", 40, count=(0, "q"), owner=(8, "q"), wait_list=(24, links))
        for number, (task, stack) in enumerate(zip(TASKS, STACKS, strict=True)):
            assert self.add(number + 10, f"task{number}", stack=stack, state=2) == task
            self.room(stack, SIZE)
        self.room(LOCK, 0x100)
        self.give(Stacks, Stacks(self.kernel))
        vars(self.kernel.part(Stacks))["size"] = SIZE
        self.unwind_by(self.trace)
        self.give(SymbolTable, SimpleNamespace(in_range=lambda address: False))

    def unwind_by(self, trace: Any) -> None:
        vars(self.kernel.part(choose))["unwinder"] = SimpleNamespace(trace=trace)

    def trace(self, task: Any, options: Any) -> Any:
        names = ["__schedule", "schedule", *self.calls.get(task.address, [])]
        frames = [Frame(n, 0, 0, name, 0, "") for n, name in enumerate(names)]
        return SimpleNamespace(events=frames)

    def hang(self, head: int, *numbers: int) -> None:
        """Link the waiters of tasks into the list of a lock."""
        nodes = [head, *(STACKS[n] + DEEP for n in numbers)]
        for place, node in enumerate(nodes):
            following = nodes[(place + 1) % len(nodes)]
            self.write(node, "QQ", following, nodes[place - 1])
        for n in numbers:
            self.write(STACKS[n] + DEEP + 16, "Q", TASKS[n])

    def wait(self, number: int) -> Wait | None:
        return Waits(self.kernel).of(self.kernel.tasks.get(TASKS[number]))


@pytest.fixture
def fake() -> Waiting:
    made = Waiting()
    made.calls = {task: ["__mutex_lock.constprop.0", "driver"] for task in TASKS[1:]}
    return made


def test_a_mutex_and_its_owner(fake: Waiting) -> None:
    fake.hang(LOCK + 16, 1, 2)
    fake.write(LOCK, "Q", TASKS[0] | 1)
    for number in (1, 2):
        wait = fake.wait(number)
        assert wait is not None
        assert (wait.kind, wait.lock, wait.function) == ("mutex", LOCK, "driver")
        assert wait.owner.task is not None
        assert (wait.owner.task.address, wait.owner.certain) == (TASKS[0], True)


def test_a_word_that_is_in_no_list_proves_nothing(fake: Waiting) -> None:
    fake.write(STACKS[1] + DEEP, "QQQ", LOCK + 16, LOCK + 16, TASKS[1])
    wait = fake.wait(1)
    assert wait is not None
    assert (wait.kind, wait.lock, wait.owner.task) == ("mutex", None, None)


@pytest.mark.parametrize("wild", [0, 5, 0xDEAD000000000100, STACKS[1] + DEEP])
def test_a_damaged_list_ends(fake: Waiting, wild: int) -> None:
    fake.hang(LOCK + 16, 1, 2)
    fake.write(STACKS[2] + DEEP, "Q", wild)  # where the second waiter leads
    assert fake.wait(1) is not None


def test_an_owner_that_is_no_task(fake: Waiting) -> None:
    fake.hang(LOCK + 16, 1)
    fake.write(LOCK, "Q", 0xFFFF888007777000)
    wait = fake.wait(1)
    assert wait is not None
    assert wait.lock == LOCK
    assert wait.owner.task is None


@pytest.mark.parametrize(
    ("count", "owner", "task", "certain"),
    [
        (1, TASKS[0], TASKS[0], True),  # a writer
        (0x100, TASKS[0] | 1, TASKS[0], False),  # one reader, perhaps this one
        (0x300, 1, None, False),  # readers that are not known
        (0, TASKS[0], None, False),  # nobody any more
    ],
)
def test_who_holds_a_rwsem(
    fake: Waiting, count: int, owner: int, task: int | None, certain: bool
) -> None:
    fake.write(LOCK, "QQ", count, owner)
    found = Owners(fake.kernel).of("rwsem", LOCK)
    assert (found.task and found.task.address, found.certain) == (task, certain)


def test_no_owner_is_named_where_none_can_be_known(fake: Waiting) -> None:
    for kind in ("semaphore", "percpu-rwsem", "completion", "wait queue"):
        assert Owners(fake.kernel).of(kind, LOCK).task is None


def test_a_running_task_waits_for_nothing(fake: Waiting) -> None:
    fake.unwind_by(_nothing)
    assert fake.wait(1) is None


def _nothing(task: Any, options: Any) -> Any:
    return SimpleNamespace(events=[])


def waiting(fake: Waiting, pairs: dict[int, int | None]) -> list[Wait]:
    """Waits of tasks by number, each for the task of another number."""
    tasks = [fake.kernel.tasks.get(address) for address in TASKS]
    return [
        Wait(tasks[n], "mutex", LOCK, "", "", "f", Owner(None if o is None else tasks[o], True, ""))
        for n, o in pairs.items()
    ]


def test_a_ring(fake: Waiting) -> None:
    (ring,) = cycles(waiting(fake, {2: 1, 1: 2, 0: 1}))
    assert [wait.task.pid for wait in ring] == [11, 12]


def test_a_task_that_waits_for_itself(fake: Waiting) -> None:
    (ring,) = cycles(waiting(fake, {0: 0}))
    assert [wait.task.pid for wait in ring] == [10]


def test_a_chain(fake: Waiting) -> None:
    waits = waiting(fake, {0: 1, 1: 2, 2: None})
    assert cycles(waits) == []
    (chain,) = chains(waits)
    assert [wait.task.pid for wait in chain] == [10, 11, 12]


@pytest.mark.parametrize(
    ("readers", "owner", "found"), [(2, 1, True), (0, 1, False), (2, 0, False)]
)
def test_a_writer_waits_for_the_readers(
    fake: Waiting, readers: int, owner: int, found: bool
) -> None:
    """PREEMPT_RT: the stack has the address of the lock's rt_mutex, which the writer owns."""
    fake.struct("rt_mutex_base", 32, owner=(24, "Q"))
    inner = fake.types["rt_mutex_base"]
    fake.struct("rwbase_rt", 40, readers=(0, "i"), rtmutex=(8, inner))
    fake.calls[TASKS[1]] = ["rwbase_write_lock", "driver"]
    fake.write(STACKS[1] + DEEP, "Q", LOCK + 8)
    fake.write(LOCK, "i", readers)
    fake.write(LOCK + 32, "Q", TASKS[owner])
    wait = fake.wait(1)
    assert wait is not None
    assert (wait.kind, wait.lock) == (("rwsem", LOCK) if found else ("rt_mutex", None))
    assert wait.owner.task is None
