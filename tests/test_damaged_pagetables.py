"""Page tables that lead in circles end the opening of a dump, not the patience of its user."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.kernel.core import trial
from pycrash.kernel.opening import open_dump
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
