from __future__ import annotations

import os
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.shell.inputs import find_argument_file, open_input, start_files


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_lines_without_comments(folder: Path) -> None:
    (folder / "cmds").write_text("# no\n\nbt\n // kept\n  # kept\nlast")
    assert list(open_input(["<", "cmds"])) == ["bt\n", " // kept\n", "  # kept\n", "last"]


def test_bytes_that_are_no_text(folder: Path) -> None:
    (folder / "cmds").write_bytes(b"echo \xff\n")
    assert list(open_input(["<", "cmds"])) == ["echo \udcff\n"]


def test_what_is_no_input_file(folder: Path) -> None:
    (folder / "elf").write_bytes(b"\x7fELF....")
    (folder / "script").write_text("#!/bin/sh\n")
    (folder / "script").chmod(0o755)
    for words, message in (
        (["<"], "no input file entered!"),
        (["<", "nothere"], "nothere: No such file or directory"),
        (["<", "elf"], "input from executable files not supported yet!"),
        (["<", "script"], "input from shell scripts not supported yet!"),
    ):
        with pytest.raises(CrashError) as caught:
            open_input(words)
        assert str(caught.value) == message


def calls(*words: str) -> list[list[str]]:
    found = find_argument_file(words)
    assert found is not None
    return list(found.calls(words))


def test_a_line_takes_the_place_of_the_file(folder: Path) -> None:
    (folder / "args").write_text("1 2\n# no\n\n 3\n")
    wanted = [["ps", "-p", "1", "2", "x"], ["ps", "-p", "3", "x"]]
    assert calls("ps", "-p", "<", "args", "x") == wanted
    assert calls("ps", "-p", "<args", "x") == wanted


def test_inside_parentheses_only_the_name_goes(folder: Path) -> None:
    (folder / "args").write_text("a b\nc\n")
    assert calls("p", "(1 + <args)") == [["p", "(1 + a b)"], ["p", "(1 + c)"]]
    assert find_argument_file(["p", "(1 << args)"]) is None


def test_what_is_no_argument_file(folder: Path) -> None:
    (folder / "args").write_text("1\n")
    (folder / "empty").touch()
    for word in ("nothere", "empty", "."):
        assert find_argument_file(["ps", "<", word]) is None
    with pytest.raises(CrashError, match="< requires a file argument"):
        find_argument_file(["ps", "<"])
    with pytest.raises(CrashError, match="multiple input files are not supported"):
        find_argument_file(["ps", "<args", "<args"])


def test_start_files(folder: Path) -> None:
    home = folder / "home"
    home.mkdir()
    assert start_files(str(home)) == ([], [])
    (home / ".crashrc").touch()
    Path(".crashrc").touch()
    assert start_files(str(home)) == ([home / ".crashrc", Path(".crashrc")], [])
    assert start_files(None) == ([Path(".crashrc")], [])
    assert start_files(str(folder)) == ([folder / ".crashrc"], [])
    (home / ".crashrc").chmod(0o666)
    assert start_files(str(home)) == ([Path(".crashrc")], [home / ".crashrc"])
    (home / ".crashrc").unlink()
    os.mkfifo(home / ".crashrc")
    assert start_files(str(home)) == ([Path(".crashrc")], [home / ".crashrc"])
