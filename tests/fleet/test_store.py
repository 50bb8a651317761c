"""Readings kept in a file, and when they hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.files.debuginfo import STAND_IN
from pycrash.fleet.content import content_key
from pycrash.fleet.facts import Cause, Facts, Failure, Job, Limits, Reading
from pycrash.fleet.store import Store
from pycrash.fleet.survey import How, survey
from pycrash.version import VERSION
from tests.fleet.stub import dump
from tests.kernel.test_opening import BUILD_ID, elf_file

LIMITS = Limits(10, 1 << 30)
FACTS = Facts(name="bug", stack=("a", "b"), crashed=5, build_id=BUILD_ID)
READING = Reading("plain", FACTS, (), 1.5, 1 << 20, LIMITS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "folder" / "base")
    yield store
    store.close()


def test_what_is_kept_comes_back(store: Store) -> None:
    failed = replace(READING, rung=None, failures=(Failure("plain", "time", "slow"),))
    store.keep("one", VERSION, READING)
    store.keep("two", VERSION, failed)
    other = Store(store.path)
    assert other.readings("one", VERSION) == [READING]
    assert other.readings("two", VERSION) == [failed]
    assert other.readings("one", "0.0.1") == other.readings("three", VERSION) == []
    other.close()


def test_the_newest_of_a_vmlinux_stays(store: Store) -> None:
    store.keep("one", VERSION, READING)
    store.keep("one", VERSION, replace(READING, seconds=2))
    with_other = replace(READING, facts=replace(FACTS, vmlinux_key="v"))
    store.keep("one", VERSION, with_other)
    assert store.readings("one", VERSION) == [with_other, replace(READING, seconds=2)]


def test_what_makes_no_sense_is_left_out(store: Store) -> None:
    base = sqlite3.connect(store.path)
    for number, text in enumerate(["", "{}", "[]", '{"facts": {"stack": []}}', "null"]):
        row = ("one", str(number), VERSION, 0, text)
        base.execute("insert into readings values (?, ?, ?, ?, ?)", row)
    base.commit()
    base.close()
    assert store.readings("one", VERSION) == []


def test_a_file_that_is_none_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("no base at all, but a text of some length")
    with pytest.raises(CrashError, match="notes: file is not a database"):
        Store(path)
    assert path.read_text().startswith("no base")
    newer = sqlite3.connect(tmp_path / "newer")
    newer.execute("pragma user_version = 99")
    newer.close()
    with pytest.raises(CrashError, match="another release"):
        Store(tmp_path / "newer")


# --- when a reading holds


def is_read(store: Store, path: Path, limits: Limits = LIMITS) -> bool:
    """Whether a survey has a dump read."""
    read: list[str] = []

    def runner(jobs: Sequence[Job]) -> Iterator[tuple[Job, Reading]]:
        for job in jobs:
            read.extend(job.files)
            yield job, READING

    survey([path], store, How(runner, limits), lambda *numbers: None)
    return bool(read)


@pytest.fixture
def vmcore(tmp_path: Path) -> Path:
    return dump(tmp_path / "crash" / "vmcore", tmp_path / "diary", FACTS)


@pytest.mark.parametrize(
    ("cause", "limits", "again"),
    [
        ("time", LIMITS, False),
        ("time", Limits(9, 2 << 30), False),
        ("time", Limits(11, 1 << 30), True),
        ("memory", Limits(11, 1 << 30), False),
        ("memory", Limits(10, 2 << 30), True),
        ("death", Limits(99, 9 << 30), False),
        ("error", Limits(99, 9 << 30), False),
    ],
)
def test_a_limit_that_was_met_is_tried_again_where_it_is_wider(
    cause: Cause, limits: Limits, again: bool, store: Store, vmcore: Path
) -> None:
    failed = replace(READING, failures=(Failure("plain", cause, "why"),))
    store.keep(content_key(vmcore), VERSION, failed)
    assert is_read(store, vmcore, limits) == again


def test_another_version_reads_again(store: Store, vmcore: Path) -> None:
    store.keep(content_key(vmcore), "0.0.1", READING)
    assert is_read(store, vmcore)
    assert not is_read(store, vmcore)


def test_a_vmlinux_that_is_found_now_is_a_reason_to_read_again(store: Store, vmcore: Path) -> None:
    failed = replace(READING, failures=(Failure("plain", "vmlinux", "none"),))
    store.keep(content_key(vmcore), VERSION, failed)
    assert not is_read(store, vmcore)
    elf_file(vmcore.parent / "vmlinux")
    assert is_read(store, vmcore)


def test_a_vmlinux_is_better_than_what_stood_for_it(store: Store, vmcore: Path) -> None:
    made = elf_file(vmcore.parent / f"{STAND_IN}-{'0' * 24}.1.2", debug=False)
    facts = replace(FACTS, vmlinux=str(made), vmlinux_key=content_key(made))
    store.keep(content_key(vmcore), VERSION, replace(READING, facts=facts))
    assert not is_read(store, vmcore)
    elf_file(vmcore.parent / "vmlinux")
    assert is_read(store, vmcore)


def test_the_vmlinux_counts_by_its_content(store: Store, vmcore: Path, tmp_path: Path) -> None:
    vmlinux = elf_file(vmcore.parent / "vmlinux")
    facts = replace(FACTS, vmlinux=str(vmlinux), vmlinux_key=content_key(vmlinux))
    store.keep(content_key(vmcore), VERSION, replace(READING, facts=facts))
    assert not is_read(store, vmcore)
    # Under another name that is looked for it is the same one.
    vmlinux.rename(vmcore.parent / "vmlinux.debug")
    assert not is_read(store, vmcore)
    elf_file(vmlinux, debug=False)
    assert not is_read(store, vmcore)
    (vmcore.parent / "vmlinux.debug").write_bytes(vmlinux.read_bytes() + b"\0")
    assert is_read(store, vmcore)
