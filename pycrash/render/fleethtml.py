"""The report of a fleet as one page of HTML that needs nothing else: no script, no network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from pycrash.api.fleetrows import FleetCrashRow, FleetDumpRow
from pycrash.api.rows import Row
from pycrash.render.ctext import printable
from pycrash.render.fleetparts import (
    CRASHES,
    DUMPS,
    FleetParts,
    counted,
    crash_cells,
    crash_facts,
    dump_cells,
    title,
)

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 75rem; padding: 1rem; }
h1 { font-size: 1.4rem; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
div, pre { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid #8886; padding: .25rem .8rem .25rem 0; text-align: left;
  vertical-align: top; white-space: nowrap; }
td.number { text-align: right; }
pre { font: 13px/1.45 ui-monospace, monospace; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem; overflow-wrap: anywhere; }
"""
#: Nothing may be fetched and nothing run, whatever a dump holds.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def fleet_html(rows: Sequence[Row]) -> Iterator[str]:
    """The lines of the page."""
    parts = FleetParts(rows)
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield f"<title>Fleet of dumps</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>Fleet of dumps</h1><p>{escape(parts.summary)}</p>"
    yield from _table(CRASHES, (_linked(crash) for crash in parts.crashes))
    for crash in parts.crashes:
        yield from _crash(crash, parts.by_crash.get(crash.number, []))
    yield "<h2>Dumps</h2>"
    yield from _table(DUMPS, (map(_cell, dump_cells(dump)) for dump in parts.dumps))
    troubles = list(parts.troubles())
    if troubles:
        yield "<h2>Not read, or not plainly</h2><dl>"
        for path, whys in troubles:
            yield f"<dt>{escape(path)}</dt>"
            yield from (f"<dd>{escape(why)}</dd>" for why in whys)
        yield "</dl>"
    yield "</body></html>"


def _linked(row: FleetCrashRow) -> Iterator[str]:
    """The cells of a crash, whose number leads to where it is shown."""
    _, *others = crash_cells(row)
    yield f'<td class="number"><a href="#crash{row.number}">{row.number}</a></td>'
    yield from map(_cell, others)


def _crash(row: FleetCrashRow, dumps: Sequence[FleetDumpRow]) -> Iterator[str]:
    yield f'<h2 id="crash{row.number}">{row.number}. {escape(title(row))}</h2><dl>'
    for label, text in crash_facts(row).items():
        yield f"<dt>{label}</dt><dd>{escape(text)}</dd>"
    yield "</dl>"
    if row.stack:
        yield f"<pre>{escape(chr(10).join(map(printable, row.stack)))}</pre>"
    yield f"<details><summary>{counted(len(dumps), 'dump')}</summary>"
    yield from _table(DUMPS[1:], (map(_cell, dump_cells(dump)[1:]) for dump in dumps))
    yield "</details>"


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """A table of cells that are HTML."""
    yield "<div><table><thead><tr>"
    yield "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    yield "</tr></thead><tbody>"
    yield from (f"<tr>{''.join(row)}</tr>" for row in rows)
    yield "</tbody></table></div>"


def _cell(cell: object) -> str:
    mark = ' class="number"' if isinstance(cell, int) else ""
    return f"<td{mark}>{escape('' if cell is None else str(cell))}</td>"
