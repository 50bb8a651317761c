"""Python over a dump: open_dump, `py`, --script, and what docs/python.md shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import pycrash
from pycrash import CrashError, Dump, open_dump
from pycrash.api import Notice, Rows
from pycrash.files.compressed import unpacked
from tests.golden.sample import SAMPLE, arrange
from tests.shell.fake import Number, fake_session, in_child

ROOT = Path(__file__).resolve().parent.parent
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def dump() -> Dump:
    return open_dump(SAMPLE / "vmcore", str(unpacked(SAMPLE / "vmlinux.xz")))


def test_rows_are_objects(dump: Dump) -> None:
    rows: Any = dump.rows("ps -u")
    assert (len(rows), rows[0].pid, rows[0].comm) == (37, 1, "init")
    assert rows[0].task == dump.kernel.tasks.by_pid(1)[0].address
    assert [row.pid for row in rows[:2]] == [1, 75]
    assert repr(rows).startswith("[ProcessRow(pid=1, ")


def test_text_is_what_crash_prints(dump: Dump, capfd: Capture) -> None:
    assert dump.text("ps -S").splitlines()[0] == "  RU: 5"
    assert dump.text("bt 99999") == "bt: invalid task or pid value: 99999\n"
    assert dump.text("nosuch") == "crash: command not found: nosuch\n"
    assert capfd.readouterr() == ("", "")


def test_aliases_and_names_without_a_command(dump: Dump) -> None:
    row: Any = dump.rows("last init")[0]
    assert row.comm == "init"
    assert dump.rows("jiffies")[0].kind == dump.rows("p jiffies")[0].kind


def test_the_context_is_kept(dump: Dump) -> None:
    dump.rows("set 79")
    assert dump.context.task == dump.kernel.tasks.by_pid(79)[0].address
    row: Any = dump.rows("set")[0]
    assert row.pid == 79
    dump.rows("set -p")


def test_messages_are_with_the_rows(dump: Dump) -> None:
    rows = dump.rows("ps 99999 1")
    assert [notice.text for notice in rows.notices] == ["invalid task or pid value: 99999\n"]
    assert len(rows) == 1
    assert any(isinstance(row, Notice) for row in dump.stream("ps 99999 1"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nosuch", "command not found: nosuch"),
        ("ps -Q", "ps: invalid option -- 'Q'; usage: ps "),
        ("ps | cat", "no line that has rows: ps | cat"),
        ("", "no line that has rows: "),
        ("> ", "no file name after >"),
        ("vtop ffffffffffffffffff", "input string too large"),
    ],
)
def test_what_fails_raises(dump: Dump, line: str, message: str) -> None:
    with pytest.raises(CrashError) as caught:
        list(dump.stream(line))
    assert message in str(caught.value)
    with pytest.raises(CrashError):
        dump.rows(line)


def test_drgn_is_there(dump: Dump) -> None:
    assert dump.prog["init_task"].pid.value_() == 0
    assert repr(dump) == f"<pycrash.Dump of {SAMPLE / 'vmcore'}>"


def test_rows_as_dictionaries_and_by_kind(dump: Dump) -> None:
    frames = dump.rows("bt 1")
    assert [frame.kind for frame in frames.of_kind("bt.frame")]
    found = frames.to_dicts()
    assert {"bt.frame"} <= {row["kind"] for row in found}
    assert all(str(row["address"]).startswith("0x") for row in found if row["kind"] == "bt.frame")


def test_a_data_frame(dump: Dump, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=list))
    states = dump.rows("ps -S").to_pandas()
    assert states[0] == {"state": "RU", "count": 5}
    mixed = dump.rows("bt 1").to_pandas()
    assert {"bt.frame"} <= {row["kind"] for row in mixed}
    frames = dump.rows("bt 1").to_pandas("bt.frame")
    assert "kind" not in frames[0]
    assert isinstance(frames[0]["address"], int)


def test_without_pandas(dump: Dump, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError):
        dump.rows("ps -S").to_pandas()


def test_rows_are_found_once_and_when_asked_for() -> None:
    calls = []

    def make() -> list[Number]:
        calls.append(1)
        return [Number(1), Number(2)]

    rows = Rows(make)
    assert calls == []
    assert (list(rows), len(rows), rows[1], calls) == ([Number(1), Number(2)], 2, Number(2), [1])


def test_the_name_of_nothing() -> None:
    with pytest.raises(AttributeError):
        _ = pycrash.nothing
    assert pycrash.Dump is Dump


def test_the_import_is_quick_to_no_purpose_of_its_own() -> None:
    script = "import sys, pycrash; print({'drgn', 'pycrash.shell.session'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "set()\n"


# --- py


def said(capfd: Capture, *lines: str) -> str:
    session = fake_session()
    for line in lines:
        session.feed(line)
    return capfd.readouterr().out


def test_a_value_and_what_is_printed(capfd: Capture) -> None:
    assert said(capfd, "py 1 + 1", 'py "a  b"', "py None", "py print(3); 4") == "2\n'a  b'\n3\n"


def test_names_stay(capfd: Capture) -> None:
    assert said(capfd, "py x = 5", "py def f(n): return n * x", "py f(2)") == "10\n"


def test_it_goes_where_lines_go(capfd: Capture, tmp_path: Path) -> None:
    assert said(capfd, "py (2 > 1) | tr T t", f"py 7 > {tmp_path}/out") == "true\n"
    assert (tmp_path / "out").read_text() == "7\n"


def test_rows_of_the_line_before(capfd: Capture) -> None:
    lines = ("py len(_)", "tally 3", "py [row.value for row in _]", 'py text("tally 1")')
    assert said(capfd, *lines, "py len(_)") == "0\n1\n2\n3\n[1, 2, 3]\n'1\\n'\n3\n"


def test_rows_of_a_line(capfd: Capture) -> None:
    assert said(capfd, 'py rows("tally 2")') == "[Number(value=1), Number(value=2)]\n"
    assert said(capfd, 'py rows("tally -e 2")') == "py: cannot count on\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("nosuch", "NameError: name 'nosuch' is not defined"),
        ("raise SystemExit(3)", ""),
        ("type('X', (), {'__repr__': lambda x: 1 / 0})()", "ZeroDivisionError: division by zero"),
    ],
)
def test_what_goes_wrong_is_one_line(capfd: Capture, line: str, message: str) -> None:
    assert said(capfd, f"py {line}") == (f"py: {message}\n" if message else "")


def test_a_syntax_error_shows_where(capfd: Capture) -> None:
    assert "SyntaxError" in said(capfd, "py 1 +")


def test_as_json(capfd: Capture) -> None:
    assert said(capfd, "py --json 1 + 1") == '{"kind": "text", "text": "2"}\n'


def test_the_prompt_needs_a_terminal() -> None:
    found = in_child(["-s"], "py\ntally 1\n")
    assert found["stdout"] == "py: the prompt of Python needs a terminal\n1\n"


def test_the_stock_prompt(monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    monkeypatch.setitem(sys.modules, "ptpython.repl", None)
    answers = iter(["x = len(_)", "x", "exit()"])
    monkeypatch.setattr("builtins.input", lambda prompt="": next(answers))
    out = said(capfd, "tally 2", "py", "py x", "tally 1")
    assert out.endswith("2\n2\n1\n")


# --- script files


def script(text: str, *more: str) -> tuple[str, str, int]:
    found = in_child(["--script", "file.py", *more], "", {"file.py": text})
    return found["stdout"], found["stderr"], found["status"]


def test_a_script_file() -> None:
    text = 'import sys\nprint(__name__, sys.argv, rows("tally 2")[1].value)\n'
    assert script(text, "--exec", "tally 1") == ("__main__ ['file.py'] 2\n1\n", "", 0)


@pytest.mark.parametrize("more", [(), ("--strict",)])
def test_a_script_that_fails(more: tuple[str, ...]) -> None:
    out, err, status = script("print(1)\n\nrows('nosuch')\n", *more, "--exec", "tally 5")
    assert (out, status) == ("1\n", 1)
    assert err.splitlines()[1].strip() == 'File "file.py", line 3, in <module>'
    assert "command not found: nosuch" in err


def test_the_status_that_a_script_gives(tmp_path: Path) -> None:
    arrange(tmp_path)
    (tmp_path / "file.py").write_text("import sys\nsys.exit(len(rows('ps -S')))\n")
    words = [sys.executable, "-m", "pycrash", "--script", "file.py", "vmlinux", "vmcore"]
    assert subprocess.run(words, cwd=tmp_path, check=False).returncode == 6


def test_what_the_docs_show(dump: Dump, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs/python.md").read_text()
    example = re.search(r"^```python\n(.*?)^```$", text, re.M | re.S)
    assert example is not None
    monkeypatch.setattr("pycrash.dump.open_dump", lambda *files: dump)
    exec(example[1], {})
    out = capsys.readouterr().out
    assert out.startswith("1 init IN\n")
    assert out.endswith('(char [16])"swapper/0"\n')
