"""Compressed files that become more than anybody would want."""

from __future__ import annotations

import lzma
import resource
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.files import room
from pycrash.files.cache import cache_folder
from pycrash.files.compressed import first_bytes, unpacked
from pycrash.files.room import read_size
from pycrash.files.sizes import content_size
from tests.kernel.test_opening import COMPRESS

ZEROS = bytes(24 << 20)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    return {kind: pack(ZEROS) for kind, pack in COMPRESS.items()}


@pytest.mark.parametrize("kind", COMPRESS)
def test_what_becomes_too_large_is_refused(
    kind: str, bombs: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_SMALL", 1 << 20)
    monkeypatch.setattr(room, "_USUAL_RATIO", 2)
    bomb = tmp_path / f"vmlinux.{kind}"
    bomb.write_bytes(bombs[kind])
    with pytest.raises(CrashError) as caught:
        unpacked(bomb)
    said = "becomes more than 1,048,576 bytes when unpacked; --unpack-limit allows more"
    assert str(caught.value) == f"{bomb}: {said}"
    assert list(cache_folder().iterdir()) == []
    with unpacked(bomb, None, len(ZEROS)).open("rb") as file:
        assert file.read() == ZEROS


@pytest.mark.parametrize("kind", COMPRESS)
def test_no_more_is_unpacked_at_once_than_fits(
    kind: str, bombs: dict[str, bytes], tmp_path: Path
) -> None:
    bomb = tmp_path / f"vmlinux.{kind}"
    bomb.write_bytes(bombs[kind])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert first_bytes(bomb, 16) == bytes(16)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < len(ZEROS) >> 11  # in KiB


def test_the_size_is_asked_first(bombs: dict[str, bytes], tmp_path: Path) -> None:
    def size_of(data: bytes) -> int:
        (tmp_path / "file").write_bytes(data)
        with (tmp_path / "file").open("rb") as file:
            return content_size(file)

    for kind, size in (("gz", len(ZEROS)), ("xz", len(ZEROS)), ("zst", len(ZEROS)), ("bz2", 0)):
        assert size_of(bombs[kind]) == size, kind
    for damaged in (b"\xfd7zXZ\0" + bytes(30), b"\x1f\x8b", b"", b"\x28\xb5\x2f\xfd"):
        assert size_of(damaged) == 0, damaged


def test_a_full_disk_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(9, 9, 4096))
    packed = tmp_path / "vmlinux.xz"
    packed.write_bytes(lzma.compress(bytes(5000)))
    with pytest.raises(CrashError) as caught:
        unpacked(packed)
    assert str(caught.value) == (
        f"{packed}: becomes 5,000 bytes when unpacked, {cache_folder()} has room for 4,096 bytes;"
        " set XDG_CACHE_HOME to a folder with more"
    )


def test_sizes_are_read_with_their_units() -> None:
    assert [read_size(text) for text in ("512", "2k", "20G", "1T")] == [
        512,
        2048,
        20 << 30,
        1 << 40,
    ]
    for text in ("", "G", "-1", "2X", "²", "1.5G", "G2"):
        with pytest.raises(ValueError, match="no size"):
            read_size(text)
