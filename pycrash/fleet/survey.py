"""The whole of it: finds the dumps, reads those that are not known yet, tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pycrash.files.debuginfo import Identity, Search, is_stand_in
from pycrash.fleet.clusters import Cluster, Dump, clustered
from pycrash.fleet.content import content_key, key_of_all
from pycrash.fleet.facts import Job, Limits, Reading
from pycrash.fleet.spread import Runner
from pycrash.fleet.store import Store
from pycrash.fleet.walk import Files, find_dumps
from pycrash.version import VERSION

#: Called as dumps are done: how many, and how many there are.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Survey:
    """What a fleet is: its dumps by path, its crashes, and the files that were left out."""

    dumps: tuple[Dump, ...]
    clusters: tuple[Cluster, ...]
    skipped: tuple[tuple[Path, str], ...]


@dataclass(frozen=True)
class How:
    """How a fleet is read: who reads, within which limits, whether what failed before is tried
    again, and which function reads (see `Job`)."""

    runner: Runner
    limits: Limits
    retry: bool = False
    reader: str = Job.reader


def survey(places: Iterable[Path], store: Store, how: How, progress: Progress) -> Survey:
    """Read a fleet. What the store has is not read again. Raises CrashError."""
    found = find_dumps(places)
    skipped, copies = list(found.skipped), dict[str, list[Files]]()
    for files in found.dumps:
        try:
            copies.setdefault(key_of_all(files), []).append(files)
        except OSError as error:
            skipped.append((files[0], error.strerror or str(error)))
    known = _Known(store, how)
    kept = {key: known.reading(key, copies[key][0][0]) for key in copies}
    readings = {key: reading for key, reading in kept.items() if reading is not None}
    wanted = [
        Job(key, _names(copies[key][0], absolute=True), how.limits, VERSION, how.reader)
        for key in copies
        if key not in readings
    ]
    progress(len(readings), len(copies))
    for job, reading in how.runner(wanted) if wanted else ():
        store.keep(job.key, VERSION, reading)
        readings[job.key] = reading
        progress(len(readings), len(copies))
    dumps = [
        Dump(key, _names(sum(copies[key], ())), readings[key], kept[key] is not None)
        for key in copies
    ]
    return Survey(tuple(dumps), tuple(clustered(dumps)), tuple(skipped))


def _names(files: Files, absolute: bool = False) -> tuple[str, ...]:
    return tuple(str(file.absolute() if absolute else file) for file in files)


class _Known:
    """What earlier surveys read, as far as it still holds."""

    def __init__(self, store: Store, how: How) -> None:
        self._store = store
        self._how = how
        self._keys: dict[Path, str] = {}

    def reading(self, key: str, dump: Path) -> Reading | None:
        """The reading of a dump that is to be used again, None where it is to be read."""
        found = self._store.readings(key, VERSION)
        return next((reading for reading in found if self._holds(reading, dump)), None)

    def _holds(self, reading: Reading, dump: Path) -> bool:
        if reading.failures and self._how.retry:
            return False
        now, then = self._how.limits, reading.limits
        for failure in reading.failures:
            if failure.cause == "time" and now.seconds > then.seconds:
                return False
            if failure.cause == "memory" and now.memory > then.memory:
                return False
            if failure.cause == "vmlinux" and self._vmlinux_now(reading, dump) is not None:
                return False
        return not reading.facts.vmlinux_key or self._same_vmlinux(reading, dump)

    def _same_vmlinux(self, reading: Reading, dump: Path) -> bool:
        """Whether the vmlinux still is the one that was used."""
        facts = reading.facts
        used = Path(facts.vmlinux or "")
        if self._key(used) == facts.vmlinux_key:
            return not is_stand_in(used) or self._vmlinux_now(reading, dump) is None
        other = self._vmlinux_now(reading, dump)
        return other is not None and self._key(other) == facts.vmlinux_key

    def _vmlinux_now(self, reading: Reading, dump: Path) -> Path | None:
        """The vmlinux that would be used, as far as this machine has it."""
        facts = reading.facts
        return Search(Identity(facts.release, facts.build_id), dump).on_this_machine()

    def _key(self, path: Path) -> str:
        if path not in self._keys:
            try:
                self._keys[path] = content_key(path)
            except OSError:
                return ""
        return self._keys[path]
