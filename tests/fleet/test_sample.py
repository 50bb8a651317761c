"""Copies of the sample dump with small changes: the ladder, the program and its reports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pycrash.files.compressed import unpacked
from pycrash.kernel.opening import open_kernel
from tests.fleet.variants import CRASHED, Variant
from tests.golden.sample import SAMPLE

STACK = ["crashme_deref", "crashme_level2", "crashme_level1"]


def fleet(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program on a folder, its readings kept beside that."""
    return subprocess.run(
        [sys.executable, "-m", "pycrash", "fleet", "--store", f"{folder}.base", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=folder,
        env={**os.environ, "DEBUGINFOD_URLS": ""},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three machines: all is there, a page of the stack is not, the task that crashed is not."""
    folder = tmp_path_factory.mktemp("sample") / "crash"
    vmlinux = unpacked(SAMPLE / "vmlinux.xz")
    kernel = open_kernel(vmlinux, SAMPLE / "vmcore")
    task = kernel.tasks.get(kernel.panic.task)
    lost = {
        "web1": None,
        "web2": task.stack,
        "web3": task.address,
    }
    for number, (name, address) in enumerate(lost.items()):
        changed = Variant()
        changed.rename(name.encode(), kernel)
        changed.crash_at(CRASHED + 60 * number)
        if address is not None:
            page = kernel.arch.tables.kernel_physical(address)
            assert page is not None
            changed.exclude(page)
        changed.write(folder / name / "vmcore")
        (folder / name / "vmlinux").symlink_to(vmlinux)
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What is told of them at first, by kind."""
    done = fleet(folder, "--json", "--html", "report.html", ".")
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, list[dict[str, Any]]] = {}
    for row in map(json.loads, done.stdout.splitlines()):
        found.setdefault(row["kind"], []).append(row)
    return found


def test_each_is_read_on_the_first_rung_that_holds(rows: dict[str, list[dict[str, Any]]]) -> None:
    told = [(row["paths"], row["read"], row["crash"]) for row in rows["fleet.dump"]]
    assert told == [
        (["web1/vmcore"], "plain", 1),
        (["web2/vmcore"], "zero_excluded", 1),
        (["web3/vmcore"], "minimal", 1),
    ]


def test_they_are_of_one_crash(rows: dict[str, list[dict[str, Any]]]) -> None:
    (crash,) = rows["fleet.crash"]
    assert (crash["name"], crash["symbol"], crash["module"]) == (
        "null-pointer",
        "crashme_deref",
        "crashme",
    )
    assert crash["stack"][:3] == STACK
    assert crash["nodenames"] == {"web1": 1, "web2": 1, "web3": 1}
    assert (crash["first"], crash["last"]) == (CRASHED, CRASHED + 120)


def test_the_second_time_is_quick_and_says_so(folder: Path, rows: object) -> None:
    done = fleet(folder, ".")
    assert "3 known before" in done.stdout.splitlines()[0]
    assert (folder / "report.html").read_text().startswith("<!doctype html>")


def test_a_bar_is_drawn_where_somebody_watches(tmp_path: Path) -> None:
    (tmp_path / "vmcore").write_bytes(b"KDUMP   and nothing more")
    screen, end = os.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "pycrash", "fleet", "--store", "base", "."],
        stdout=subprocess.PIPE,
        stderr=end,
        text=True,
        timeout=300,
        check=False,
        cwd=tmp_path,
    )
    os.close(end)
    drawn = os.read(screen, 1 << 16)
    os.close(screen)
    assert b"reading dumps [....." in drawn
    assert drawn.endswith(b"\r\x1b[K")
    assert done.returncode == 1
    assert done.stdout.startswith("1 dump, read: 1 not at all; 0 crashes\n")


def test_what_is_not_there(tmp_path: Path) -> None:
    done = fleet(tmp_path, "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "pycrash: nowhere: No such file or directory\n"
    assert fleet(tmp_path, ".").returncode == 1
    assert "--jobs" in fleet(tmp_path, "--jobs", "0", ".").stderr
