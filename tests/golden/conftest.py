"""One session over what the tests of examples and of JSON ask: it looks at all types but once."""

from __future__ import annotations

import sys

import pytest

from tests.golden import examples
from tests.golden.test_json import ENTRIES
from tests.matrix.compare import run_lines

PLUGIN = """
from pycrash.api import Command

class Nothing(Command):
    name, summary, synopsis = "nothing", "says nothing", " "

    def run(self, ctx, args):
        return iter(())

    def text(self, view, args, rows):
        return iter(())
"""


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Answers to the lines of the examples, then to those of the tests of JSON."""
    folder = tmp_path_factory.mktemp("sample")
    examples.prepare(folder)
    (folder / "plugin.py").write_text(PLUGIN)
    tool = [sys.executable, "-m", "pycrash", "-s", "vmlinux", "vmcore"]
    lines = [*examples.lines(), *(as_json(entry.line) for entry in ENTRIES)]
    run = run_lines(tool, lines, folder, limit=120)
    assert run.died == []
    return [answer or "" for answer in run.answers]


def as_json(line: str) -> str:
    name, _, rest = line.partition(" ")
    return f"{name} --json {rest}"
