"""Audit messages that had not reached the audit daemon (struct sk_buff_head, struct nlmsghdr)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pycrash.errors import CrashError, MissingFeature
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.walks.lists import Chain, DuplicateEntry, entries

#: An audit message is far shorter; a longer one is damage.
MAX_MESSAGE = 1 << 20


@dataclass(frozen=True, slots=True)
class AuditMessage:
    """One message: its netlink type, and its text with surrogate escapes for odd bytes."""

    type: int
    text: str


def audit_messages(kernel: Reader) -> Iterator[AuditMessage]:
    """The messages of every audit queue, oldest queue first. Raises MissingFeature, CrashError."""
    queues: tuple[str, ...] = ("audit_skb_hold_queue", "audit_skb_queue")
    if kernel.symbol_address("audit_skb_queue") is None:  # 4.10
        queues = ("audit_hold_queue", "audit_retry_queue", "audit_queue")
        if kernel.symbol_address("audit_queue") is None:
            raise MissingFeature("no audit queues in this kernel")
    for name in queues:
        head = kernel.symbol_address(name)
        if head is not None:
            yield from _queue(kernel, head)


def _queue(kernel: Reader, head: int) -> Iterator[AuditMessage]:
    heads = Layout(kernel.prog, "struct sk_buff_head", ("next", "qlen"))
    buffers = Layout(kernel.prog, "struct sk_buff", ("next", "len", "data"))
    count = kernel.read(head + heads.at("qlen"), 4, "audit_skb_queue.qlen")
    if not any(count):
        return
    first = kernel.read_word(head + heads.at("next"), "audit_skb_queue.next")
    if not first:
        raise CrashError("audit_skb_queue.next: NULL")
    try:
        for buffer in entries(kernel, Chain(first, buffers.at("next"), end=head), "skb_buff.next"):
            yield _message(kernel, buffer + buffers.at("len"), buffer + buffers.at("data"))
    except DuplicateEntry as error:
        raise CrashError(f"duplicate audit message buffer: {error.address:x}") from None


def _message(kernel: Reader, length_at: int, data_at: int) -> AuditMessage:
    header = Layout(kernel.prog, "struct nlmsghdr", ("nlmsg_type",))
    size = (header.whole + 3) & ~3
    (length,) = struct.unpack(kernel.struct_format("I"), kernel.read(length_at, 4, "sk_buff.len"))
    data = kernel.read_word(data_at, "sk_buff.data")
    if not data:
        raise CrashError("sk_buff.data: NULL")
    if not size <= length <= MAX_MESSAGE:
        raise CrashError(f"invalid audit message length: {length}")
    at = data + header.at("nlmsg_type")
    (kind,) = struct.unpack(kernel.struct_format("H"), kernel.read(at, 2, "nlmsghdr.nlmsg_type"))
    what = "sk_buff.data + sizeof(struct nlmsghdr)"
    text = kernel.read(data + size, length - size, what).partition(b"\0")[0]
    return AuditMessage(kind, text.decode("utf-8", "surrogateescape"))
