"""Processors as operands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pycrash.api.operands.base import Offer, Operand
from pycrash.api.operands.numbers import integer
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pycrash.api.context import Context
    from pycrash.matching import Typed


def cpu_list(text: str, count: int) -> list[int]:
    """The CPUs of "a", "all", or numbers and ranges joined by commas ("1,3-5"), sorted.

    `count` is the number of CPUs there are. Raises CrashError.
    """
    cpus: set[int] = set()
    for part in filter(None, text.split(",")):
        if part in ("a", "all"):
            first, last = 0, count - 1
        else:
            ends = [integer(end) for end in filter(None, part.split("-"))]
            if not ends:
                raise CrashError("received NULL string")
            first, last = ends[0], ends[0] if len(ends) == 1 else ends[1]
        if not (0 <= first < count and 0 <= last < count):
            raise CrashError(f"invalid cpu specification: {text}")
        cpus.update(range(first, last + 1))
    return sorted(cpus)


class CpuKind(Operand[list[int]]):
    """CPUs: "a", "all", or numbers and ranges joined by commas."""

    def parse(self, ctx: Context, text: str) -> list[int]:
        return cpu_list(text, ctx.kernel.cpus.count)

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        # Behind the last comma, dash, or colon of a variable.
        kept = len(text) - len(re.split("[,:-]", text)[-1])
        count = ctx.kernel.cpus.count
        yield Offer("all", f"all {count} CPUs", kept)
        for cpu in range(count):
            yield Offer(f"{cpu}", f"CPU {cpu}", kept)


CPUS = CpuKind("cpu", "CPUs: 3, or 1,8-14, or all")
