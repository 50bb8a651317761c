"""High resolution timers of a kernel made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.cpus import Cpus
from pycrash.kernel.system.facts import SystemFacts
from pycrash.kernel.time.hrtimers import Clock, HighTimer, HighTimers
from tests.kernel.fake_kernel import FakeKernel

BASES = 0xFFFF888000001000
ONE, TWO, FAR = 0xFFFF888000010000, 0xFFFF888000020000, 0xFFFF888000090000
GET_TIME, FUNCTION = 0xFFFFFFFF81000000, 0xFFFFFFFF81000100
FIRST = BASES + 8
#: A clock, and where its tree begins.
CLOCK, TREE = 48, 16


def make(**clock: tuple[int, str]) -> FakeKernel:
    made = FakeKernel()
    node = made.struct(
        "rb_node", 24, rb_parent_color=(0, "Q"), rb_right=(8, "P"), rb_left=(16, "P")
    )
    root = made.struct("rb_root", 8, rb_node=(0, "P"))
    cached = made.struct("rb_root_cached", 16, rb_root=(0, root), rb_leftmost=(8, "P"))
    head = made.struct("timerqueue_head", 16, rb_root=(0, cached))
    entry = made.struct("timerqueue_node", 32, node=(0, node), expires=(24, "q"))
    made.struct("hrtimer", 48, node=(0, entry), _softexpires=(32, "q"), function=(40, "P"))
    base = made.struct("hrtimer_clock_base", CLOCK, active=(TREE, head), **clock)
    made.struct("hrtimer_cpu_base", 8 + 2 * CLOCK, clock_base=(8, made.array(base, 2)))
    made.symbol("hrtimer_bases", BASES)
    made.room(BASES, 8 + 2 * CLOCK)
    made.give(Cpus, SimpleNamespace(address=lambda symbol, cpu: symbol))
    made.give(SystemFacts, SimpleNamespace(ticks=100, hz=250))
    return made


@pytest.fixture
def fake() -> FakeKernel:
    made = make(index=(0, "I"), get_time=(32, "P"), offset=(40, "q"))
    made.write(FIRST + 32, "Qq", GET_TIME, 5)
    made.write(FIRST + CLOCK, "I", 1)
    # TWO is the root of the first clock's tree, ONE its left child.
    made.write(FIRST + TREE, "QQ", TWO, ONE)
    made.write(ONE, "QQQqqQ", TWO, 0, 0, 7000, 6000, FUNCTION)
    made.write(TWO, "QQQqqQ", 0, 0, ONE, 9000, 9000, FUNCTION)
    return made


def test_the_clocks_of_a_cpu(fake: FakeKernel) -> None:
    first, second = HighTimers(fake.kernel).clocks(0)
    assert first == Clock(0, FIRST, 400_000_005, GET_TIME, 0)
    assert second == Clock(1, FIRST + CLOCK, 400_000_000, 0, 1)


def test_clocks_of_a_kernel_that_keeps_no_function_for_them() -> None:
    first, _ = HighTimers(make(index=(0, "I"), offset=(40, "q")).kernel).clocks(0)
    assert first.get_time == 0


def test_timers_in_the_order_in_which_they_expire(fake: FakeKernel) -> None:
    timers = HighTimers(fake.kernel)
    first, second = timers.clocks(0)
    assert list(timers.timers(first)) == [
        HighTimer(ONE, 6000, 7000, FUNCTION),
        HighTimer(TWO, 9000, 9000, FUNCTION),
    ]
    assert list(timers.timers(second)) == []


def test_a_tree_that_leads_back(fake: FakeKernel) -> None:
    timers = HighTimers(fake.kernel)
    fake.write(ONE + 8, "Q", TWO)
    with pytest.raises(CrashError):
        list(timers.timers(next(timers.clocks(0))))


def test_a_timer_that_was_left_out(fake: FakeKernel) -> None:
    timers = HighTimers(fake.kernel)
    fake.write(ONE + 8, "Q", FAR)
    with pytest.raises(CrashError, match=f"corrupted rb_right pointer: {FAR:x}"):
        list(timers.timers(next(timers.clocks(0))))


def test_a_timer_whose_end_was_left_out(fake: FakeKernel) -> None:
    timers = HighTimers(fake.kernel)
    fake.spans[TWO] = fake.spans[TWO][:32]
    *_, last = timers.timers(next(timers.clocks(0)))
    assert last == HighTimer(TWO, None, None, None)


def test_a_clock_that_was_left_out(fake: FakeKernel) -> None:
    fake.symbol("hrtimer_bases", FAR)
    with pytest.raises(ReadError, match="hrtimer_clock_base"):
        next(HighTimers(fake.kernel).clocks(0))


def test_a_kernel_without_them() -> None:
    with pytest.raises(MissingFeature):
        next(HighTimers(FakeKernel().kernel).clocks(0))
