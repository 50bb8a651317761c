"""The newest dump below a folder: layouts of the distributions, links, what is no dump."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.files.latest import NewestDump, newest_dump

DUMP = b"KDUMP   " + bytes(5000)


def put(path: Path, second: int, content: bytes = DUMP) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (second, second))
    return path


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1-2026-11-30-12:00:00/vmcore",
        "202611301200/dump.202611301200",
        "2026-11-30-12:00/vmcore.flat",
        "host/2026/vmcore-incomplete",
        "vmcore",
    ],
)
def test_layouts(tmp_path: Path, name: str) -> None:
    put(tmp_path / "older" / "vmcore", 1000)
    newest = put(tmp_path / name, 2000)
    put(newest.with_name("vmcore-dmesg.txt"), 3000, b"[    0.000000] Linux version\n")
    put(tmp_path / "linux-image.crash", 4000, b"ProblemType: KernelCrash\n")
    assert newest_dump(tmp_path).path == newest


def test_links_to_folders_are_left_alone(tmp_path: Path) -> None:
    crash = tmp_path / "crash"
    real = put(crash / "one" / "vmcore", 1000)
    (crash / "loop").symlink_to(crash)
    put(tmp_path / "elsewhere" / "vmcore", 2000)
    (crash / "away").symlink_to(tmp_path / "elsewhere")
    assert newest_dump(crash).path == real


def test_a_walk_has_an_end(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    put(deep / "d" / "vmcore", 2000)
    with pytest.raises(CrashError):
        newest_dump(tmp_path)
    found = put(deep / "vmcore", 1000)
    assert newest_dump(tmp_path).path == found


def test_nothing_found_says_where(tmp_path: Path) -> None:
    put(tmp_path / "x" / "dmesg.txt", 1000, b"text")
    with pytest.raises(CrashError) as caught:
        newest_dump(tmp_path)
    assert str(caught.value) == f"{tmp_path}: no dump among its 1 files (looked 3 folders deep)"
    with pytest.raises(CrashError) as caught:
        newest_dump(tmp_path / "nothere")
    assert str(caught.value) == f"{tmp_path}/nothere: No such file or directory"


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CrashError, match=r"closed: Permission denied$"):
        newest_dump(tmp_path)


def test_it_says_when_it_was_written(tmp_path: Path) -> None:
    text = str(newest_dump(put(tmp_path / "vmcore-incomplete", 1000).parent))
    assert text.startswith(f"{tmp_path}/vmcore-incomplete, written 19")
    assert text.endswith(", which kdump did not finish")
    assert "kdump" not in str(NewestDump(Path("vmcore"), newest_dump(tmp_path).written))
