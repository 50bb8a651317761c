"""diff: what differs between this dump and another one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pycrash.api import (
    FILE,
    Args,
    Choice,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    Row,
    UsageError,
    View,
    one,
)
from pycrash.render.ctext import printable
from pycrash.render.tables import table
from pycrash.triage.snapshot import AREAS, Area, changes

#: Lines of an area that are shown without -a.
_MOST = 20
_WIDEST = 60


@dataclass(frozen=True)
class ChangeRow(Row, kind="diff.change"):
    """A figure that differs: of an area ("memory" in pages, "slab" and "modules" in bytes, "log"
    and "tasks" counted without the numbers in them), in the other dump (`before`) and in this
    one (`after`); None where that one has none of it. `growth` is 0 of what is no number."""

    area: Area
    name: str
    before: int | str | None
    after: int | str | None
    growth: int


_AREA = Choice("area", "what to compare", dict.fromkeys(AREAS, ""))


class Diff(Command):
    name = "diff"
    summary = "what differs between this dump and another one"
    synopsis = "[-a] [-o area] vmcore [vmlinux]"
    description = (
        "Opens another dump and compares: system, configuration, modules, tasks by name, memory, "
        "slab caches and log messages, numbers in names and messages left out. What grew most "
        "comes first; the other dump is the one before. Without a vmlinux it takes the one of "
        "this session, and looks for one where that does not fit."
    )
    flags = (
        Flag("a", "All of each area, not the first twenty lines."),
        Flag(
            "o",
            "Only this area.",
            value=Choice("area", "what to compare", dict.fromkeys(AREAS, "")),
        ),
    )
    operands = (one(FILE), one(FILE))
    rows = (ChangeRow,)
    related = ("sys", "kmem", "ps", "log")
    examples = (
        ("This dump with itself: nothing differs.", "diff vmcore vmlinux"),
        ("What memory is used for, before and after:", "diff -o memory vmcore vmlinux"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        from pycrash.kernel.opening import open_kernel

        if not 1 <= len(args.operands) <= 2:
            raise UsageError
        only = args.value("o")
        if only is not None and only not in AREAS:
            raise CrashError(f"no such area: {only}: one of {', '.join(AREAS)}")
        dump, *rest = map(Path, args.operands)
        try:
            other = open_kernel(rest[0] if rest else ctx.kernel.vmlinux, dump)
        except CrashError:
            if rest:
                raise
            other = open_kernel(None, dump)
        for area in AREAS:
            if only in (None, area):
                try:
                    for change in changes(area, other, ctx.kernel):
                        yield ChangeRow(
                            area, change.name, change.before, change.after, change.growth
                        )
                except CrashError as error:
                    yield Notice(f"{area}: {error}")

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        by_area: dict[str, list[ChangeRow]] = {}
        for row in rows:
            if isinstance(row, ChangeRow):
                by_area.setdefault(row.area, []).append(row)
        for number, (area, found) in enumerate(by_area.items()):
            if number:
                yield ""
            shown = found if "a" in args else found[:_MOST]
            cells = [(_cell(r.name), _cell(r.before), _cell(r.after), _signed(r)) for r in shown]
            yield from table(cells, (area.upper(), "BEFORE", "AFTER", "GROWTH"))
            if len(found) > len(shown):
                yield f"and {len(found) - len(shown)} more"
        if not by_area:
            yield "nothing differs"


def _cell(value: int | str | None) -> str:
    text = "-" if value is None else printable(str(value))
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."


def _signed(row: ChangeRow) -> str:
    return f"{row.growth:+}" if row.growth else ""
