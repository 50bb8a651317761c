"""A survey as rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pycrash.api.fleetrows import FailedRung, FleetCrashRow, FleetDumpRow, FleetRow, FleetSkippedRow
from pycrash.api.rows import Row
from pycrash.fleet.clusters import Cluster, Dump
from pycrash.fleet.survey import Survey


def rows(survey: Survey) -> Iterator[Row]:
    """The fleet, its crashes, its dumps by path, and what was left out."""
    rungs = Counter(dump.reading.rung for dump in survey.dumps)
    yield FleetRow(
        len(survey.dumps),
        rungs["plain"],
        rungs["zero_excluded"],
        rungs["minimal"],
        rungs[None],
        sum(dump.kept for dump in survey.dumps),
        len(survey.clusters),
    )
    numbers: dict[str, int] = {}
    for number, cluster in enumerate(survey.clusters, 1):
        yield _crash(number, cluster)
        numbers |= {dump.key: number for dump in cluster.dumps}
    for dump in survey.dumps:
        yield _dump(dump, numbers.get(dump.key))
    for path, why in survey.skipped:
        yield FleetSkippedRow(str(path), why)


def _crash(number: int, cluster: Cluster) -> FleetCrashRow:
    facts = cluster.facts
    found = [dump.reading.facts for dump in cluster.dumps]
    times = [one.crashed for one in found if one.crashed is not None]
    return FleetCrashRow(
        number,
        len(cluster.dumps),
        facts.name,
        facts.title,
        facts.symbol,
        facts.module,
        cluster.stack,
        facts.message,
        _counted(one.nodename for one in found),
        _counted(one.release for one in found),
        min(times, default=None),
        max(times, default=None),
    )


def _counted(names: Iterable[str | None]) -> dict[str, int]:
    """How often each name comes, the most frequent first."""
    counts = Counter(name or "" for name in names)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _dump(dump: Dump, number: int | None) -> FleetDumpRow:
    reading, facts = dump.reading, dump.reading.facts
    return FleetDumpRow(
        dump.key,
        dump.paths,
        number,
        reading.rung,
        tuple(FailedRung(f.rung, f.cause, f.why) for f in reading.failures),
        facts.nodename,
        facts.release,
        facts.crashed,
        None if reading.rung is None else facts.name,
        facts.symbol,
        facts.module,
        facts.stack,
        facts.vmlinux,
        dump.kept,
        reading.seconds,
        reading.memory,
    )
