"""explain on the sample dump: each kind of address, and the registers of the crash."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.golden.sample import arrange


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sample")
    arrange(made)
    return made


def said(folder: Path, *lines: str) -> list[str]:
    tool = [sys.executable, "-m", "pycrash", "-s", "vmlinux", "vmcore"]
    text = "\n".join(lines) + "\n"
    run = subprocess.run(tool, cwd=folder, input=text, capture_output=True, text=True, check=False)
    return run.stdout.splitlines()


def facts(folder: Path, word: str) -> dict[str, dict[str, Any]]:
    """What is known, by its kind."""
    rows = [json.loads(line) for line in said(folder, f"explain {word} --json")]
    return {row["what"]: row for row in rows if row["kind"] == "explain.fact"}


@pytest.mark.parametrize(
    ("word", "what", "text"),
    [
        ("init_task", "symbol", "data: init_task"),
        ("init_task+64", "symbol", "data: init_task+64"),
        ("init_task+64", "task", '64 bytes into the task_struct of 0 "swapper/0"'),
        ("schedule+5", "symbol", "code: schedule+5"),
        ("0", "null", "NULL, or 0 bytes behind it"),
        ("0x6b6b6b6b6b6b6b73", "pattern", "the value is POISON_FREE: freed slab memory"),
        ("0x5a00000000000000", "nothing", "no page table can hold this address (not canonical)"),
    ],
)
def test_what_an_address_is(folder: Path, word: str, what: str, text: str) -> None:
    assert facts(folder, word)[what]["text"].startswith(text)


def test_an_object_and_a_stack(folder: Path) -> None:
    rows = [
        json.loads(line) for line in said(folder, "task -R pid,stack 125 --json", "ps 125 --json")
    ]
    task = next(row["task"] for row in rows if "task" in row)
    found = facts(folder, task)
    assert found["slab"]["text"].startswith(
        "0 bytes into an object of slab cache task_struct, allocated"
    )
    assert found["task"]["start"] == found["slab"]["start"] == task


def test_a_task_that_begins_where_the_type_of_the_last_one_has_not_ended(folder: Path) -> None:
    lines = said(folder, "explain ff1816ac026e1600")
    assert [line.strip() for line in lines if "into the task_struct" in line] == [
        '0 bytes into the task_struct of 126 "mutex-holder"  [task ff1816ac026e1600]'
    ]


def test_the_registers_of_the_crash(folder: Path) -> None:
    lines = said(folder, "explain")
    assert lines[0].startswith("RIP: ")
    assert "code of module crashme: crashme_deref" in lines[1]
    registers = [line.partition(":")[0] for line in lines if not line.startswith(" ")]
    assert registers[:4] == ["RIP", "RSP", "RAX", "RBX"]
    assert "RFLAGS" not in registers


def test_no_address(folder: Path) -> None:
    assert said(folder, "explain zzz") == ["explain: not an address: zzz"]
