"""The report of a fleet as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from pycrash.api.fleetrows import FleetCrashRow, FleetDumpRow
from pycrash.api.rows import Row
from pycrash.render.ctext import printable
from pycrash.render.fleetparts import CRASHES, FleetParts, crash_cells, crash_facts, names, title
from pycrash.render.tables import table

_WIDTH = 100
#: Names of machines, kernels and files that are shown; JSON and HTML have all of them.
_MANY = 5


def fleet_text(rows: Sequence[Row]) -> Iterator[str]:
    """The lines: a table of crashes, each crash, and what was not read, or not plainly."""
    parts = FleetParts(rows)
    yield parts.summary
    if parts.crashes:
        yield ""
        yield from table(map(crash_cells, parts.crashes), CRASHES)
    for crash in parts.crashes:
        yield ""
        yield f"#{crash.number}  {title(crash)}"
        yield from _crash(crash, parts.by_crash.get(crash.number, []))
    troubles = list(parts.troubles())
    if troubles:
        yield ""
        yield "NOT READ, OR NOT PLAINLY"
    for path, whys in troubles:
        yield f"  {path}"
        for why in whys:
            yield from textwrap.wrap(why, _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 6)


def _crash(row: FleetCrashRow, dumps: Sequence[FleetDumpRow]) -> Iterator[str]:
    paths = names(dict.fromkeys((path for dump in dumps for path in dump.paths), 1), _MANY)
    stack = " < ".join(map(printable, row.stack))
    for label, text in {**crash_facts(row, _MANY), "stack": stack, "dumps": paths}.items():
        yield from textwrap.wrap(
            text,
            _WIDTH,
            initial_indent=f"    {label:9}",
            subsequent_indent=" " * 13,
            break_long_words=False,
            break_on_hyphens=False,
        )
