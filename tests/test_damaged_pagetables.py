"""Page tables that lead in circles end the opening of a dump, not the patience of its user."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.files.compressed import unpacked
from pycrash.kernel.core import trial
from pycrash.kernel.core.reader import Options
from pycrash.kernel.opening import open_dump, open_files
from tests.golden.sample import SAMPLE
from tests.patched import TABLE, TOP_TABLE, write_patched


def test_a_top_table_full_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "PATIENCE", 1)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    table = struct.pack("<Q", TOP_TABLE | TABLE) * 512
    dump = write_patched(tmp_path / "circles", {TOP_TABLE: table})
    with pytest.raises(CrashError) as caught:
        open_dump(dump)
    said = "its page tables lead in circles; the kernel's data cannot be read"
    assert str(caught.value) == f"{dump}: {said}"


def test_minimal_opens_what_cannot_be_read(tmp_path: Path) -> None:
    lost = struct.pack("<Q", TOP_TABLE | TABLE)
    table = bytes(4096 - len(lost)) + lost
    dump = write_patched(tmp_path / "lost", {TOP_TABLE: table})
    vmlinux = unpacked(SAMPLE / "vmlinux.xz")
    with pytest.raises(CrashError, match=r"; --minimal opens it for what can$"):
        open_files([dump, vmlinux])
    kernel = open_files([dump, vmlinux], None, Options(minimal=True))
    assert kernel.notes[0].endswith("; the kernel's data cannot be read")
    done = subprocess.run(
        [sys.executable, "-m", "pycrash", "-s", "--minimal", str(vmlinux), str(dump)],
        input="eval 1\nsym schedule\nrd -p 362b000\nlog\nps\nrd jiffies\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout
    assert "ffffffffa87eab10 (T) schedule" in said
    assert "         362b000:  0000000000000000" in said
    assert "ps: command not available in minimal mode" in said
    assert "Traceback" not in said + done.stderr
    assert "internal error" not in said
