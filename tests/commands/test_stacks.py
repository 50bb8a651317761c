"""stacks on the sample dump: it agrees with `foreach bt`, task by task."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.golden.sample import arrange


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sample")
    arrange(made)
    return made


def said(folder: Path, line: str) -> str:
    tool = [sys.executable, "-m", "pycrash", "-s", "vmlinux", "vmcore"]
    run = subprocess.run(
        tool, cwd=folder, input=line + "\n", capture_output=True, text=True, check=False
    )
    return run.stdout


def by_bt(folder: Path) -> dict[int, list[tuple[str, int]]]:
    """Pid to the calls, each a symbol and its address, that `foreach bt` shows."""
    found: dict[int, list[tuple[str, int]]] = {}
    for block in said(folder, "foreach bt").split("\n\n"):
        head = re.match(r"PID: (\d+)", block.lstrip())
        if head is not None and head[1] != "0":
            calls = re.findall(r"^ *#\d+ \[\w+\] (\S+) at (\w+)", block, re.MULTILINE)
            found[int(head[1])] = [(symbol, int(pc, 16)) for symbol, pc in calls]
    return found


def test_the_same_calls_as_foreach_bt(folder: Path) -> None:
    rows = [json.loads(line) for line in said(folder, "stacks --json").splitlines()]
    ours = {
        member["pid"]: [(call["symbol"], int(call["address"], 16)) for call in row["calls"]]
        for row in rows
        for member in row["tasks"]
    }
    ours.pop(0, None)
    assert ours == by_bt(folder)
    assert [row["count"] for row in rows] == sorted((len(r["tasks"]) for r in rows), reverse=True)


def test_folded_and_speedscope_count_alike(folder: Path) -> None:
    folded = said(folder, "stacks -c").splitlines()
    total = sum(int(line.rpartition(" ")[2]) for line in folded)
    profile = json.loads(said(folder, "stacks -j"))
    (only,) = profile["profiles"]
    assert total == sum(only["weights"]) == only["endValue"]
    frames = [frame["name"] for frame in profile["shared"]["frames"]]
    drawn = Counter(";".join(frames[i] for i in sample) for sample in only["samples"])
    assert drawn == Counter(line.rpartition(" ")[0] for line in folded)


@pytest.mark.parametrize(
    ("line", "begin"),
    [
        ("stacks -m crashme", "1 task (RU 1)"),
        ("stacks -f kernel_clone", "1 task (UN 1)"),
        ("stacks -s zz", "stacks: no task is in state zz"),
        ("stacks nobody", "stacks: invalid task, pid or command: nobody"),
        ("stacks -c -j", "stacks: -c and -j options are mutually exclusive"),
    ],
)
def test_what_is_asked_for(folder: Path, line: str, begin: str) -> None:
    assert said(folder, line).startswith(begin)
