"""Audit messages that nobody fetched."""

from __future__ import annotations

import pytest

from pycrash.errors import CrashError, MissingFeature
from pycrash.kernel.log.audit import AuditMessage, audit_messages
from tests.kernel.fake_kernel import FakeKernel

QUEUE, BUFFER, DATA = 0xFFFFFFFF82000000, 0xFFFF888000001000, 0xFFFF888000002000


class FakeQueue(FakeKernel):
    """`audit_queue` with two buffers, and an empty `audit_retry_queue`."""

    def __init__(self) -> None:
        super().__init__()
        self.struct("sk_buff_head", 24, next=(0, "P"), prev=(8, "P"), qlen=(16, "I"))
        self.struct("sk_buff", 64, next=(0, "P"), len=(32, "I"), data=(40, "P"))
        self.struct("nlmsghdr", 16, nlmsg_len=(0, "I"), nlmsg_type=(4, "H"))
        self.symbol("audit_queue", QUEUE)
        self.symbol("audit_retry_queue", QUEUE + 64)
        self.write(QUEUE + 64, "QQI", QUEUE + 64, QUEUE + 64, 0)
        self.write(QUEUE, "QQI", BUFFER, 0, 2)
        self.put(0, 1300, b"first\0rest", BUFFER + 64)
        self.put(1, 1305, b"second", QUEUE)

    def put(self, place: int, kind: int, text: bytes, following: int) -> None:
        at, data = BUFFER + 64 * place, DATA + 256 * place
        self.room(BUFFER, 128)
        self.room(DATA, 512)
        self.write(at, "Q", following)
        self.write(at + 32, "I", 16 + len(text))
        self.write(at + 40, "Q", data)
        self.write(data, f"IHHII{len(text)}s", 0, kind, 0, 0, 0, text)


def test_the_queue() -> None:
    found = list(audit_messages(FakeQueue().kernel))
    assert found == [AuditMessage(1300, "first"), AuditMessage(1305, "second")]


def test_no_queues() -> None:
    with pytest.raises(MissingFeature, match="no audit queues"):
        list(audit_messages(FakeKernel().kernel))


def test_a_queue_that_goes_round_ends() -> None:
    fake = FakeQueue()
    fake.put(1, 1305, b"second", BUFFER)
    found = audit_messages(fake.kernel)
    assert [next(found).type, next(found).type] == [1300, 1305]
    with pytest.raises(CrashError, match="duplicate audit message"):
        next(found)


@pytest.mark.parametrize(
    ("address", "form", "value", "message"),
    [
        (QUEUE, "Q", 0, "audit_skb_queue.next: NULL"),
        (BUFFER + 40, "Q", 0, "sk_buff.data: NULL"),
        (BUFFER + 32, "I", 3, "invalid audit message length: 3"),
        (BUFFER + 32, "I", 0xFFFFFFFF, "invalid audit message length"),
    ],
)
def test_damage_is_named(address: int, form: str, value: int, message: str) -> None:
    fake = FakeQueue()
    fake.write(address, form, value)
    with pytest.raises(CrashError, match=message):
        list(audit_messages(fake.kernel))
