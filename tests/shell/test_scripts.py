"""What scripts stand on: lines as options, JSON, where messages go, the exit status."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pycrash.api import Settings
from tests.golden.sample import arrange
from tests.shell.fake import fake_session, in_child

Capture = pytest.CaptureFixture[str]


def served(*options: str, stdin: str = "", **files: str) -> tuple[str, str, int]:
    found = in_child(options, stdin, files)
    return found["stdout"], found["stderr"], found["status"]


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_lines_as_options_are_run_in_order_and_nothing_else() -> None:
    done = served("--exec", "tally 2", "--exec=tally 1", stdin="tally 9\n")
    assert done == ("1\n2\n1\n", "", 0)


def test_files_of_the_start_come_first() -> None:
    done = served("--exec", "tally 2", "-i", "first", first="tally 1\n")
    assert done == ("1\n1\n2\n", "", 0)


def test_leaving_leaves_the_lines_behind() -> None:
    assert served("--exec", "q", "--exec", "tally 1") == ("", "", 0)


def test_json_of_every_line_and_no_banner() -> None:
    out, err, status = served("--json", stdin="tally -n 2\nnosuch\ntally 1 > out\n> \n")
    assert (err, status) == ("", 1)
    assert [(row["kind"], row.get("value", row.get("message"))) for row in objects(out)] == [
        ("tally.number", 1),
        ("notice", "two comes"),
        ("tally.number", 2),
        ("error", "command not found: nosuch"),
        ("error", "no file name after >"),
    ]


def test_json_can_be_turned_on_and_off() -> None:
    out, _, _ = served("-s", stdin="set output json\ntally 1\nset output text\ntally 1\n")
    assert out.splitlines() == [
        "output: json",
        '{"kind": "tally.number", "value": 1}',
        '{"kind": "set.setting", "name": "output", "value": "text"}',
        "1",
    ]


def test_an_output_there_is_none_of(capfd: Capture) -> None:
    session = fake_session()
    session.feed("set output xml")
    assert capfd.readouterr().out == "set: invalid command: set output xml \n"
    assert session.settings == Settings(silent=True)


@pytest.mark.parametrize("line", ["tally -e 1", "nosuch", "tally -z", "tally 1 >", "tally -x 2"])
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_strict_status(line: str, more: tuple[str, ...]) -> None:
    assert served("--strict", "--exec", line, "--exec", "tally 1", *more)[2] == 1
    assert served("--exec", line, "--exec", "tally 1", *more)[2] == 0


def test_a_strict_status_where_all_went_well() -> None:
    # A warning is no failure. The end of the input is none either, as it is to crash.
    assert served("-s", "--strict", stdin="tally -n 2\n")[2] == 0
    assert served("-s", stdin="tally -n 2\n")[2] == 1
    assert served("-s", "--strict", stdin="tally -e 1\nq\n")[2] == 1
    assert served("-s", stdin="tally -e 1\nq\n")[2] == 0


def test_the_first_failure_ends_it() -> None:
    out, _, status = served("--fail-fast", "--exec", "tally -e 1", "--exec", "tally 5")
    assert (out, status) == ("1\ntally: cannot count on\n", 1)
    out, _, status = served("-s", "--fail-fast", stdin="tally -e 1\ntally 5\n")
    assert (out, status) == ("1\ntally: cannot count on\n", 1)


def test_a_failure_in_an_input_file_ends_it() -> None:
    file = {"lines": "tally 1\nnosuch\ntally 5\n"}
    out, _, status = served("--fail-fast", "--exec", "< lines", "--exec", "tally 7", **file)
    assert (out, status) == ("1\ncrash: command not found: nosuch\n", 1)


def test_messages_on_standard_error() -> None:
    done = served("--stderr", "--exec", "tally -ne 2", "--exec", "tally -z 2")
    usage = 'Usage:\n  tally [-e|-n|-x] number\nEnter "help tally" for details.\n'
    said = "WARNING: two comes\ntally: cannot count on\ntally: invalid option -- 'z'\n"
    assert done == ("1\n2\n", said + usage, 0)


def test_messages_of_json_on_standard_error() -> None:
    out, err, status = served("--json", "--stderr", "--exec", "tally -ne 2", "--strict")
    assert [row["kind"] for row in objects(out)] == ["tally.number", "tally.number"]
    assert [row["kind"] for row in objects(err)] == ["notice", "error"]
    assert status == 1


def test_messages_of_a_line_whose_output_goes_elsewhere(capfd: Capture) -> None:
    session = fake_session(Settings(silent=True, error="/dev/stderr"))
    session.feed("tally -e 2 | cat")
    assert capfd.readouterr() == ("1\n2\n", "tally: cannot count on\n")


def pycrash(folder: Path, *words: str, **how: Any) -> subprocess.Popen[str]:
    arrange(folder)
    return subprocess.Popen(
        [sys.executable, "-m", "pycrash", *words, "vmlinux", "vmcore"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )


def test_rows_for_another_program(tmp_path: Path) -> None:
    done = pycrash(tmp_path, "--json", "--exec", "ps -S", "--strict")
    out, err = done.communicate(timeout=60)
    assert (err, done.returncode) == ("", 0)
    assert {row["state"]: row["count"] for row in objects(out)}["UN"] == 2


def test_ctrl_c_ends_a_batch(tmp_path: Path) -> None:
    done = pycrash(tmp_path, "--exec", "ps 1", "--exec", "repeat -1 ps 1", start_new_session=True)
    assert done.stdout is not None
    done.stdout.readline()
    time.sleep(0.2)
    done.send_signal(signal.SIGINT)
    _, err = done.communicate(timeout=60)
    assert (err, done.returncode) == ("", 130)


def test_a_reader_that_leaves_ends_it(tmp_path: Path) -> None:
    done = pycrash(tmp_path, "--exec", "sym -l", "--exec", "sym -l")
    assert done.stdout is not None
    assert done.stderr is not None
    done.stdout.readline()
    done.stdout.close()
    assert done.wait(timeout=60) == 1
    assert done.stderr.read() == ""
