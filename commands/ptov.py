"""ptov: the kernel's address of physical memory, or of a per-CPU offset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import (
    CPUS,
    HEX,
    Address,
    Args,
    Begin,
    Command,
    Context,
    Row,
    UsageError,
    View,
    cpu_list,
    hexadecimal,
    many,
)


@dataclass(frozen=True)
class DirectRow(Row, kind="ptov.address"):
    """A physical address, and where the kernel's direct map has it."""

    physical: Address
    address: Address


@dataclass(frozen=True)
class OffsetBegin(Begin):
    """The addresses of a per-CPU offset follow; `cpus` is how many CPUs there are."""

    offset: int
    cpus: int


@dataclass(frozen=True)
class PerCpuRow(Row, kind="ptov.per_cpu"):
    """Where a per-CPU offset lies for one CPU."""

    offset: Address
    cpu: int
    address: Address
    online: bool


class Ptov(Command):
    name = "ptov"
    summary = "virtual addresses of physical ones, or of per-CPU offsets"
    synopsis = "[address | offset:cpuspec]"
    description = (
        "Shows for each hexadecimal physical address the virtual one that the kernel's direct "
        "map has for it. With a colon behind it the number is an offset into per-CPU memory, "
        "and its address is shown for the CPUs named there: for 3, for 1,8-14, for all CPUs "
        "with a or all, and with nothing behind the colon for the CPU of the current task."
    )
    operands = (many(HEX.named("address"), CPUS.named("offset:cpuspec")),)
    rows = (DirectRow, PerCpuRow)
    related = ("vtop", "btop", "eval")
    examples = (
        ("A physical address", "ptov 56e000"),
        ("A per-CPU offset on all CPUs", "ptov b0c0:a"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if not args.operands:
            raise UsageError
        for word in args.operands:
            text, colon, cpus = word.partition(":")
            if colon:
                yield from _per_cpu(ctx, text, cpus)
            else:
                physical = hexadecimal(text)
                yield DirectRow(physical, _direct(ctx, physical))

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        width, begun = view.pointer_width, False
        digits = 0
        for row in rows:
            if begun and not isinstance(row, PerCpuRow):
                yield ""
            begun = True
            if isinstance(row, DirectRow):
                yield f"{'VIRTUAL':{width}}  {'PHYSICAL':{width}}"
                yield f"{row.address:<{width}x}  {row.physical:<{width}x}"
            elif isinstance(row, OffsetBegin):
                digits = len(f"[{row.cpus - 1}]") + 2
                yield f"PER-CPU OFFSET: {row.offset:x}"
                yield f"  {'CPU':{digits}}  {'VIRTUAL':{width}}"
            elif isinstance(row, PerCpuRow):
                hidden = not row.online and view.settings.offline == "hide"
                yield (
                    f"  {f'[{row.cpu}]':{digits}}{row.address:x}{' [OFFLINE]' if hidden else ''}"
                )


def _direct(ctx: Context, physical: int) -> int:
    return ctx.kernel.arch.tables.direct_address(physical) & ctx.kernel.word_mask


def _per_cpu(ctx: Context, text: str, spec: str) -> Iterator[Row]:
    kernel = ctx.kernel
    cpus = cpu_list(spec, kernel.cpus.count)
    if not spec:
        cpus = [kernel.tasks.get(ctx.task).cpu]
    offset = hexadecimal(text)
    yield OffsetBegin(offset, kernel.cpus.count)
    for cpu in cpus:
        yield PerCpuRow(offset, cpu, kernel.cpus.address(offset, cpu), kernel.cpus.is_online(cpu))
