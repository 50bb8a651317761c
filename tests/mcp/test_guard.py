"""The guard, in a process of its own: nothing is run, nothing written but in one folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
_TRY = """
import os, pathlib, shutil, subprocess, sys
from pycrash.mcp.guard import hold

hold("allowed")
try:
    {line}
except PermissionError as error:
    assert "not served" in str(error), error
else:
    sys.exit("done")
"""


def tried(line: str, folder: Path) -> str:
    """What became of a line of Python: empty where it was refused."""
    (folder / "allowed").mkdir(exist_ok=True)
    (folder / "mine").write_text("x")
    run = subprocess.run(
        [sys.executable, "-c", _TRY.format(line=line)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/bin:/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (folder / "mine").read_text() == "x"
    return run.stderr.strip()


@pytest.mark.parametrize(
    "line",
    [
        "subprocess.run(['true'])",
        "os.system('true')",
        "os.execv('/bin/true', ['true'])",
        "os.fork()",
        "open('mine', 'w')",
        "open('new', 'xb')",
        "open('mine', 'r+')",
        "open('allowed/../mine', 'a')",
        "os.open('mine', os.O_WRONLY)",
        "os.remove('mine')",
        "os.rename('mine', 'allowed/x')",
        "os.link('allowed', 'new')",
        "shutil.rmtree('.')",
        "pathlib.Path('mine').chmod(0)",
    ],
)
def test_refused(line: str, tmp_path: Path) -> None:
    assert tried(line, tmp_path) == ""


@pytest.mark.parametrize(
    "line", ["open('mine').read()", "open('allowed/x', 'w').close()", "open(os.devnull, 'w')"]
)
def test_allowed(line: str, tmp_path: Path) -> None:
    assert tried(line, tmp_path) == "done"
