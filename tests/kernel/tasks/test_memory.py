"""Resident pages, summed as each generation of kernels kept them."""

from __future__ import annotations

import pytest

from pycrash.errors import ReadError
from pycrash.kernel.tasks.memory import MemoryUse
from tests.kernel.fake_kernel import PER_CPU, FakeTasks

MM = 0xFFFF888004000000
PARTS = 0x3000


@pytest.fixture
def fake() -> FakeTasks:
    fake = FakeTasks()
    for place, name in enumerate(("MM_FILEPAGES", "MM_ANONPAGES", "MM_SWAPENTS", "MM_SHMEMPAGES")):
        fake.constants[name] = place
    fake.symbol("high_memory", 0xFFFFFFFF82300000)
    fake.symbol("page_offset_base", 0xFFFFFFFF82300008)
    fake.write(0xFFFFFFFF82300000, "QQ", 0xFFFF888000000000 + 1000 * 4096, 0xFFFF888000000000)
    return fake


def per_cpu_counters(fake: FakeTasks, places: list[int]) -> None:
    """An mm_struct as since 6.2: base counts 10, 20, 30, 40 and per-CPU parts at `places`."""
    counter = fake.struct("percpu_counter", 16, count=(0, "q"), counters=(8, "P"))
    fake.struct(
        "mm_struct",
        128,
        mm_count=(0, "i"),
        pgd=(8, "P"),
        total_vm=(16, "Q"),
        rss_stat=(32, fake.array(counter, 4)),
    )
    fake.room(MM, 128)
    fake.write(MM, "iIQQ", 1, 0, 0x5000, 77)
    for number, place in enumerate(places):
        fake.write(MM + 32 + 16 * number, "qQ", 10 * (number + 1), PARTS + place)
    for offset in PER_CPU:
        fake.room(offset + PARTS, 2 * 4096)


@pytest.mark.parametrize("places", [[0, 4, 8, 12], [0, 4096, 8, 300], [4090, 4094, 4098, 4102]])
def test_per_cpu_parts_are_added(fake: FakeTasks, places: list[int]) -> None:
    per_cpu_counters(fake, places)
    fake.write(PER_CPU[0] + PARTS + places[0], "i", 5)
    fake.write(PER_CPU[1] + PARTS + places[1], "i", -2)
    fake.write(PER_CPU[1] + PARTS + places[3], "i", -100)
    task = fake.kernel.tasks.get(fake.add(5, "five", mm=MM, flags=0))
    # Files 10 + 5, anonymous 20 - 2, shared 40 - 100 counts as none; swap does not count.
    assert fake.kernel.task_memory.use(task) == MemoryUse(33, 77, 3.3, 0x5000)


def test_parts_that_are_left_out(fake: FakeTasks) -> None:
    per_cpu_counters(fake, [0, 4, 8, 12])
    fake.write(MM + 32 + 8, "Q", 0x700000)
    task = fake.kernel.tasks.get(fake.add(5, "five", mm=MM, flags=0))
    with pytest.raises(ReadError, match="percpu_counter"):
        fake.kernel.task_memory.use(task)


def test_until_6_1_tasks_keep_counts_of_their_own(fake: FakeTasks) -> None:
    numbers = fake.struct(
        "mm_rss_stat", 32, count=(0, fake.array(fake.prog.int_type("long", 8, True), 4))
    )
    kept = fake.struct(
        "task_rss_stat", 16, count=(0, fake.array(fake.prog.int_type("int", 4, True), 4))
    )
    members = {
        m.name or "": (m.bit_offset // 8, m.type) for m in fake.types["task_struct"].members or ()
    }
    fake.struct("task_struct", 512, **members, rss_stat=(200, kept))
    fake.struct(
        "mm_struct",
        128,
        mm_count=(0, "i"),
        pgd=(8, "P"),
        total_vm=(16, "Q"),
        rss_stat=(32, numbers),
    )
    fake.room(MM, 128)
    fake.write(MM + 16, "Q", 9)
    fake.write(MM + 32, "qqqq", 100, -5, 1000, 7)
    one = fake.add(5, "leader", mm=MM, flags=0)
    two = fake.add(6, "thread", mm=MM, flags=0, tgid=5)
    fake.write(one + 200, "iiii", 1, 2, 50, -3)
    fake.write(two + 200, "iiii", 0, 10, 50, 0)
    use = fake.kernel.task_memory.use
    assert use(fake.kernel.tasks.get(one)).rss == 107 + 3 + 10
    assert use(fake.kernel.tasks.get(two)).rss == 107 + 3 + 10


def test_no_figures_for_zombies_and_kernel_threads(fake: FakeTasks) -> None:
    per_cpu_counters(fake, [0, 4, 8, 12])
    zombie = fake.add(5, "zombie", mm=MM, flags=0, exit_state=4)
    thread = fake.add(6, "thread", mm=0)
    use = fake.kernel.task_memory.use
    assert use(fake.kernel.tasks.get(zombie)) == MemoryUse(0, 0, 0.0, 0)
    assert use(fake.kernel.tasks.get(thread)) == MemoryUse(0, 0, 0.0, 0)
