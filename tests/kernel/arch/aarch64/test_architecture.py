"""What else 64-bit ARM decides: ticks a second, registers of tasks."""

from __future__ import annotations

import pytest

from pycrash.kernel.arch.aarch64.architecture import AArch64
from tests.kernel.fake_kernel import FakeKernel

TICK_NSEC, TASK = 0x1000, 0x2000


@pytest.mark.parametrize(("nanoseconds", "hz"), [(4_000_000, 250), (3_333_333, 300), (0, 100)])
def test_ticks_a_second_by_the_length_of_one(nanoseconds: int, hz: int) -> None:
    fake = FakeKernel()
    fake.symbol("tick_nsec", TICK_NSEC)
    fake.write(TICK_NSEC, "Q", nanoseconds)
    assert AArch64(fake.kernel).default_hz == hz


def test_ticks_a_second_where_nothing_tells() -> None:
    assert AArch64(FakeKernel().kernel).default_hz == 100


def test_registers_of_a_task_that_waits() -> None:
    fake = FakeKernel()
    context = fake.struct("cpu_context", 24, x19=(0, "Q"), fp=(8, "Q"), pc=(16, "Q"))
    thread = fake.struct("thread_struct", 24, cpu_context=(0, context))
    fake.struct("task_struct", 32, on_cpu=(0, "I"), thread=(8, thread))
    fake.write(TASK, "IIQQQ", 0, 0, 19, 29, 64)
    arch = AArch64(fake.kernel)
    assert [arch._waiting_register(TASK, name) for name in ("x19", "x29", "pc")] == [19, 29, 64]
    with pytest.raises(LookupError):
        arch._waiting_register(TASK, "x0")
    fake.write(TASK, "I", 1)
    with pytest.raises(LookupError, match="the task runs"):
        arch._waiting_register(TASK, "x19")
