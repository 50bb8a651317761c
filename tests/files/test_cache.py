"""What is kept between sessions: in whose folder, under which name, and what is taken from it."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from pycrash.errors import CrashError
from pycrash.files.cache import (
    _drop_left_folders,
    cache_folder,
    file_key,
    find_file,
    keep_chunks,
    keep_file,
    kept_name,
    kept_name_of_all,
    note,
    noted,
)

LONG_AGO = 1577880000  # in 2020
KEY = "0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """$XDG_CACHE_HOME, where the temporary folder is another one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "home"


@pytest.fixture
def shared(home: Path) -> Path:
    """The folder below the temporary one that is used where the home cannot be."""
    home.write_text("no folder")
    return home.parent / "tmp" / f"pycrash-{os.getuid()}"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# --- whose folder


def test_the_folder_is_private(home: Path) -> None:
    assert cache_folder() == home / "pycrash"
    assert mode(home / "pycrash") == 0o700
    (home / "pycrash").chmod(0o755)
    assert cache_folder() == home / "pycrash"
    assert mode(home / "pycrash") == 0o700


def test_where_the_home_cannot_be_used_it_is_below_the_temporary_folder(shared: Path) -> None:
    assert cache_folder() == shared
    assert mode(shared) == 0o700
    assert cache_folder() == shared


def plant_link(folder: Path) -> None:
    folder.symlink_to(folder.parent.parent / "theirs")


def plant_open_folder(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)


def plant_file(folder: Path) -> None:
    folder.write_text("in the way")


@pytest.mark.parametrize("plant", [plant_link, plant_open_folder, plant_file])
def test_what_others_put_there_is_left_alone(shared: Path, plant: Callable[[Path], None]) -> None:
    theirs = shared.parent.parent / "theirs"
    theirs.mkdir(mode=0o700)
    (theirs / f"vmcore-{KEY}").write_text("of 2020")
    os.utime(theirs / f"vmcore-{KEY}", (LONG_AGO, LONG_AGO))
    plant(shared)
    note(f"types-{KEY}", b"fact")
    assert noted(f"types-{KEY}") is None
    kept = keep_chunks(f"vmlinux-{KEY}", [b"content"])
    assert kept.parent == cache_folder()
    assert kept.parent != shared
    assert mode(kept.parent) == 0o700
    assert [file.name for file in theirs.iterdir()] == [f"vmcore-{KEY}"]
    if plant is not plant_file:
        assert len(list(shared.iterdir())) == (plant is plant_link)


def test_a_folder_others_can_write_to_is_not_ours(home: Path, tmp_path: Path) -> None:
    (home / "pycrash").mkdir(parents=True)
    (home / "pycrash").chmod(0o777)
    assert cache_folder().parent == tmp_path / "tmp"


def test_the_folder_of_a_session_goes_with_it(shared: Path) -> None:
    plant_file(shared)
    code = "from pycrash.files.cache import keep_chunks; print(keep_chunks('a', [b'b']))"
    environment = {**os.environ, "TMPDIR": str(shared.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout).parent.parent == shared.parent
    assert list(shared.parent.iterdir()) == [shared]


def test_the_folder_of_a_session_that_was_killed_goes_with_a_later_one(shared: Path) -> None:
    plant_file(shared)
    for name, when in (("pycrash-old_0aaa", LONG_AGO), ("pycrash-new_0aaa", time.time())):
        folder = shared.parent / name
        folder.mkdir(mode=0o700)
        (folder / "vmlinux").write_text("left")
        os.utime(folder, (when, when))
    (shared.parent / "pycrash-link_aaa").symlink_to("/nothere")
    (shared.parent / "pycrash-open_aaa").mkdir()
    (shared.parent / "pycrash-open_aaa").chmod(0o755)
    os.utime(shared.parent / "pycrash-open_aaa", (LONG_AGO, LONG_AGO))
    _drop_left_folders(shared.parent)
    left = {path.name for path in shared.parent.iterdir()}
    assert left >= {"pycrash-new_0aaa", "pycrash-link_aaa", "pycrash-open_aaa"}
    assert "pycrash-old_0aaa" not in left


# --- what is removed


def test_only_what_is_ours_is_removed() -> None:
    folder = cache_folder()
    ours = [
        f"vmlinux-{KEY}.90407320.1700000000000000000",
        f"vmlinux-{KEY}.90407320",
        f"vmlinux.debug-{KEY}",
        f"vmcore-{KEY}-01234567.5",
        f"types3-{KEY}",
        "types-0123456789abcdef0123456789abcdef01234567.json",
        "symbols-0123456789abcdef0123456789abcdef01234567-119000",
        "debuginfod-0123456789abcdef0123456789abcdef01234567.17",
        f"kallsyms1-{KEY}.38502768.1700000000000000000",
        f".vmlinux-{KEY}.ab_12cd9",
    ]
    others = ["notes.txt", f"{KEY}", f"vmlinux-{KEY}.txt", "types-of-mine.json", ".bashrc.abcdefgh"]
    for name in [*ours, *others]:
        (folder / name).write_text("old")
        os.utime(folder / name, (LONG_AGO, LONG_AGO))
    (folder / f"dir-{KEY}").mkdir()
    (folder / f"link-{KEY}").symlink_to("notes.txt")
    os.utime(folder / f"dir-{KEY}", (LONG_AGO, LONG_AGO))
    os.utime(folder / f"link-{KEY}", (LONG_AGO, LONG_AGO), follow_symlinks=False)
    keep_chunks(f"new-{KEY}", [b"1"])
    left = {file.name for file in folder.iterdir()}
    new = find_file(f"new-{KEY}")
    assert new is not None
    assert left == {*others, f"dir-{KEY}", f"link-{KEY}", new.name}


def test_what_was_used_lately_stays() -> None:
    note(f"types3-{KEY}", b"fact")
    kept = cache_folder() / f"vmlinux-{KEY}.1.{LONG_AGO * 10**9}"
    kept.write_bytes(b"1")
    for path in cache_folder().iterdir():
        os.utime(path, (LONG_AGO, LONG_AGO))
    assert find_file(f"vmlinux-{KEY}") == kept
    assert noted(f"types3-{KEY}") == b"fact"
    assert kept.stat().st_mtime == LONG_AGO
    keep_chunks(f"new-{KEY}", [b"1"])
    assert len(list(cache_folder().iterdir())) == 3


# --- what is taken


def test_a_file_that_is_not_whole_is_not_taken() -> None:
    kept = keep_chunks(f"vmlinux-{KEY}", [b"con", b"tent"])
    assert find_file(f"vmlinux-{KEY}") == kept
    assert find_file("vmlinux") is None
    os.truncate(kept, 3)
    assert find_file(f"vmlinux-{KEY}") is None
    again = keep_chunks(f"vmlinux-{KEY}", [b"content"])
    assert again.read_bytes() == b"content"
    assert list(cache_folder().iterdir()) == [again]


def test_a_file_that_was_written_to_is_not_taken() -> None:
    kept = keep_chunks(f"vmlinux-{KEY}", [b"content"])
    with kept.open("r+b") as file:
        file.write(bytes(7))
    assert find_file(f"vmlinux-{KEY}") is None
    again = keep_chunks(f"vmlinux-{KEY}", [b"content"])
    assert again.read_bytes() == b"content"
    assert list(cache_folder().iterdir()) == [again]


def test_links_in_the_folder_are_not_followed(tmp_path: Path) -> None:
    kept = keep_chunks(f"vmlinux-{KEY}", [b"content"])
    note("types3-12ab5678", b"fact")
    for path in (kept, cache_folder() / "types3-12ab5678"):
        path.rename(tmp_path / path.name)
        path.symlink_to(tmp_path / path.name)
    assert find_file(f"vmlinux-{KEY}") is None
    assert noted("types3-12ab5678") is None
    keep_chunks(f"vmlinux-{KEY}", [b"changed"])
    note("types3-12ab5678", b"another")
    assert (tmp_path / kept.name).read_bytes() == b"content"
    assert noted("types3-12ab5678") == b"another"


def cut(data: bytes) -> bytes:
    return data[:-1]


def change(data: bytes) -> bytes:
    return data.replace(b"fact", b"fake")


def empty(data: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [cut, change, empty])
def test_a_damaged_note_is_as_good_as_none(damage: Callable[[bytes], bytes]) -> None:
    note("types3-12ab5678", b"fact")
    (file,) = cache_folder().iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert noted("types3-12ab5678") is None


def test_the_note_of_another_file_is_not_taken() -> None:
    note("types3-12ab5678", b"fact")
    shutil.copy(cache_folder() / "types3-12ab5678", cache_folder() / "types3-34cd5678")
    assert noted("types3-34cd5678") is None
    os.mkfifo(cache_folder() / "types3-56ef5678")
    assert noted("types3-56ef5678") is None


def test_a_full_disk_leaves_nothing_and_is_said() -> None:
    def full(out: IO[bytes]) -> None:
        out.write(b"some")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(CrashError) as caught:
        keep_file("vmlinux", full)
    assert str(caught.value) == f"{cache_folder() / 'vmlinux'}: No space left on device"
    assert list(cache_folder().iterdir()) == []


# --- under which name


def test_the_key_is_that_of_the_very_file(tmp_path: Path) -> None:
    file, copy = tmp_path / "vmlinux", tmp_path / "copy"
    file.write_bytes(b"content")
    shutil.copy2(file, copy)
    key = file_key(file)
    assert file_key(copy) != key
    before = file.stat()
    while file.stat().st_ctime_ns == before.st_ctime_ns:  # times are coarse
        file.write_bytes(b"damaged")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file_key(file) != key
    link = tmp_path / "link"
    link.symlink_to(file)
    assert file_key(link) == file_key(file)


def test_the_key_of_a_file_in_the_cache_does_not_change_by_use() -> None:
    kept = keep_chunks(f"vmlinux-{KEY}", [b"content"])
    key = file_key(kept)
    os.utime(kept, ns=(LONG_AGO * 10**9, kept.stat().st_mtime_ns))
    assert find_file(f"vmlinux-{KEY}") == kept
    assert kept.stat().st_atime > LONG_AGO
    assert file_key(kept) == key
    link = cache_folder().parent / "link"
    link.symlink_to(kept)
    assert file_key(link) == key


def test_a_name_for_every_content(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 200 + ".xz")
    names = set()
    for content in (b"one", b"two", b"three"):
        path.write_bytes(content)
        with open(path, "rb") as file:
            names.add(kept_name(path, file))
    assert len(names) == 3
    assert all(name.startswith("x" * 80 + "-") for name in names)


@pytest.mark.parametrize("name", [b"\xff\xfe.vmss", "\u8a18".encode() * 80 + b".vmss"])
def test_a_name_of_any_bytes(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(b"content")
    with open(path, "rb") as file:
        names = kept_name(path, file), kept_name_of_all([file, file]), kept_name_of_all([file], "x")
    assert len(set(names)) == 3
    for one in names:
        kept = keep_chunks(one, [b"made"])
        assert find_file(one) == kept
