"""The runner of lines, against programs made up for it, and the golden files' format."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.golden import answers
from tests.matrix.compare import Run, command_of, fill, read_lines, run_lines, variables

#: Serves `!` lines as crash does, echoes others, and dies of one.
PROGRAM = """
import subprocess, sys
for line in sys.stdin:
    if line.startswith("!"):
        sys.stdout.flush()
        subprocess.run(line[1:], shell=True)
    elif line == "die\\n":
        sys.exit(3)
    elif line == "cut\\n":
        print("no end", end="")
    else:
        print("said", line, end="", flush=True)
    sys.stdout.flush()
"""


@pytest.fixture
def tool(tmp_path: Path) -> list[str]:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    return [sys.executable, str(program)]


def test_answers_are_told_apart(tool: list[str], tmp_path: Path) -> None:
    run = run_lines(tool, ["one", "cut", "two"], tmp_path)
    assert run.answers == ["said one\n", "no end", "said two\n"]
    assert run.died == []
    assert all(seconds is not None for seconds in run.seconds)


def test_a_program_that_dies_is_begun_anew(tool: list[str], tmp_path: Path) -> None:
    run = run_lines(tool, ["one", "die", "two"], tmp_path)
    assert run.answers == ["said one\n", "", "said two\n"]
    assert run.died == [1]


def test_a_run_is_kept(tool: list[str], tmp_path: Path) -> None:
    run = run_lines(tool, ["one"], tmp_path)
    run.save(tmp_path / "run.json")
    assert Run.load(tmp_path / "run.json") == run


def test_names_stand_for_what_was_answered(tool: list[str], tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text(
        "##var second = again {first} ~ again (\\w)\n"
        "##var first = word ~ said (w)\n"
        "##var none = word ~ nothing\n"
        "## a comment\n"
        "use {second}\n"
    )
    known = variables(lines, tool, tmp_path)
    assert known == {"first": "w", "second": "w"}
    assert [fill(line, known) for line in read_lines(lines)] == ["use w"]
    assert fill("use {none}", known) is None


def test_lines_are_chosen_by_command(tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("ps -m\nforeach bt -l\nforeach files\np/x 1\nstruct a\n")
    assert read_lines(lines, ["bt", "foreach", "p"]) == ["foreach bt -l", "p/x 1"]
    assert command_of("task_struct.pid 1") == "task_struct"


def test_golden_files_keep_every_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "EXPECTED", tmp_path / "expected")
    entries = [
        answers.Entry(0, "ps", "a\nb\n"),
        answers.Entry(1, "rd -a x", "no newline"),
        answers.Entry(2, "ps -z", ""),
        answers.Entry(3, "log", "crash> is no prompt here\r\n\n"),
    ]
    answers.write((command_of(entry.line), entry) for entry in entries)
    assert answers.read() == entries


def test_a_line_without_end_is_given_up(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.replace("sys.exit(3)", "import time; time.sleep(60)"))
    run = run_lines([sys.executable, str(program)], ["one", "die", "two"], tmp_path, limit=2)
    assert run.answers == ["said one\n", "", "said two\n"]
    assert run.died == [1]
