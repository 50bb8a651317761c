"""A fleet of forty dumps of several kernels, with one that hangs and one that kills its reader.

    python3 -m tests.matrix.fleet [N]

It is made of what lies in .matrix/run and .matrix/lab, without making any of it: copies of other
machines and times, N in all (40). Told are the crashes, what reading cost, and whether the dumps of
one origin are of one crash, on processes and on a dask cluster of two workers alike.
"""

from __future__ import annotations

import collections
import itertools
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pycrash.api.fleetrows import FleetDumpRow
from pycrash.errors import CrashError
from pycrash.fleet.facts import LADDER, Facts, Limits, Rung
from pycrash.fleet.reading import read
from pycrash.fleet.rows import rows
from pycrash.fleet.spread import Runner, by_dask, by_processes
from pycrash.fleet.store import Store
from pycrash.fleet.survey import How, Survey, survey
from pycrash.kernel.opening import open_kernel
from pycrash.render.fleettext import fleet_text
from tests.fleet import stub
from tests.fleet.variants import Variant
from tests.matrix.__main__ import WORK

LIMITS = Limits(240, 4 << 30)


def read_or_suffer(files: Sequence[Path], rung: Rung) -> Facts:
    """A reader that goes the way of the stub where a dump is made up."""
    return stub.read(files, rung) if files[0].name == "made-up" else read(files, rung)


def originals() -> list[Path]:
    """The dumps that are there, each once."""
    found = sorted([*WORK.glob("run/*/vmcore"), *WORK.glob("lab/*/vmcore")])
    return list({path.resolve(): path for path in found if path.stat().st_size}.values())


def put_together(folder: Path, count: int) -> None:
    """Copies of the originals in turn, and two dumps that are none."""
    for number, original in zip(range(count - 2), itertools.cycle(originals()), strict=False):
        place = folder / f"{original.parent.name}-{number}"
        place.mkdir(parents=True)
        (place / "vmlinux").symlink_to((original.parent / "vmlinux").resolve())
        copy(original, place / "vmcore", f"web{number % 9}", number)
    diary = folder.parent / "diary"
    stub.dump(folder / "hangs" / "made-up", diary, Facts(), plain="hang")
    stub.dump(folder / "dies" / "made-up", diary, Facts(), **dict.fromkeys(LADDER, "die"))


def copy(original: Path, path: Path, name: str, hours: int) -> None:
    """A copy as of another machine that crashed later."""
    kernel = open_kernel(None, original)
    changed = Variant(original)
    changed.rename(name.encode(), kernel)
    noted = kernel.vmcoreinfo.get("CRASHTIME")
    if noted is not None:
        changed.crash_at(int(noted) + 3600 * hours, int(noted))
    changed.write(path)


def surveyed(folder: Path, base: Path, runner: Runner) -> Survey:
    """The fleet as a runner reads it."""
    store = Store(base)
    begun = time.monotonic()
    how = How(runner, LIMITS, reader=f"tests.matrix.fleet:{read_or_suffer.__name__}")
    try:
        return survey([folder], store, how, lambda done, total: None)
    finally:
        store.close()
        print(f"{time.monotonic() - begun:.1f} s")


def nobody(jobs: Sequence[object]) -> None:
    raise CrashError(f"{len(jobs)} dumps would be read again")


def timeless(found: Survey) -> list[object]:
    """What is told, without what reading cost."""
    told = rows(found)
    return [
        replace(row, time=0, memory=None) if isinstance(row, FleetDumpRow) else row for row in told
    ]


def origin(row: FleetDumpRow) -> str:
    return Path(row.paths[0]).parent.name.rpartition("-")[0]


def main() -> None:
    from distributed import LocalCluster

    count = int(sys.argv[1]) if sys.argv[1:] else 40
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "crash")
        put_together(folder, count)
        found = surveyed(folder, Path(work, "base"), by_processes())
        facts = list(rows(found))
        print("\n".join(fleet_text(facts)))
        dumps = [row for row in facts if isinstance(row, FleetDumpRow)]
        crashes = collections.defaultdict(set)
        for row in dumps:
            if origin(row):
                crashes[origin(row)].add(row.crash)
        for name, of_it in sorted(crashes.items()):
            cost = [row for row in dumps if origin(row) == name]
            seconds = sorted(row.time for row in cost)[len(cost) // 2]
            memory = max(row.memory or 0 for row in cost) >> 20
            print(f"{name:12} crash {of_it}  {seconds:5.1f} s  {memory:5} MiB")
        apart = [name for name, of_it in crashes.items() if len(of_it) != 1 or None in of_it]
        surveyed(folder, Path(work, "base"), nobody)  # type: ignore[arg-type]
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
            other = surveyed(folder, Path(work, "other"), by_dask(cluster.scheduler_address))
    if apart or timeless(found) != timeless(other):
        sys.exit(f"of several crashes: {apart}; dask differs: {timeless(found) != timeless(other)}")


if __name__ == "__main__":
    main()
