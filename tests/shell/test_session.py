"""One line at a time: outputs, messages, interruptions."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from pycrash.api import Args, Command, Context, Notice, Row, Settings, Text, View
from pycrash.kernel.core.reader import Reader
from pycrash.shell.runner import ExitShell
from tests.shell.fake import fake_session

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_a_fresh_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_notice_stands_where_it_came(capfd: Capture) -> None:
    fake_session().feed("tally -n 3")
    assert capfd.readouterr() == ("1\nWARNING: two comes\n2\n3\n", "")


def test_an_error_follows_the_lines_before_it(capfd: Capture) -> None:
    fake_session().feed("tally -e 2")
    assert capfd.readouterr().out == "1\n2\ntally: cannot count on\n"


def test_messages_go_to_the_terminal_and_into_the_file(capfd: Capture) -> None:
    fake_session().feed("tally -ne 2 > out")
    messages = "WARNING: two comes\n", "tally: cannot count on\n"
    assert capfd.readouterr().out == "".join(messages)
    assert Path("out").read_text() == f"1\n{messages[0]}2\n{messages[1]}"


def test_an_unexpected_error_is_one_line(capfd: Capture) -> None:
    fake_session().feed("tally -x 3")
    assert capfd.readouterr() == ("1\ntally: internal error: ZeroDivisionError: two\n", "")


def test_an_unexpected_error_in_looking_a_word_up_ends_the_line_alone(
    capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[str]:
        raise KeyError("x")

    monkeypatch.setattr("pycrash.shell.session.words_as_data", fail)
    session = fake_session()
    session.feed("unknown")
    session.feed("tally 1")
    assert capfd.readouterr() == ("crash: internal error: KeyError: 'x'\n1\n", "")


def test_an_error_without_a_class_is_told_in_its_own_words() -> None:
    runner = fake_session().runner
    assert runner.internal_error(Exception("libelf error: bad")) == "libelf error: bad"


def test_debug_shows_the_traceback(capfd: Capture) -> None:
    session = fake_session()
    session.runner.debug = True
    session.feed("tally -x 3")
    assert "Traceback" in capfd.readouterr().err


def test_every_invalid_option_brings_the_usage(capfd: Capture) -> None:
    fake_session().feed("tally -qz 3")
    out, err = capfd.readouterr()
    assert err == "tally: invalid option -- 'q'\ntally: invalid option -- 'z'\n"
    assert out.startswith("Usage:\n  tally [-e|-n|-x] number\n")


def test_ctrl_c_ends_the_command_and_no_more(capfd: Capture) -> None:
    session = fake_session()
    session.feed("endless 1")
    session.feed("tally 1")
    out, err = capfd.readouterr()
    assert out.startswith("1\n")
    assert out.endswith("\n1\n")
    assert err == "\n"


def test_ctrl_c_ends_the_input_file(capfd: Capture) -> None:
    Path("cmds").write_text("endless 1 > out\ntally 5\n")
    session = fake_session()
    session.feed("< cmds")
    session.feed("< cmds")
    assert capfd.readouterr().out == ""


def test_ctrl_c_ends_a_batch() -> None:
    session = fake_session()
    session.interactive = False
    with pytest.raises(KeyboardInterrupt):
        session.feed("endless 1 > out")


def test_a_reader_that_leaves_early_ends_the_command(capfd: Capture) -> None:
    fake_session().feed("tally 1000000 | head -1")
    assert capfd.readouterr() == ("1\n", "")


def test_a_killed_reader_is_no_trouble(capfd: Capture) -> None:
    session = fake_session()
    session.feed("tally 100000 | sh -c 'kill -9 $$'")
    session.feed("tally 1")
    assert capfd.readouterr().out.endswith("1\n")


def test_a_full_disk_is_said(capfd: Capture) -> None:
    fake_session().feed("tally 3 > /dev/full")
    assert capfd.readouterr().out == "crash: /dev/full: No space left on device\n"


def test_output_that_cannot_be_written_ends_the_session(
    capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = open("/dev/full", "w")  # noqa: SIM115
    monkeypatch.setattr("sys.stdout", full)
    with pytest.raises(ExitShell):
        fake_session().feed("tally 100000")
    with contextlib.suppress(OSError):
        full.close()
    assert capfd.readouterr().err == "pycrash: standard output: No space left on device\n"


def test_repeat_ends_at_an_error(capfd: Capture) -> None:
    session = fake_session()
    session.feed("repeat tally -e 1")
    session.feed("repeat tally -z 1")
    assert capfd.readouterr().out.count("cannot count on") == 1


def test_repeat_ends_when_nobody_reads(capfd: Capture) -> None:
    fake_session().feed("repeat tally 1 | head -3")
    assert capfd.readouterr().out == "1\n1\n1\n"


def test_rows_as_json(capfd: Capture) -> None:
    fake_session().feed("tally -n 2 --json")
    lines = capfd.readouterr().out.splitlines()
    assert lines == [
        '{"kind": "tally.number", "value": 1}',
        '{"kind": "notice", "command": "tally", "level": "WARNING", "message": "two comes"}',
        '{"kind": "tally.number", "value": 2}',
    ]


def test_what_goes_wrong_as_json(capfd: Capture) -> None:
    session = fake_session()
    for line in ("tally -e 1 --json", "tally --json -y", "tally -x 2 --json"):
        session.feed(line)
    found = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert found == [
        {"kind": "tally.number", "value": 1},
        {"kind": "error", "command": "tally", "message": "cannot count on"},
        {
            "kind": "error",
            "command": "tally",
            "message": "tally: invalid option -- 'y'",
            "reason": "usage",
        },
        {"kind": "tally.number", "value": 1},
        {
            "kind": "error",
            "command": "tally",
            "message": "internal error: ZeroDivisionError: two",
            "reason": "internal",
        },
    ]


def test_words_that_are_no_command_as_json(capfd: Capture) -> None:
    session = fake_session()
    for line in ("nosuch --json", "run --json", "echo 5 --json", "gdb echo 5 --json"):
        session.feed(line)
    out = capfd.readouterr().out.splitlines()
    assert out[2] == "5 --json"  # a program's own matter
    assert [json.loads(line) for line in (*out[:2], out[3])] == [
        {"kind": "error", "command": "crash", "message": "command not found: nosuch"},
        {"kind": "error", "command": "crash", "message": "prohibited gdb command: run"},
        {"kind": "text", "text": "5"},
    ]


def test_what_turns_out_while_it_is_shown_is_said_in_its_place(capfd: Capture) -> None:
    session = fake_session()
    session.registry.add(Late())
    session.feed("late")
    assert capfd.readouterr().out == "one\nlate: lost two\nthree\n"


class Late(Command):
    """Finds out in `text` that one of its rows cannot be shown."""

    name = "late"
    summary = "late"
    synopsis = ""

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from (Text("one"), Text("two"), Text("three"))
        yield Notice("only JSON has this", quiet=True)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            assert isinstance(row, Text)
            if row.text == "two":
                view.say(Notice("lost two"))
            else:
                yield row.text


def test_exit_leaves() -> None:
    for line in ("exit", "q", "quit", "Q", "exit now"):
        with pytest.raises(ExitShell):
            fake_session().feed(line)


def test_recalled_lines_are_shown_and_remembered(capfd: Capture) -> None:
    session = fake_session()
    for line in ("tally 1", "r", "h", "r 9"):
        session.feed(line)
    assert capfd.readouterr().out.splitlines() == [
        *("1", "crash> tally 1", "1", "[1] tally 1", "[2] tally 1"),
        "crash: command 9 not entered yet!",
    ]


def test_minimal_mode_knows_few_commands(capfd: Capture) -> None:
    session = fake_session()
    session.minimal = True
    session.feed("tally 1")
    assert capfd.readouterr().out.startswith("crash: tally: command not available in minimal mode")


def test_what_the_kernel_is_asked_waits_for_it(capfd: Capture) -> None:
    session = fake_session()
    waited: list[str] = []
    session.ready = lambda: waited.append("waited")
    session.feed("!true")
    session.feed("# nothing")
    assert waited == []
    session.feed("tally 1")
    assert waited == ["waited"]


def test_a_shell_command_writes_where_the_line_goes(capfd: Capture) -> None:
    Path("cmds").write_text("!echo from the shell\ntally 1\n")
    fake_session().feed("< cmds > out")
    assert capfd.readouterr().out == ""
    assert Path("out").read_text() == "from the shell\n1\n"


def test_pager_gets_the_lines_and_the_messages(
    capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pager = Path("pager")
    pager.write_text("#!/bin/sh\nsed 's/^/paged /'\n")
    pager.chmod(0o755)
    monkeypatch.setenv("CRASHPAGER", str(pager.absolute()))
    session = fake_session(Settings(silent=True, scroll="CRASHPAGER"))
    session.feed("tally -n 2", "terminal")
    session.feed("# silent", "terminal")
    session.feed("!echo plain", "terminal")
    session.feed("tally 1 | cat", "terminal")
    assert capfd.readouterr().out.splitlines() == [
        *("paged 1", "paged tally: WARNING: two comes", "paged 2"),
        *("plain", "1"),
    ]


def test_undecodable_bytes_pass_through() -> None:
    session = fake_session()
    session.feed(os.fsdecode(b"echo \xff > out"))
    assert Path("out").read_bytes() == b"\xff\n"


def test_each_line_reads_a_running_kernel_anew(
    capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed: list[Reader] = []
    monkeypatch.setattr(Reader, "is_live", True)
    monkeypatch.setattr(Reader, "renew", lambda kernel: renewed.append(kernel))
    session = fake_session()
    session.feed("tally 1")
    session.feed("# nothing is asked for")
    session.feed("tally 1")
    assert list(session.answer("tally 1"))
    assert len(renewed) == 3
    assert capfd.readouterr().out == "1\n1\n"


def test_a_task_that_has_ended_is_current_no_more(
    capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reader, "is_live", True)
    monkeypatch.setattr(Reader, "renew", lambda kernel: None)
    session = fake_session()
    own = SimpleNamespace(comm="pycrash")
    session.kernel.tasks = SimpleNamespace(by_address={1: own}, get=lambda at: own)  # type: ignore[assignment]
    session.kernel.panic = SimpleNamespace(first_task=1)  # type: ignore[assignment]
    monkeypatch.setattr(session, "show", lambda name, output: output.write(f"    <{name}>"))
    session.settings.task = 1
    session.feed("tally 1")
    session.settings.task = 2
    session.feed("tally 1")
    said = 'crash: current context no longer exists -- restoring "pycrash" context:\n\n'
    assert capfd.readouterr().out == f"1\n{said}    <set>\n\n1\n"
    assert session.settings.task == 0
