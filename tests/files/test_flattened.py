"""Flattened dumps put in order."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.files.flattened import laid_out


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def flattened(path: Path, *pieces: tuple[int, bytes], end: bool = True) -> Path:
    head = struct.pack(">16sqq", b"makedumpfile", 1, 1).ljust(4096, b"\0")
    body = b"".join(struct.pack(">qq", at, len(data)) + data for at, data in pieces)
    path.write_bytes(head + body + (struct.pack(">qq", -1, -1) if end else b""))
    return path


def test_pieces_go_to_their_places(tmp_path: Path) -> None:
    dump = flattened(tmp_path / "core", (8, b"world"), (0, b"\x7fELF"), (4, b"...."))
    assert laid_out(dump).read_bytes() == b"\x7fELF....world"


def test_a_second_opening_takes_the_kept_file(tmp_path: Path) -> None:
    dump = flattened(tmp_path / "core", (0, b"\x7fELF"))
    first = laid_out(dump)
    made = first.stat().st_ino
    assert laid_out(dump).stat().st_ino == made


def test_other_dumps_stay_where_they_are(tmp_path: Path) -> None:
    dump = tmp_path / "core"
    dump.write_bytes(b"\x7fELF".ljust(8192, b"\0"))
    assert laid_out(dump) == dump


@pytest.mark.parametrize(
    ("pieces", "end"),
    [(((0, b"abc"),), False), (((1 << 50, b"abc"),), True)],
)
def test_a_damaged_stream_is_said(
    tmp_path: Path, pieces: tuple[tuple[int, bytes], ...], end: bool
) -> None:
    with pytest.raises(CrashError, match="flattened dump is"):
        laid_out(flattened(tmp_path / "core", *pieces, end=end))
    assert not list((tmp_path / "cache").rglob("*core-*"))
