"""What the reports of a fleet say, be they text or HTML: words, cells and sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import TypeVar

from pycrash.api.fleetrows import FleetCrashRow, FleetDumpRow, FleetRow, FleetSkippedRow
from pycrash.api.rows import Row
from pycrash.render.ctext import printable, size_text

_Row = TypeVar("_Row", bound=Row)

#: Headings of what `crash_cells` and `dump_cells` give.
CRASHES = ("#", "DUMPS", "CLASS", "CULPRIT", "HOSTS", "KERNELS", "FIRST SEEN", "LAST SEEN")
DUMPS = ("CRASH", "READ", "HOST", "KERNEL", "CRASHED", "SECONDS", "MEMORY", "DUMP")


class FleetParts:
    """A fleet's rows, sorted out: `crashes`, `dumps`, and the dumps of each crash by number."""

    def __init__(self, rows: Sequence[Row]) -> None:
        (self._fleet,) = _of(rows, FleetRow)
        self.crashes = _of(rows, FleetCrashRow)
        self.dumps = _of(rows, FleetDumpRow)
        self.by_crash: dict[int | None, list[FleetDumpRow]] = {}
        for dump in self.dumps:
            self.by_crash.setdefault(dump.crash, []).append(dump)
        self._skipped = _of(rows, FleetSkippedRow)

    @property
    def summary(self) -> str:
        """All of it in one sentence."""
        fleet = self._fleet
        ways = {
            "plainly": fleet.plain,
            "with zeros in place of what was left out": fleet.zero_excluded,
            "by the log alone": fleet.minimal,
            "not at all": fleet.unread,
        }
        parts = [f"{count} {way}" for way, count in ways.items() if count]
        read = f", read: {', '.join(parts)}" if parts else ""
        kept = f" ({fleet.kept} known before)" if fleet.kept else ""
        crashes = counted(fleet.crashes, "crash", "crashes")
        return f"{counted(fleet.dumps, 'dump')}{read}{kept}; {crashes}"

    def troubles(self) -> Iterator[tuple[str, list[str]]]:
        """Files that were not read, or not plainly, each with why."""
        for dump in self.dumps:
            if dump.failed:
                yield printable(dump.paths[0]), list(_failures(dump))
        for file in self._skipped:
            yield printable(file.path), [printable(file.why)]


def _of(rows: Sequence[Row], kind: type[_Row]) -> list[_Row]:
    return [row for row in rows if isinstance(row, kind)]


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things in words."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def _when(second: int | None) -> str:
    """A second since 1970; of a damaged clock, the number."""
    if second is None:
        return ""
    try:
        return datetime.fromtimestamp(second, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(second)


def _culprit(row: FleetCrashRow) -> str:
    module = f" [{row.module}]" if row.module else ""
    return printable(f"{row.symbol}{module}") if row.symbol else ""


def title(row: FleetCrashRow) -> str:
    """What a crash is called."""
    culprit = _culprit(row)
    return f"{row.title} ({row.name}){f' in {culprit}' if culprit else ''}"


def crash_cells(row: FleetCrashRow) -> list[object]:
    """A line of the table of crashes."""
    counts = (len(row.nodenames), len(row.releases))
    seen = (_when(row.first), _when(row.last))
    return [row.number, row.dumps, row.name, _culprit(row), *counts, *seen]


def dump_cells(row: FleetDumpRow) -> list[object]:
    """A line of the table of dumps."""
    memory = "" if row.memory is None else size_text(row.memory)
    machine = [printable(row.nodename or ""), printable(row.release or ""), _when(row.crashed)]
    paths = ", ".join(map(printable, row.paths))
    return [row.crash, row.read or "not read", *machine, f"{row.time:.1f}", memory, paths]


def crash_facts(row: FleetCrashRow, most: int | None = None) -> dict[str, str]:
    """The message, hosts and kernels of a crash, as far as they are known; `most` names of each."""
    facts = {
        "log": printable(row.message or ""),
        "hosts": names(row.nodenames, most),
        "kernels": names(row.releases, most),
    }
    return {label: text for label, text in facts.items() if text}


def names(counts: dict[str, int], most: int | None = None) -> str:
    """Names, each with its count where that is not one."""
    shown = [
        f"{printable(name) or 'unknown'}{f' ({number})' if number > 1 else ''}"
        for name, number in list(counts.items())[:most]
    ]
    more = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _failures(row: FleetDumpRow) -> Iterator[str]:
    """Why rungs failed, what several say once, and on which one the dump was read then."""
    whys: dict[str, list[str]] = {}
    for failure in row.failed:
        whys.setdefault(printable(failure.why), []).append(failure.rung)
    for why, rungs in whys.items():
        yield f"{', '.join(rungs)}: {why}"
    yield f"read: {row.read}" if row.read else "not read"
