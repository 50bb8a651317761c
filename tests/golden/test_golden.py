"""Every recorded line, answered by pycrash in one process, against crash's own answer."""

from __future__ import annotations

import sys

import pytest

from tests.golden.answers import Entry, read
from tests.golden.sample import arrange
from tests.matrix.compare import Run, run_lines

ENTRIES = read()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One session of pycrash over all the lines."""
    folder = tmp_path_factory.mktemp("sample")
    arrange(folder)
    tool = [sys.executable, "-m", "pycrash", "-s", "vmlinux", "vmcore"]
    return run_lines(tool, [entry.line for entry in ENTRIES], folder, limit=120)


@pytest.mark.parametrize("index", range(len(ENTRIES)), ids=[entry.line for entry in ENTRIES])
def test_answers_as_crash_does(run: Run, index: int) -> None:
    entry: Entry = ENTRIES[index]
    assert run.answers[index] == entry.answer


def test_one_process_served_all_lines(run: Run) -> None:
    assert run.lines
    assert run.died == []
