from __future__ import annotations

from pathlib import Path

import pytest

from tests.shell.fake import fake_session

PLUGIN = """
from pycrash.api import Command

class Hello(Command):
    name = "hello"
    summary = "says hello"
    synopsis = ""
    description = "Says it."

    def run(self, ctx, args):
        yield from ()

    def text(self, ctx, args, rows):
        yield "hello " + " ".join(args.operands)
"""


def test_a_plugin_comes_and_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRASH_EXTENSIONS", raising=False)
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions/hello.py").write_text(PLUGIN)
    session = fake_session()
    for line in (
        *("hello", "extend", "extend hello.py", "extend -s", "hello you", "extend"),
        *("extend hello.py", "extend -u", "hello", "extend -u hello.py", "extend nothing.py"),
    ):
        session.feed(line)
    assert capfd.readouterr().out.splitlines() == [
        "crash: command not found: hello",
        "./extensions/hello.py: loaded",
        "./extensions/hello.py",
        "hello you",
        "FILE                   COMMANDS",
        "./extensions/hello.py  hello",
        "./extensions/hello.py: already loaded",
        "./extensions/hello.py: unloaded",
        "crash: command not found: hello",
        "extend: extensions/hello.py: not loaded",
        "extend: nothing.py: No such device or address",
    ]


def test_several_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRASH_EXTENSIONS", str(tmp_path / "more"))
    (tmp_path / "more").mkdir()
    (tmp_path / "one.py").write_text(PLUGIN)
    (tmp_path / "more/two.py").write_text(PLUGIN.replace("hello", "bye"))
    (tmp_path / "more/one.py").write_text(PLUGIN.replace("hello", "help"))
    session = fake_session()
    for line in (
        *("alias hello ps", "extend one.py two.py none.py", "extend more/one.py"),
        *("extend -u more/one.py", "extend -s", f"extend {tmp_path}/one.py", "extend -u"),
    ):
        session.feed(line)
    assert capfd.readouterr().out.splitlines() == [
        *("ORIGIN   ALIAS    COMMAND", "runtime  hello    ps "),
        'extend: alias "hello" deleted: name clash with extension command',
        "./one.py: loaded",
        f"{tmp_path}/more/two.py: loaded",
        "extend: none.py: No such device or address",
        'extend: ./more/one.py: "help" is a duplicate of a currently-existing command',
        "extend: more/one.py and ./one.py are different object files",
        *("./one.py", f"{tmp_path}/more/one.py", f"{tmp_path}/more/two.py"),
        f"{tmp_path}/one.py: already loaded",
        *(f"{tmp_path}/more/two.py: unloaded", "./one.py: unloaded"),
    ]


def test_in_minimal_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.py").write_text(PLUGIN)
    second = PLUGIN[PLUGIN.index("class") :].replace("hello", "bye").replace("Hello", "Bye")
    able = PLUGIN.replace("synopsis", "minimal = True\n    synopsis")
    (tmp_path / "two.py").write_text(f"{able}\n{second}")
    session = fake_session()
    session.minimal = True
    session.feed("extend one.py two.py")
    assert capfd.readouterr().out.splitlines() == [
        "extend: ./one.py: does not contain any commands which support minimal mode",
        'WARNING: ./two.py: command "bye" does not support minimal mode',
        "./two.py: loaded",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("extend -su", "extend: -u and -s are mutually exclusive\n"),
        (
            "extend -l -s -u",
            "extend: -s and -l are mutually exclusive\nextend: -u and -l are mutually exclusive\n",
        ),
        ("extend -l", "extend: -l requires one or more extension library arguments\n"),
    ],
)
def test_flags_that_do_not_fit(capfd: pytest.CaptureFixture[str], line: str, said: str) -> None:
    fake_session().feed(line)
    out, err = capfd.readouterr()
    assert out.startswith("Usage:")
    assert err == said
