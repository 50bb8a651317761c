"""Run queues of a kernel made by hand."""

from __future__ import annotations

import pytest

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.problems import Problems
from pycrash.kernel.sched.queues import RunQueues
from tests.kernel.fake_kernel import PER_CPU, RQ, RUNQUEUES, FakeTasks

IDLE = 0xFFFF888001000000


@pytest.fixture
def fake() -> FakeTasks:
    made = FakeTasks()
    made.write(PER_CPU[1] + RUNQUEUES, RQ, IDLE + 0x1000, IDLE + 0x5000, 123)
    return made


def test_what_a_queue_says(fake: FakeTasks) -> None:
    queues = RunQueues(fake.kernel)
    assert queues.address(1) == PER_CPU[1] + RUNQUEUES
    assert (queues.idle(1), queues.current(1), queues.clock(1)) == (
        IDLE + 0x1000,
        IDLE + 0x5000,
        123,
    )
    assert queues.running == {0: IDLE, 1: IDLE + 0x5000}
    with pytest.raises(CrashError, match="invalid cpu: 2"):
        queues.clock(2)


def test_a_queue_that_cannot_be_read_is_told_once(fake: FakeTasks) -> None:
    fake.spans.pop(PER_CPU[0] + RUNQUEUES)
    queues = fake.kernel.part(RunQueues)
    assert queues.running == {1: IDLE + 0x5000}
    assert queues.running == {1: IDLE + 0x5000}
    problems = fake.kernel.part(Problems)
    assert [line.rpartition("type: ")[2] for line in problems.take()] == [
        '"active runqueues entry (per_cpu)"'
    ]
    assert problems.take() == []
    with pytest.raises(ReadError, match="runqueues entry"):
        queues.idle(0)


def test_a_queue_that_runs_nothing(fake: FakeTasks) -> None:
    fake.write(PER_CPU[0] + RUNQUEUES, RQ, IDLE, 0, 0)
    assert RunQueues(fake.kernel).running == {1: IDLE + 0x5000}


def test_no_queues(fake: FakeTasks) -> None:
    del fake.symbols["runqueues"]
    with pytest.raises(MissingFeature, match="no symbol runqueues in this kernel"):
        RunQueues(fake.kernel).clock(1)
