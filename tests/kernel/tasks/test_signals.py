"""Signals of tasks of a kernel made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.system.facts import SystemFacts
from pycrash.kernel.tasks.signals import (
    Group,
    Pending,
    QueuedSignal,
    Signals,
    signal_name,
    signals_in,
)
from pycrash.kernel.tasks.table import Task
from tests.kernel.fake_kernel import FakeKernel

TASK, SIGNAL, SIGHAND = 0xFFFF888000001000, 0xFFFF888000002000, 0xFFFF888000003000
ONE, TWO, FAR = 0xFFFF888000010000, 0xFFFF888000020000, 0xFFFF888000090000
#: Where the queues begin: of the task, of its group.
OWN, SHARED = TASK + 32, SIGNAL + 16
HANDLER = 0x401000


@pytest.fixture
def fake() -> FakeKernel:
    made = FakeKernel()
    head = made.struct("list_head", 16, next=(0, "P"), prev=(8, "P"))
    pending = made.struct("sigpending", 24, list=(0, head), signal=(16, "Q"))
    mask = made.struct("sigset", 8, sig=(0, "8s"))
    action = made.struct(
        "sigaction", 32, sa_handler=(0, "P"), sa_flags=(8, "Q"), sa_mask=(24, mask)
    )
    actions = made.array(made.struct("k_sigaction", 32, sa=(0, action)), 64)
    made.struct("sighand_struct", 2056, action=(8, actions))
    made.struct("signal_struct", 40, nr_threads=(8, "i"), shared_pending=(16, pending))
    made.struct("thread_info", 16, flags=(0, "Q"))
    made.struct(
        "task_struct",
        64,
        thread_info=(0, made.types["thread_info"]),
        sighand=(16, "P"),
        blocked=(24, "Q"),
        pending=(32, pending),
    )
    info = made.struct("kernel_siginfo", 48, si_signo=(0, "i"))
    made.struct("sigqueue", 80, list=(0, head), info=(32, info))
    made.write(TASK, "QQQQQQQ", 4, 0, SIGHAND, 1 << 8, OWN, OWN, 0)
    made.write(SIGNAL, "QiiQQQ", 0, 3, 0, SHARED, SHARED, 0)
    made.room(SIGHAND, 2056)
    made.give(SystemFacts, SimpleNamespace(config={}))
    made.kernel.arch.__dict__["signal_bit"] = 2
    return made


@pytest.fixture
def task() -> Task:
    values = dict.fromkeys(Task._fields, 0) | {"address": TASK, "thread_info": TASK}
    return Task(**{**values, "signal": SIGNAL, "comm": "x"})  # type: ignore[arg-type]


def queue(fake: FakeKernel, head: int, *entries: tuple[int, int]) -> None:
    """Put (address, signal) into a queue."""
    links = [head, *(address for address, _ in entries)]
    for place, link in enumerate(links):
        fake.write(link, "QQ", links[(place + 1) % len(links)], links[place - 1])
    for address, signal in entries:
        fake.room(address + 16, 64)
        fake.write(address + 32, "i", signal)


def test_the_group_and_what_it_does(fake: FakeKernel, task: Task) -> None:
    fake.write(SIGHAND + 8 + 9 * 32, "QQQQ", HANDLER, 0x14000000, 0, 1 << 1)
    signals = Signals(fake.kernel)
    assert signals.group(task) == Group(SIGNAL, 3)
    assert signals.group(task._replace(signal=0)) == Group(0, None)
    actions = signals.actions(task)
    assert len(actions) == 64
    assert actions[9] == (SIGHAND + 8 + 9 * 32, HANDLER, 2, 0x14000000)
    assert {action[1:] for action in (*actions[:9], *actions[10:])} == {(0, 0, 0)}


def test_what_waits(fake: FakeKernel, task: Task) -> None:
    queue(fake, OWN, (ONE, 10), (TWO, 34))
    fake.write(OWN + 16, "Q", 1 << 9 | 1 << 33)
    signals = Signals(fake.kernel)
    own = (QueuedSignal(10, ONE + 32), QueuedSignal(34, TWO + 32))
    assert signals.private(task) == Pending(1 << 9 | 1 << 33, own)
    assert signals.shared(task) == Pending(0, ())
    assert signals.blocked(task) == 1 << 8
    assert signals.is_pending(task)
    fake.write(TASK, "Q", 2)
    assert not signals.is_pending(task)
    fake.give(SystemFacts, SimpleNamespace(config={"CONFIG_HAVE_GENERIC_TIF_BITS": "y"}))
    assert Signals(fake.kernel).is_pending(task)


def test_a_queue_that_leads_astray(fake: FakeKernel, task: Task) -> None:
    queue(fake, SHARED, (ONE, 10), (TWO, 12))
    fake.write(TWO, "Q", ONE)
    with pytest.raises(CrashError, match="duplicate"):
        Signals(fake.kernel).shared(task)
    fake.write(TWO, "Q", FAR)
    with pytest.raises(ReadError) as caught:
        Signals(fake.kernel).shared(task)
    assert caught.value.address & -4096 == FAR


def test_actions_that_were_left_out(fake: FakeKernel, task: Task) -> None:
    fake.write(TASK + 16, "Q", FAR)
    with pytest.raises(ReadError, match="sighand_struct buffer"):
        Signals(fake.kernel).actions(task)


def test_names() -> None:
    assert [signal_name(n) for n in (0, 1, 31, 32, 33, 48, 49, 64, 65)] == [
        *("0", "SIGHUP", "SIGSYS", "SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+16"),
        *("SIGRTMAX-15", "SIGRTMAX", "65"),
    ]
    assert signals_in(1 << 63 | 1) == [1, 64]
    assert signals_in(0) == []
