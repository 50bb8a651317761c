from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pycrash.api import Settings
from pycrash.errors import MissingFeature
from pycrash.shell import main, pager, start
from pycrash.shell.options import OptionError, parse_options
from pycrash.version import VERSION

Capture = pytest.CaptureFixture[str]


class Note:
    release = "6.12.0"
    build_id: str | None = "0123abcd"


def answer(monkeypatch: pytest.MonkeyPatch, note: Any, *words: str) -> int | None:
    monkeypatch.setattr(start, "_open_dump", lambda dump, options: SimpleNamespace(vmcoreinfo=note))
    return start.answer_without_session(parse_options(words))


def test_questions_to_a_dump_alone(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert answer(monkeypatch, Note(), "--osrelease", "dump") == 0
    assert answer(monkeypatch, Note(), "--build-id", "dump") == 0
    without = Note()
    without.build_id = None
    assert answer(monkeypatch, without, "--build-id", "dump") == 1
    assert capsys.readouterr().out == "6.12.0\n0123abcd\nunknown\n"


def test_a_dump_that_does_not_know(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    class Silent:
        @property
        def release(self) -> str:
            raise MissingFeature("no OSRELEASE")

    assert answer(monkeypatch, Silent(), "--osrelease", "dump") == 1
    assert capsys.readouterr().out == "unknown\n"


def test_help_and_version(capsys: Capture) -> None:
    assert start.answer_without_session(parse_options(["-h", "exit"])) == 0
    assert "NAME\n  exit - " in capsys.readouterr().out
    assert start.answer_without_session(parse_options(["-v"])) == 0
    assert "pycrash" in capsys.readouterr().out
    assert start.answer_without_session(parse_options(["--version"])) == 0
    assert capsys.readouterr().out == f"pycrash {VERSION}\n"
    assert start.answer_without_session(parse_options(["-s", "dump"])) is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nosuch"], "pycrash: invalid option: --nosuch (pycrash -h lists the options)"),
        (["nothere"], "pycrash: nothere: No such file or directory"),
        (["-g"], "pycrash: -g needs one file: a vmlinux (pycrash -h lists the options)"),
        (["-g", "nothere"], "pycrash: nothere: No such file or directory"),
    ],
)
def test_a_wrong_command_line_is_one_line(words: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pycrash", *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message + "\n")


def test_the_newest_dump_is_told(tmp_path: Path, capsys: Capture) -> None:
    dump = tmp_path / "2026" / "vmcore"
    dump.parent.mkdir()
    dump.write_bytes(b"KDUMP   " + bytes(9000))
    folder = str(tmp_path)
    for words in ([folder, "vmlinux"], ["vmlinux", folder]):
        assert start.named_files(parse_options(["--latest", *words])) == [Path("vmlinux"), dump]
    assert start.named_files(parse_options([f"--latest={folder}"])) == [dump]
    assert (
        capsys.readouterr()
        .err.splitlines()[0]
        .startswith(f"pycrash: the newest dump: {dump}, written 20")
    )
    with pytest.raises(OptionError, match="one folder"):
        start.named_files(parse_options(["--latest", folder, folder]))
    assert start.named_files(parse_options([folder])) == [tmp_path]


def test_no_dump_at_all_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pycrash", "--latest", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    said = f"pycrash: {tmp_path}: no dump among its 0 files (looked 3 folders deep)\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_a_batch_imports_only_what_it_needs() -> None:
    script = (
        "import sys; from pycrash.shell import main, start, loop; import pycrash.kernel.opening;"
        "heavy = {'prompt_toolkit', 'pygments', 'numpy', 'argparse', 'drgn.helpers',"
        " 'elftools', 'importlib.metadata'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_an_error_nobody_expected_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    def fail(options: object) -> int:
        raise KeyError("x")

    monkeypatch.setattr(main, "_prepare_streams", lambda: None)
    monkeypatch.setattr(main, "_run", fail)
    assert main.run(["dump"]) == 1
    assert capfd.readouterr().err == "pycrash: internal error: KeyError: 'x'\n"
    with pytest.raises(KeyError):
        main.run(["--debug", "dump"])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "out of memory"),
        (ImportError("libz.so: failed to map"), "libz.so: failed to map"),
        (Exception("libelf error: out of memory"), "libelf error: out of memory"),
    ],
)
def test_too_little_memory_is_told(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    def fail(options: object) -> int:
        raise error

    monkeypatch.setattr(main, "_prepare_streams", lambda: None)
    monkeypatch.setattr(main, "_run", fail)
    assert main.run(["dump"]) == 1
    assert capfd.readouterr().err == f"pycrash: {said}\n"


def test_pagers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pager, "which", lambda name: f"/bin/{name}")
    monkeypatch.delenv("CRASHPAGER", raising=False)
    assert pager.usable_pager(None) == "less"
    assert pager.usable_pager("more") == "more"
    assert pager.usable_pager("CRASHPAGER") == "less"
    own = tmp_path / "pager"
    own.touch(0o755)
    monkeypatch.setenv("CRASHPAGER", f"{own} -x")
    assert pager.usable_pager(None) == "CRASHPAGER"
    assert pager.pager_command(Settings(scroll="CRASHPAGER")) == [str(own), "-x"]
    assert pager.pager_command(Settings(scroll="off")) is None
    monkeypatch.setenv("CRASHPAGER", f"{own} | cat")
    assert pager.crashpager() is None
    monkeypatch.setattr(pager, "which", lambda name: None)
    assert pager.usable_pager("less") == "none"


def test_a_file_name_tells_a_terminal_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    for watched, said in ((True, "\\x1b[2J"), (False, "\x1b[2J")):
        monkeypatch.setattr(sys.stderr, "isatty", lambda watched=watched: watched, raising=False)
        monkeypatch.setattr(main, "_prepare_streams", lambda: None)
        assert main.run(["\x1b[2J"]) == 1
        assert capsys.readouterr().err == f"pycrash: {said}: No such file or directory\n"
