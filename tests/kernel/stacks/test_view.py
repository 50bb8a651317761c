"""The words of a stack, where it lies askew too."""

from __future__ import annotations

from pycrash.kernel.stacks.stacks import Stack
from pycrash.kernel.stacks.view import StackView
from tests.kernel.fake_kernel import FakeKernel

BASE = 0xFFFF888000010000


def test_a_stack_that_a_damaged_pointer_sets_askew() -> None:
    fake = FakeKernel()
    fake.write(BASE, "QQQQ", 1, 2, 3, 4)
    view = StackView(fake.kernel, Stack(BASE + 1, 30))
    view.load(view.stack, BASE + 9)
    assert (view.low, [*view.words]) == (BASE + 8, [2, 3])
    assert view.holds(BASE + 16)
    assert not view.holds(BASE + 24)
