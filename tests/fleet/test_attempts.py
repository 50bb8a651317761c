"""One dump down the ladder: what a reader may do to itself, and what is told of it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.fleet.attempts import Children, read_dump
from pycrash.fleet.facts import Facts, Job, Limits, Reading
from pycrash.fleet.spread import by_processes
from pycrash.version import VERSION
from tests.fleet.stub import READER, dump

FACTS = Facts(nodename="web1", name="bug", stack=("a", "b"))
#: Far more than a reader needs, but for the one that hangs.
LIMITS = Limits(60, 1 << 30)


def job(path: Path, limits: Limits = LIMITS) -> Job:
    return Job("key", (str(path),), limits, VERSION, READER)


def reading(tmp_path: Path, limits: Limits = LIMITS, **does: str) -> Reading:
    return read_dump(job(dump(tmp_path / "vmcore", tmp_path / "diary", FACTS, **does), limits))


def test_a_good_dump_is_read_plainly(tmp_path: Path) -> None:
    found = reading(tmp_path)
    assert (found.rung, found.facts, found.failures) == ("plain", FACTS, ())
    assert found.memory is not None
    assert 1 << 20 < found.memory < 1 << 30
    assert 0 < found.seconds < 60


def test_each_rung_is_tried_where_the_one_before_fails(tmp_path: Path) -> None:
    found = reading(tmp_path, plain="no tasks", zero_excluded="die")
    assert (found.rung, found.facts) == ("minimal", FACTS)
    assert [(f.rung, f.cause, f.why) for f in found.failures] == [
        ("plain", "error", "no tasks"),
        ("zero_excluded", "death", "its reader was ended by SIGSEGV"),
    ]
    rungs = [line.split()[1] for line in (tmp_path / "diary").read_text().splitlines()]
    assert rungs == ["plain", "zero_excluded", "minimal"]


def test_where_no_rung_holds_the_dump_is_not_read(tmp_path: Path) -> None:
    found = reading(tmp_path, plain="lose", zero_excluded="break", minimal="leave")
    assert (found.rung, found.facts) == (None, Facts())
    assert [(f.cause, f.why) for f in found.failures] == [
        ("vmlinux", "namelist argument required"),
        ("error", "internal error: LookupError: not a word of it"),
        ("death", "its reader ended with status 3"),
    ]


def test_a_reader_that_wants_too_much_memory_is_refused_it(tmp_path: Path) -> None:
    (failure,) = reading(tmp_path, Limits(60, 256 << 20), plain="eat").failures
    assert (failure.cause, failure.why) == ("memory", "wanted more than 256 MiB of memory")


def test_nobody_stays_behind_when_all_is_given_up(tmp_path: Path) -> None:
    path = dump(tmp_path / "vmcore", tmp_path / "diary", FACTS, plain="hang")
    children, said = Children(), list[str]()

    def read() -> None:
        try:
            read_dump(job(path), children)
        except CrashError as error:
            said.append(str(error))

    waiting = threading.Thread(target=read)
    waiting.start()
    ended = time.monotonic() + 60
    while not (tmp_path / "diary").exists() and time.monotonic() < ended:
        time.sleep(0.02)
    (process,) = children.running
    children.stop()
    waiting.join(60)
    assert said == ["given up"]
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    with pytest.raises(CrashError):
        read_dump(job(path), children)


def test_who_goes_ends_the_readers_that_run(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    hangs = dump(tmp_path / "hangs", diary, FACTS, plain="hang")
    jobs = [job(dump(tmp_path / "answers", diary, FACTS)), job(hangs)]
    done = by_processes(2)(jobs)
    ended = time.monotonic() + 60
    assert next(done)[0] == jobs[0]
    assert isinstance(done, Generator)
    done.close()  # it waits for them, and that of the one that hangs is 60 seconds
    assert time.monotonic() < ended


def test_another_pycrash_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(CrashError, match="asked"):
        read_dump(Job("key", ("vmcore",), LIMITS, "0.0.1", READER))
