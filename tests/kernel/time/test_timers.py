"""Timer wheels of a kernel made by hand."""

from __future__ import annotations

import pytest

from pycrash.kernel.core.cpus import Cpus
from pycrash.kernel.time.timers import Timer, TimerWheels, Wheel
from tests.kernel.fake_kernel import FakeKernel

BASE, ONE, TWO = 0xFFFF888000001000, 0xFFFF888000010000, 0xFFFF888000020000
FUNCTION = 0xFFFFFFFF81000000


@pytest.fixture
def fake() -> FakeKernel:
    made = FakeKernel()
    made.kernel._parts.pop(Cpus, None)
    node = made.struct("hlist_node", 16, next=(0, "P"), pprev=(8, "P"))
    first = made.struct("hlist_head", 8, first=(0, "P"))
    made.struct("timer_list", 32, entry=(0, node), expires=(16, "Q"), function=(24, "P"))
    made.struct("timer_base", 24, clk=(0, "Q"), vectors=(8, made.array(first, 2)))
    made.symbol("timer_bases", BASE, 72)
    made.write(BASE, "QQQ", 5, ONE, TWO)
    made.write(ONE, "QQQQ", 0, 0, 9, FUNCTION)
    made.write(TWO, "QQQQ", 0, 0, 7, FUNCTION)
    return made


def test_wheels_have_the_names_of_their_kernel(fake: FakeKernel) -> None:
    names = ["BASE_LOCAL", "BASE_GLOBAL", "BASE_DEF"]
    assert TimerWheels(fake.kernel).of_cpu(0) == [
        Wheel(BASE + 24 * nth, name) for nth, name in enumerate(names)
    ]
    fake.symbol("timer_bases", BASE, 48)
    assert [wheel.name for wheel in TimerWheels(fake.kernel).of_cpu(0)] == ["BASE_STD", "BASE_DEF"]


def test_timers_in_the_order_in_which_they_expire(fake: FakeKernel) -> None:
    found = [Timer(TWO, 7, FUNCTION), Timer(ONE, 9, FUNCTION)]
    assert TimerWheels(fake.kernel).timers(BASE) == found


def test_a_damaged_list_is_left_out(fake: FakeKernel) -> None:
    fake.write(ONE, "Q", ONE)
    assert TimerWheels(fake.kernel).timers(BASE) == [Timer(TWO, 7, FUNCTION)]
