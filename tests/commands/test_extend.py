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
        "extensions/hello.py: loaded",
        "extensions/hello.py",
        "hello you",
        "FILE                 COMMANDS",
        "extensions/hello.py  hello",
        "extensions/hello.py: already loaded",
        "extensions/hello.py: unloaded",
        "crash: command not found: hello",
        "extend: extensions/hello.py: not loaded",
        "extend: nothing.py: No such file or directory",
    ]


def test_flags_exclude_each_other(capfd: pytest.CaptureFixture[str]) -> None:
    fake_session().feed("extend -us")
    out, err = capfd.readouterr()
    assert out.startswith("Usage:")
    assert err == "extend: -l, -s and -u are mutually exclusive\n"
