"""The arguments and the environment of a task, from its user stack (struct mm_struct)."""

from __future__ import annotations

from typing import NamedTuple

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.tasks.table import Task

# The kernel lets arguments and environment grow to three quarters of _STK_LIM.
_MOST_BYTES = 6 * 1024 * 1024


class StackText(NamedTuple):
    """Where the strings of a user stack begin and end."""

    arg_start: int
    arg_end: int
    env_start: int
    env_end: int


def stack_text(kernel: Reader, task: Task) -> StackText:
    """The places a task's mm_struct names. Raises ReadError."""
    layout = Layout(kernel.prog, "struct mm_struct", StackText._fields)
    data = kernel.read(task.mm + layout.start, layout.size, "fill_mm_struct")
    return StackText(*layout.unpack(data))


class Strings(NamedTuple):
    """Strings that follow each other, without the empty ones; whether the last is `ended`."""

    strings: tuple[str, ...]
    ended: bool


def read_strings(kernel: Reader, task: Task, start: int, end: int) -> Strings:
    """User memory from start to end as strings, each ended by NUL.

    Raises CrashError naming the first address that is not in the dump.
    """
    page = kernel.page_size
    out = bytearray()
    at = start
    while at != end:
        count = min(page - at % page, (end - at) & kernel.word_mask)
        if len(out) > _MOST_BYTES:
            raise CrashError(f"cannot access user stack address: {at:x}\n")
        try:
            out += kernel.memory.read_user(task.address, at, count, "user stack contents")
        except ReadError:
            raise CrashError(f"cannot access user stack address: {at:x}\n") from None
        at += count
    strings = out.decode("utf-8", "surrogateescape").split("\0")
    return Strings(tuple(filter(None, strings)), not strings[-1])
