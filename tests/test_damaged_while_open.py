"""A dump or a vmlinux cut short while a session has it open ends the session with a message."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.sample import arrange


@pytest.mark.parametrize(("name", "line"), [("vmcore", "ps"), ("vmlinux", "struct sock")])
def test_a_file_cut_short_while_open(name: str, line: str, tmp_path: Path) -> None:
    arrange(tmp_path)
    victim = tmp_path / name
    whole = victim.resolve()
    victim.unlink()
    shutil.copy(whole, victim)
    session = subprocess.Popen(
        [sys.executable, "-m", "pycrash", "-s", "vmlinux", "vmcore"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    assert session.stdin is not None
    assert session.stdout is not None
    session.stdin.write("echo open\n")
    session.stdin.flush()
    assert session.stdout.readline() == "open\n"
    os.truncate(victim, 100_000)
    _, said = session.communicate(f"{line}\n", timeout=120)
    assert said == f"pycrash: {victim}: was cut short while open\n"
    assert session.returncode == 135
