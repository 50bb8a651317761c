"""The resource limits of a task (struct rlimit)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from pycrash.errors import MissingFeature
from pycrash.kernel.core.layout import find_member
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.tasks.table import Task

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


def _place(kernel: Reader) -> tuple[int, int]:
    """The offset in struct signal_struct of the array of limits, and its length."""
    place = find_member(kernel.prog, "struct signal_struct", "rlim")
    if place is None:
        raise MissingFeature("cannot determine rlimit array location")
    return place.offset, place.size // (2 * kernel.word_size)


class Limit(NamedTuple):
    """One resource limit, named as RLIMIT_ names it; None is no limit."""

    name: str
    current: int | None
    maximum: int | None


def limits(kernel: Reader, task: Task) -> list[Limit]:
    """Each of a task's limits.

    Raises ReadError, and MissingFeature where the kernel has no such array.
    """
    offset, count = kernel.part(_place)
    form = struct.Struct(f"{kernel.byte_order}{2 * count}{kernel.word}")
    data = kernel.read(task.signal + offset, form.size, "signal_struct rlimit array")
    endless = kernel.word_mask
    values = [None if value == endless else value for value in form.unpack(data)]
    names = [*LIMIT_NAMES[:count], *["(unknown)"] * (count - len(LIMIT_NAMES))]
    return list(map(Limit, names, values[::2], values[1::2]))
