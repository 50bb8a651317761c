"""The page of the sample dump: a module that used a pointer that was nearly NULL."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.golden.sample import arrange


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What `triage` and `triage --json` print."""
    folder = tmp_path_factory.mktemp("sample")
    arrange(folder)
    return [said(folder, line) for line in ("triage", "triage --json")]


def said(folder: Path, line: str) -> str:
    tool = [sys.executable, "-m", "pycrash", "-s", "vmlinux", "vmcore"]
    run = subprocess.run(
        tool, cwd=folder, input=line + "\n", capture_output=True, text=True, check=False
    )
    return run.stdout


@pytest.fixture(scope="module")
def rows(answers: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The rows by their kind."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in answers[1].splitlines():
        row = json.loads(line)
        found.setdefault(row["kind"], []).append(row)
    return found


def test_the_class_and_its_proof(rows: dict[str, list[dict[str, Any]]]) -> None:
    (verdict,) = rows["triage.verdict"]
    assert (verdict["name"], verdict["certain"]) == ("null-pointer", True)
    claim = rows["triage.proof"][0]["claim"]
    assert claim.endswith("NULL pointer dereference, address: 0000000000000010")


def test_the_culprit(rows: dict[str, list[dict[str, Any]]]) -> None:
    (culprit,) = rows["triage.culprit"]
    assert culprit["symbol"].startswith("crashme_deref")
    assert (culprit["module"], culprit["pid"], culprit["comm"]) == ("crashme", 125, "insmod")


def test_the_state_of_the_machine(rows: dict[str, list[dict[str, Any]]]) -> None:
    assert [(row["cpu"], row["pid"]) for row in rows["triage.cpu"]] == [(0, 111), (1, 125)]
    assert [row["pid"] for row in rows["triage.waiting"]] == [93, 126]
    assert rows["triage.holder"][0]["comm"] == "memory"
    assert sum(rows["triage.states"][0]["states"].values()) == rows["triage.machine"][0]["tasks"]


def test_the_page(answers: list[str]) -> None:
    lines = answers[0].splitlines()
    names = [line[:8].strip() for line in lines if line[:8].strip()]
    assert names == [
        "MACHINE",
        "CRASH",
        "PROOF",
        "CULPRIT",
        "LOG",
        "CPUS",
        "WAITING",
        "MEMORY",
        "NEXT",
    ]
    assert '          in task 125 "insmod" on CPU 1' in lines
    assert max(map(len, lines)) <= 110
