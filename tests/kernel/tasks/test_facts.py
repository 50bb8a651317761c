"""CPUs, clocks, limits and stack strings of a kernel made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.system.facts import SystemFacts
from pycrash.kernel.tasks.arguments import Strings, read_strings, stack_text
from pycrash.kernel.tasks.family import ancestors, companions
from pycrash.kernel.tasks.limits import limits
from tests.kernel.fake_kernel import PER_CPU, FakeTasks


@pytest.fixture
def fake() -> FakeTasks:
    return FakeTasks()


def test_cpus_counted_by_the_numbers_they_keep(fake: FakeTasks) -> None:
    cpus = fake.kernel.cpus
    assert cpus.count == 2
    assert cpus.present == cpus.online == {0, 1}
    assert cpus.address(0x100, 1) == PER_CPU[1] + 0x100
    with pytest.raises(CrashError, match="invalid cpu: 2"):
        cpus.address(0x100, 2)


def test_a_cpu_whose_memory_was_never_set_up_ends_the_count(fake: FakeTasks) -> None:
    fake.write(PER_CPU[1] + 0x2000, "i", 9)
    assert fake.kernel.cpus.count == 1


def test_no_more_cpus_than_are_present(fake: FakeTasks) -> None:
    fake.write(0xFFFFFFFF82100100, "QQ", 1, 1)
    assert fake.kernel.cpus.count == 1
    assert not fake.kernel.cpus.is_online(1)


def test_a_kernel_without_smp_has_one_cpu(fake: FakeTasks) -> None:
    del fake.symbols["__per_cpu_offset"]
    assert fake.kernel.cpus.count == 1
    assert fake.kernel.cpus.address(0x100, 0) == 0x100


def test_run_time_in_whole_seconds(fake: FakeTasks) -> None:
    fake.give(SystemFacts, SimpleNamespace(ticks=2600, hz=250))
    assert fake.kernel.clock.run_seconds(3_999_999_999) == 7
    assert fake.kernel.clock.run_seconds(60_000_000_000) == 0


def test_limits_have_names(fake: FakeTasks) -> None:
    limit = fake.struct("rlimit", 16, rlim_cur=(0, "Q"), rlim_max=(8, "Q"))
    fake.struct("signal_struct", 512, rlim=(16, fake.array(limit, 17)))
    signal = 0xFFFF888005000000
    fake.room(signal, 512)
    fake.write(signal + 16, "QQQQ", 1, 2, 3, 2**64 - 1)
    task = fake.kernel.tasks.get(fake.add(5, "five", signal=signal))
    found = limits(fake.kernel, task)
    assert found[:2] == [("CPU", 1, 2), ("FSIZE", 3, None)]
    assert found[15:] == [("RTTIME", 0, 0), ("(unknown)", 0, 0)]


def test_limits_that_are_left_out(fake: FakeTasks) -> None:
    limit = fake.struct("rlimit", 16, rlim_cur=(0, "Q"), rlim_max=(8, "Q"))
    fake.struct("signal_struct", 512, rlim=(16, fake.array(limit, 16)))
    task = fake.kernel.tasks.get(fake.add(5, "five", signal=0x5000))
    with pytest.raises(ReadError, match="signal_struct rlimit array"):
        limits(fake.kernel, task)


class UserMemory:
    """Pages of user memory, each of one letter."""

    def __init__(self, pages: dict[int, str]) -> None:
        self._pages = pages

    def read_user(self, task: int, address: int, size: int, what: str) -> bytes:
        page = address & ~4095
        assert address + size <= page + 4096
        if page not in self._pages:
            raise ReadError(address, what)
        return self._pages[page].encode() * size


def test_strings_of_the_stack_page_by_page(fake: FakeTasks) -> None:
    fake.struct(
        "mm_struct",
        64,
        arg_start=(0, "Q"),
        arg_end=(8, "Q"),
        env_start=(16, "Q"),
        env_end=(24, "Q"),
    )
    mm = 0xFFFF888005000000
    fake.write(mm, "QQQQ", 0x1FFE, 0x2002, 0x2002, 0x3001)
    task = fake.kernel.tasks.get(fake.add(5, "five", mm=mm))
    place = stack_text(fake.kernel, task)
    assert place == (0x1FFE, 0x2002, 0x2002, 0x3001)
    fake.give(Memory, UserMemory({0x1000: "a", 0x2000: "b"}))
    found = read_strings(fake.kernel, task, place.arg_start, place.arg_end)
    assert found == Strings(("aabb",), ended=False)
    fake.give(Memory, UserMemory({0x1000: "a", 0x2000: "\0"}))
    assert read_strings(fake.kernel, task, 0x1FFE, 0x2002) == Strings(("aa",), ended=True)
    with pytest.raises(CrashError, match="cannot access user stack address: 3000"):
        read_strings(fake.kernel, task, place.env_start, place.env_end)


def test_strings_that_end_before_they_begin_do_not_go_on_for_ever(fake: FakeTasks) -> None:
    class Everywhere(UserMemory):
        def read_user(self, task: int, address: int, size: int, what: str) -> bytes:
            return bytes(size)

    task = fake.kernel.tasks.get(fake.add(5, "five"))
    fake.give(Memory, Everywhere({}))
    with pytest.raises(CrashError, match="cannot access"):
        read_strings(fake.kernel, task, 0x5000, 0x4000)


def test_relatives(fake: FakeTasks) -> None:
    init = fake.add(1, "init", parent=0xDEAD)
    shell = fake.add(5, "shell", parent=init)
    fake.add(6, "thread", tgid=5, parent=init)
    child = fake.add(7, "child", parent=shell)
    table = fake.kernel.tasks
    assert [t.pid for t in ancestors(table, table.get(child))] == [1, 5]
    assert ancestors(table, table.get(init)) == []
    assert [t.pid for t in companions(table, table.get(shell))] == [6]


def test_parents_that_go_in_a_circle_end(fake: FakeTasks) -> None:
    one = fake.add(5, "one", parent=0)
    two = fake.add(6, "two", parent=one)
    fake.add(5, "one", parent=two)
    table = fake.kernel.tasks
    assert [t.pid for t in ancestors(table, table.get(two))] == [5]
