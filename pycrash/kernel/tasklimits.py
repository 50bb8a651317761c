"""The resource limits of a task (struct rlimit)."""

from __future__ import annotations

import struct
from functools import cache
from typing import TYPE_CHECKING

import drgn

from pycrash.errors import MissingFeature
from pycrash.kernel.tasks import Task

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

#: The names of the limits, in the order of their numbers (RLIMIT_CPU is 0).
LIMIT_NAMES = (
    "CPU",
    "FSIZE",
    "DATA",
    "STACK",
    "CORE",
    "RSS",
    "NPROC",
    "NOFILE",
    "MEMLOCK",
    "AS",
    "LOCKS",
    "SIGPENDING",
    "MSGQUEUE",
    "NICE",
    "RTPRIO",
    "RTTIME",
)


@cache
def _place(kernel: Kernel) -> tuple[int, int]:
    """The offset in struct signal_struct of the array of limits, and its length."""
    try:
        signal = kernel.prog.type("struct signal_struct")
        return drgn.offsetof(signal, "rlim"), signal.member("rlim").type.length or 0
    except LookupError:
        raise MissingFeature("cannot determine rlimit array location") from None


def limits(kernel: Kernel, task: Task) -> list[tuple[int, int]]:
    """(soft, hard) of each limit; no limit is the largest unsigned long. Raises ReadError."""
    offset, count = _place(kernel)
    form = struct.Struct(f"{kernel.byte_order}{2 * count}{kernel.word}")
    data = kernel.read(task.signal + offset, form.size, "signal_struct rlimit array")
    values = form.unpack(data)
    return list(zip(values[::2], values[1::2], strict=True))
