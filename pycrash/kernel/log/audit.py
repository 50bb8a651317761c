"""Audit messages that had not reached the audit daemon (struct sk_buff_head, struct nlmsghdr)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.errors import CrashError, MissingFeature

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

#: An audit message is far shorter; a longer one is damage.
MAX_MESSAGE = 1 << 20


@dataclass(frozen=True, slots=True)
class AuditMessage:
    """One message: its netlink type, and its text with surrogate escapes for odd bytes."""

    type: int
    text: str


def audit_messages(kernel: Kernel) -> Iterator[AuditMessage]:
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


def _queue(kernel: Kernel, head: int) -> Iterator[AuditMessage]:
    heads, buffers = kernel.prog.type("struct sk_buff_head"), kernel.prog.type("struct sk_buff")
    count = kernel.read(head + heads.member("qlen").offset, 4, "audit_skb_queue.qlen")
    if not any(count):
        return
    buffer = kernel.read_word(head + heads.member("next").offset, "audit_skb_queue.next")
    if not buffer:
        raise CrashError("audit_skb_queue.next: NULL")
    seen = {head}
    while buffer not in seen:
        seen.add(buffer)
        yield _message(
            kernel,
            buffer + buffers.member("len").offset,
            buffer + buffers.member("data").offset,
        )
        buffer = kernel.read_word(buffer + buffers.member("next").offset, "skb_buff.next")
    if buffer != head:
        raise CrashError(f"duplicate audit message buffer: {buffer:x}")


def _message(kernel: Kernel, length_at: int, data_at: int) -> AuditMessage:
    header = kernel.prog.type("struct nlmsghdr")
    size: int = ((header.size or 0) + 3) & ~3
    (length,) = struct.unpack(kernel.struct_format("I"), kernel.read(length_at, 4, "sk_buff.len"))
    data = kernel.read_word(data_at, "sk_buff.data")
    if not data:
        raise CrashError("sk_buff.data: NULL")
    if not size <= length <= MAX_MESSAGE:
        raise CrashError(f"invalid audit message length: {length}")
    at = data + header.member("nlmsg_type").offset
    (kind,) = struct.unpack(kernel.struct_format("H"), kernel.read(at, 2, "nlmsghdr.nlmsg_type"))
    what = "sk_buff.data + sizeof(struct nlmsghdr)"
    text = kernel.read(data + size, length - size, what).partition(b"\0")[0]
    return AuditMessage(kind, text.decode("utf-8", "surrogateescape"))
