"""Commands on a kernel that runs: what crash says of them there."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycrash.kernel.core.reader import Reader
from tests.commands.crowd import Crowd


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Crowd:
    monkeypatch.setattr(Reader, "is_live", True)
    crowd = Crowd()
    crowd.kernel.given = (None, Path("/proc/kcore"))
    return crowd


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bt -a", "-a option not supported on a live system or live dump"),
        ("bt -a -g", "-a option not supported on a live system or live dump"),
        ("bt -c 0", "-c option not supported on a live system or live dump"),
        ("bt -p", "-p option not supported on a live system or live dump"),
        ("foreach active bt", "active option not allowed on live systems"),
        ("set -a 20", "-a option not allowed on live systems"),
        ("dev -V", "-V option not supported on a live system"),
        ("dev -v 0", "-v option not supported on a live system"),
        ("sys -panic", "cannot write to /proc/kcore"),
        ("wr jiffies 0", "cannot write to /proc/kcore"),
    ],
)
def test_what_needs_a_dead_kernel_is_refused(crowd: Crowd, line: str, said: str) -> None:
    assert crowd.run(line) == [f"{line.split()[0]}: {said}"]


def test_no_task_is_that_of_a_cpu(crowd: Crowd) -> None:
    assert crowd.run("set -c 1") == ["set: not allowed on a live system", "usage"]


def test_no_task_crashed(crowd: Crowd) -> None:
    crowd.settings.task = crowd.worker
    assert crowd.run("set -p")[0] == "    PID: 0"
    assert crowd.run("set 21")[-1] == "  STATE: TASK_RUNNING (ACTIVE)"


def test_the_stack_of_a_task_that_runs_is_not_followed(crowd: Crowd) -> None:
    header, text = crowd.run("bt 21")
    assert header.startswith("PID: 21 ")
    assert text == "(active)"
    assert crowd.run("bt -R schedule 21") == []
