"""Two dumps compared: figures by hand, and the sample with itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pycrash.triage import snapshot
from pycrash.triage.snapshot import Change, changes
from tests.golden.sample import arrange


def compared(
    monkeypatch: pytest.MonkeyPatch, before: dict[str, Any], after: dict[str, Any]
) -> list[Change]:
    """What differs between two dumps of which one area has these figures."""
    monkeypatch.setitem(snapshot.AREAS, "slab", lambda kernel: kernel.figures)
    kernels: list[Any] = [SimpleNamespace(figures=figures) for figures in (before, after)]
    return list(changes("slab", *kernels))


def test_what_grew_most_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found = compared(monkeypatch, {"a": 1, "b": 10, "c": 5}, {"a": 3, "b": 2, "c": 5, "d": 4})
    assert [(c.name, c.growth) for c in found] == [("b", -8), ("d", 4), ("a", 2)]
    assert found[1].before is None


def test_words_do_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    (change,) = compared(monkeypatch, {"release": "6.1"}, {"release": "6.12"})
    assert (change.before, change.after, change.growth) == ("6.1", "6.12", 0)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("diff vmcore vmlinux", "nothing differs"),
        ("diff vmcore", "nothing differs"),
        ("diff nosuch", "diff: nosuch: No such file or directory"),
        ("diff -o zz vmcore", "diff: no such area: zz: one of system, config,"),
    ],
)
def test_on_the_sample(tmp_path: Path, line: str, answer: str) -> None:
    arrange(tmp_path)
    tool = [sys.executable, "-m", "pycrash", "-s", "vmlinux", "vmcore"]
    run = subprocess.run(
        tool, cwd=tmp_path, input=line + "\n", capture_output=True, text=True, check=False
    )
    assert run.stdout.startswith(answer)
