"""report on the sample dump: what is in it, and in the file it writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pycrash.dump import Dump
from pycrash.errors import CrashError
from pycrash.shell import pictures
from tests.report.reading import Reader

TITLES = {
    "What happened", "The system", "The task that crashed", "What the CPUs ran",
    "Who waits for whom", "All stacks", "Tasks", "The program that crashed", "Memory", "Modules",
    "Network", "Hardware", "The log",
}  # fmt: skip


def test_pages_are_sound(reports: tuple[Path, Path]) -> None:
    for path in reports:
        page = Reader(path.read_bytes())
        assert page.faults == []
        assert "Failed inside" not in page.text("p")
        assert "Not to be had" not in page.text("p")
        assert path.stat().st_mode & 0o777 == 0o600


def test_everything_is_there(reports: tuple[Path, Path]) -> None:
    page = Reader(reports[0].read_bytes())
    for tag, word in (
        ("p", "NULL pointer dereference (null-pointer)"),
        ("p", "crashlab, Linux 6.12.117-sample"),
        ("dd", "crashme_deref.constprop.0+0 [crashme]"),
        ("dd", "console=ttyS0 crashkernel=96M"),
        ("span", "#7 [ff30dd53404e3d30] crashme_level2.constprop.0 at"),
        ("summary", "25 tasks (IN 25): __x64_sys_pause"),
        ("td", "vfork-kid"),
        ("td", "virtio_net"),
        ("td", "10.0.2.15"),
        ("span", "/mod/crashme.ko"),
        ("span", "ENV: HOME=/"),
        ("span", "TOTAL MEM"),
        ("span", "[   10.457058] Oops: Oops: 0002 [#1] SMP"),
        ("title", "entry_SYSCALL_64_after_hwframe: 35 of 84 tasks"),
    ):
        assert word in page.text(tag), word


def test_the_row(sample: Dump, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    row: Any = sample.rows(f"report {path}")[0]
    assert (row.path, row.size, row.redacted) == (str(path), path.stat().st_size, False)
    assert set(row.sections) == TITLES
    assert row.cut == ()
    other: Any = sample.rows(f"report --redact {path}.2")[0]
    assert other.redacted
    assert TITLES - set(other.sections) == {"The program that crashed", "Network", "Hardware"}


def test_text(sample: Dump, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    assert sample.text(f"report -r {path}").startswith(f"{path}: ")
    assert sample.text("report").startswith("Usage:")


def test_a_file_that_is_there_is_left_alone(sample: Dump, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    path.write_text("mine")
    with pytest.raises(CrashError, match="File exists"):
        sample.rows(f"report {path}")
    assert path.read_text() == "mine"
    with pytest.raises(CrashError, match="No such file"):
        sample.rows(f"report {tmp_path}/no/r.html")


def test_nothing_is_left_of_a_report_that_fails(
    sample: Dump, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pycrash.report.report.make_report", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sample.rows(f"report {tmp_path}/r.html")
    assert list(tmp_path.iterdir()) == []


def test_graphs_are_drawn_by_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pictures.drawn("digraph {}") is None
    dot = tmp_path / "dot"
    dot.write_text('#!/bin/sh\n[ $1 = -Tsvg ] && read line && echo "<svg>$line</svg>"\n')
    os.chmod(dot, 0o700)
    assert pictures.drawn("digraph {}\n") == "<svg>digraph {}</svg>\n"
    dot.write_text("#!/bin/sh\nexit 1\n")
    assert pictures.drawn("digraph {}\n") is None
