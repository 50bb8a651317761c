"""A fleet of forty made-up dumps, one that hangs and one that kills its reader among them: told
apart rightly, on processes and on a dask cluster alike, and read once."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pycrash.api.fleetrows import FleetCrashRow, FleetDumpRow, FleetRow
from pycrash.api.rows import Row
from pycrash.errors import CrashError
from pycrash.fleet import spread
from pycrash.fleet.facts import Facts, Job, Limits, Reading
from pycrash.fleet.rows import rows
from pycrash.fleet.spread import Runner, by_dask, by_processes
from pycrash.fleet.store import Store
from pycrash.fleet.survey import How, survey
from tests.fleet.stub import READER, dump

LIMITS = Limits(3, 1 << 30)
KERNELS = ("5.10.0-43", "6.1.0-57", "6.12.118")
BEGUN = 1_790_000_000

#: A NULL pointer in a driver: one release has a function in line, one has split another.
NULL = Facts(name="null-pointer", title="NULL pointer dereference", certain=True)
DRIVER = replace(NULL, symbol="net_poll", module="netdrv")
POLLS = (
    ("net_poll", "napi_poll", "net_rx_action", "do_softirq"),
    ("net_poll", "net_rx_action", "handle_softirqs", "do_softirq"),
    ("net_poll", "napi_poll", "busy_poll", "net_rx_action", "handle_softirqs"),
)
#: The same function, by another way.
CLOSED = ("net_poll", "net_close", "dev_close", "rtnl_setlink", "sys_sendmsg")
#: The same class, another culprit.
DISK = replace(NULL, symbol="scan_disk", module="diskdrv", stack=("scan_disk", "sys_ioctl"))
ASKED = Facts(name="sysrq", title="crash by SysRq", stack=("sysrq_handle_crash", "sys_write"))
#: A hung task by which no stack could be had in one dump.
HUNG = Facts(name="hung-task", title="hung task", symbol="wait_io", stack=("wait_io", "sys_read"))
#: How many dumps there are of each crash, the hanging one and the one without a stack included.
COUNTS = {"poll": 18, "sysrq": 9, "disk": 6, "closed": 4, "hung": 2}


def put_together(folder: Path) -> None:
    """Forty dumps of five crashes, and one that nobody can read among them."""
    number = 0

    def put(crash: str, facts: Facts, **does: str) -> None:
        nonlocal number
        host, second = f"web{number % 7}", BEGUN + 3600 * number
        facts = replace(facts, nodename=host, release=KERNELS[number % 3], crashed=second)
        # The one that hangs is begun first.
        path = folder / f"{'' if does else 'later/'}{crash}-{number}" / "vmcore"
        dump(path, folder.parent / "diary", facts, **does)
        number += 1

    for _ in range(COUNTS["poll"] - 1):
        put("poll", replace(DRIVER, stack=POLLS[number % 3]))
    put("poll", replace(DRIVER, stack=POLLS[0]), plain="hang")
    for _ in range(COUNTS["sysrq"] - 1):
        put("sysrq", ASKED)
    put("sysrq", ASKED, plain="no vmlinux", zero_excluded="no vmlinux")
    for _ in range(COUNTS["disk"]):
        put("disk", DISK)
    for _ in range(COUNTS["closed"]):
        put("closed", replace(DRIVER, stack=CLOSED))
    put("hung", HUNG)
    put("hung", replace(HUNG, stack=()))
    put("dead", DISK, plain="die", zero_excluded="die", minimal="die")
    assert number == 40


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the dumps in it, and with one more link to one of them, and a ring."""
    folder = tmp_path_factory.mktemp("fleet") / "crash"
    put_together(folder)
    (folder / "again").symlink_to(folder)
    (folder / "link").symlink_to(next(folder.glob("later/disk*/vmcore")))
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a dask cluster of two workers on this machine."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


def read(folder: Path, base: Path, runner: Runner, retry: bool = False) -> list[Row]:
    store = Store(base)
    done: list[tuple[int, int]] = []
    how = How(runner, LIMITS, retry, READER)
    found = survey([folder], store, how, lambda *numbers: done.append(numbers))
    store.close()
    assert done[-1] == (40, 40)
    return list(rows(found))


@pytest.fixture(scope="module")
def base(fleet: Path) -> Path:
    return fleet.parent / "fleet.sqlite"


@pytest.fixture(scope="module")
def first(fleet: Path, base: Path) -> list[Row]:
    """What is told of the fleet at first sight."""
    return read(fleet, base, by_processes(4))


def crash_of(row: FleetDumpRow) -> str:
    """The crash that a dump was made for."""
    return Path(row.paths[0]).parent.name.partition("-")[0]


def dumps(found: list[Row]) -> list[FleetDumpRow]:
    return [row for row in found if isinstance(row, FleetDumpRow)]


def crashes(found: list[Row]) -> list[FleetCrashRow]:
    return [row for row in found if isinstance(row, FleetCrashRow)]


def test_the_same_crash_is_known_again(first: list[Row]) -> None:
    told = {crash: {d.crash for d in dumps(first) if crash_of(d) == crash} for crash in COUNTS}
    assert all(len(numbers) == 1 for numbers in told.values())
    assert len(set.union(*told.values())) == len(COUNTS)
    counted = [row.dumps for row in crashes(first)]
    assert counted == sorted(COUNTS.values(), reverse=True)


def test_a_crash_is_summed_up(first: list[Row]) -> None:
    poll = crashes(first)[0]
    assert (poll.name, poll.symbol, poll.module) == ("null-pointer", "net_poll", "netdrv")
    assert poll.stack == POLLS[0]
    assert sum(poll.nodenames.values()) == sum(poll.releases.values()) == COUNTS["poll"]
    assert sorted(poll.nodenames) == [f"web{n}" for n in range(7)]
    assert sorted(poll.releases) == sorted(KERNELS)
    assert (poll.first, poll.last) == (BEGUN, BEGUN + 3600 * 17)


def test_what_could_not_be_read_plainly_is_told(first: list[Row]) -> None:
    assert first[0] == FleetRow(40, 37, 1, 1, 1, 0, len(COUNTS))
    found = {crash_of(row): row for row in dumps(first) if row.failed}
    hung, asked, dead = found["poll"], found["sysrq"], found["dead"]
    assert (hung.read, [f.cause for f in hung.failed]) == ("zero_excluded", ["time"])
    assert (asked.read, [f.why for f in asked.failed]) == ("minimal", ["no vmlinux"] * 2)
    assert (dead.read, dead.crash, dead.name) == (None, None, None)
    assert {f.why for f in dead.failed} == {"its reader was ended by SIGSEGV"}


def timeless(found: list[Row]) -> list[Row]:
    """Without what differs between two times of reading the same."""
    return [
        replace(row, time=0, memory=None, kept=False)
        if isinstance(row, FleetDumpRow)
        else replace(row, kept=0)
        if isinstance(row, FleetRow)
        else row
        for row in found
    ]


def nobody(jobs: Sequence[Job]) -> Iterator[tuple[Job, Reading]]:
    raise AssertionError("nothing is to be read")


def test_what_is_known_is_not_read_again(
    fleet: Path, base: Path, first: list[Row], tmp_path: Path
) -> None:
    again = read(fleet, base, nobody)
    assert timeless(again) == timeless(first)
    assert isinstance(again[0], FleetRow)
    assert again[0].kept == 40
    # Neither a name nor a time makes another dump of it.
    without_links = shutil.ignore_patterns("again", "link")
    shutil.copytree(fleet, tmp_path / "moved", ignore=without_links, copy_function=shutil.copyfile)
    moved = read(tmp_path / "moved", base, nobody)
    assert [row.dumps for row in crashes(moved)] == [row.dumps for row in crashes(first)]


def test_a_dask_cluster_tells_the_same(
    fleet: Path, first: list[Row], cluster: str, tmp_path: Path
) -> None:
    found = read(fleet, tmp_path / "other.sqlite", by_dask(cluster))
    assert timeless(found) == timeless(first)


def test_only_what_failed_is_tried_again_if_wanted(
    fleet: Path, base: Path, first: list[Row], tmp_path: Path
) -> None:
    wanted: list[str] = []

    def runner(jobs: Sequence[Job]) -> Iterator[tuple[Job, Reading]]:
        wanted.extend(Path(job.files[0]).parent.name.partition("-")[0] for job in jobs)
        raise CrashError("enough")

    with pytest.raises(CrashError, match="enough"):
        read(fleet, base, runner, retry=True)
    assert sorted(wanted) == ["dead", "poll", "sysrq"]


def test_without_distributed_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CrashError, match=r"pip install 'pycrash-shell\[fleet\]'"):
        by_dask("tcp://127.0.0.1:1")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere"])
def test_a_cluster_that_is_not_there_is_named(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(spread, "PATIENCE", 0.2)
    path = dump(tmp_path / "crash" / "vmcore", tmp_path / "diary", ASKED)
    store = Store(tmp_path / "base")
    # The one is not answered, the other is no address.
    with pytest.raises(CrashError, match=address):
        survey([path], store, How(by_dask(address), LIMITS), lambda *numbers: None)
