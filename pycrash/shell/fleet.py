"""`pycrash fleet`: many dumps at once."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from pycrash.files.cache import cache_folder
from pycrash.fleet.facts import Limits
from pycrash.fleet.rows import rows
from pycrash.fleet.spread import by_dask, by_processes
from pycrash.fleet.store import Store
from pycrash.fleet.survey import How, survey
from pycrash.render.fleethtml import fleet_html
from pycrash.render.fleettext import fleet_text
from pycrash.render.json import json_lines
from pycrash.shell.progress import show_progress

#: Seconds and MiB that each rung of a dump's reading may take, where nothing else is said.
SECONDS, MIB = 300, 4096


def run(argv: Sequence[str]) -> int:
    """Read the fleet and print its report; 0 if there were dumps and all could be read."""
    given = _options().parse_args(argv)
    runner = by_dask(given.dask) if given.dask else by_processes(given.jobs)
    how = How(runner, Limits(given.timeout, given.memory << 20), given.retry)
    with contextlib.closing(Store(given.store or cache_folder() / "fleet.sqlite")) as store:
        found = survey(given.places, store, how, _show if sys.stderr.isatty() else _hide)
    facts = list(rows(found))
    if given.html:
        given.html.write_text("\n".join(fleet_html(facts)) + "\n", "utf-8")
    for line in json_lines("fleet", facts) if given.json else fleet_text(facts):
        print(line)
    read = [dump.reading.rung is not None for dump in found.dumps]
    return 0 if read and all(read) else 1


def _show(done: int, total: int) -> None:
    show_progress("reading dumps", done, total)


def _hide(done: int, total: int) -> None:
    """Nobody watches."""


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "pycrash fleet",
        description="Reads many dumps, each in a process of its own, and tells which of them are "
        "of the same crash. What was read once is kept by content and not read again.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("places", metavar="DIR", nargs="+", type=Path, help="a folder with dumps below, or a dump")
    add("--json", action="store_true", help="rows as JSON, one object a line")
    add("--html", metavar="FILE", type=Path, help="write the report as a page of HTML, too")
    add("--jobs", metavar="N", type=_positive, default=0, help="how many are read at once")
    add(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=SECONDS,
        help=f"what each way of reading a dump may take ({SECONDS})",
    )
    add(
        "--memory",
        metavar="MIB",
        type=_positive,
        default=MIB,
        help=f"how much memory of its own a reader may have ({MIB})",
    )
    add("--retry", action="store_true", help="read again what could not be read plainly")
    add("--store", metavar="FILE", type=Path, help="where readings are kept (a SQLite file)")
    add("--dask", metavar="ADDRESS", help="read on the workers of a dask cluster (tcp://...)")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise ValueError
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < 1 << 31:
        raise ValueError
    return number
