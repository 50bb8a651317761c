"""Where the stacks of tasks lie, and the mark at their end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pycrash.errors import ReadError
from pycrash.kernel.core.cpus import Cpus
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.stacks.stacks import Stack, Stacks
from pycrash.kernel.tasks.table import Task
from tests.kernel.fake_kernel import FakeKernel

STACK_END_MAGIC = 0x57AC6E9D
INIT_TASK = 0x7000


@pytest.fixture
def fake() -> FakeKernel:
    made = FakeKernel()
    made.struct("thread_info", 16, task=(0, "Q"))
    made.symbol("__start_init_stack", 0x1000)
    made.symbol("__end_init_stack", 0x5000)
    made.symbol("init_task", INIT_TASK)
    memory = SimpleNamespace(
        is_kernel=lambda address: address >= 0x1000, read_slowly=made.kernel.memory.read_slowly
    )
    made.give(Memory, memory)
    made.give(Cpus, SimpleNamespace(present={0}))
    return made


def task(stack: int, thread_info: int = 0, address: int = 0x9000, pid: int = 1) -> Task:
    values: dict[str, Any] = dict.fromkeys(Task._fields, 0)
    values |= {"address": address, "pid": pid, "stack": stack, "thread_info": thread_info}
    return Task(**values)


def test_the_size_of_a_task_stack(fake: FakeKernel) -> None:
    assert Stacks(fake.kernel).of_task(0x40000) == Stack(0x40000, 0x4000)


def test_the_size_where_nothing_tells(fake: FakeKernel) -> None:
    del fake.symbols["__end_init_stack"]
    assert Stacks(fake.kernel).size == 2 * fake.kernel.page_size


def test_the_mark_at_the_end_of_a_stack(fake: FakeKernel) -> None:
    found = Stacks(fake.kernel)
    fake.write(0x50000, "Q", STACK_END_MAGIC)
    assert found.overflows(task(0x50000)) == []
    fake.write(0x50000, "Q", 5)
    assert found.overflows(task(0x50000)) == ["50000: 5 != STACK_END_MAGIC"]
    assert found.overflows(task(0x50000, address=INIT_TASK, pid=0)) == []
    with pytest.raises(ReadError):
        found.overflows(task(0x60000))


def test_memory_that_is_not_the_kernels(fake: FakeKernel) -> None:
    fake.room(0, 0x4000)
    found = Stacks(fake.kernel)
    for ask in (found.raw, lambda base: found.overflows(task(base))):
        with pytest.raises(ReadError, match="invalid kernel virtual address: 0 "):
            ask(0)


def test_thread_info_at_the_end_of_the_stack(fake: FakeKernel) -> None:
    fake.write(0x50000, "QQQ", 0x1234, 0, STACK_END_MAGIC)
    damaged = task(0x50000, thread_info=0x50000)
    assert Stacks(fake.kernel).overflows(damaged) == ["thread_info.task: 1234 != 9000"]
