"""Dumps below folders, and what large files are known by."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.fleet import content, walk
from pycrash.fleet.content import content_key, key_of_all
from pycrash.fleet.walk import find_dumps
from tests.files import foreign_files as made
from tests.kernel.test_opening import kdump_file

KDUMP = b"KDUMP   and more"


def put(path: Path, text: bytes = KDUMP) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    return path


def found(*places: Path) -> list[str]:
    return [str(path.relative_to(places[0])) for (path,) in find_dumps(places).dumps]


def test_dumps_are_found_by_their_first_bytes(tmp_path: Path) -> None:
    put(tmp_path / "web1" / "today" / "vmcore")
    put(tmp_path / "web2" / "whatever.bin")
    put(tmp_path / "web2" / "vmcore-dmesg.txt", b"[    0.000000] Linux version")
    put(tmp_path / "empty", b"")
    put(tmp_path / ".hidden" / "vmcore")
    assert found(tmp_path) == ["web1/today/vmcore", "web2/whatever.bin"]
    assert find_dumps([tmp_path]).skipped == []


def test_a_dump_may_be_named_itself(tmp_path: Path) -> None:
    dump = put(tmp_path / "vmcore")
    assert find_dumps([dump, dump]).dumps == [(dump,)]
    text = put(tmp_path / "notes", b"nothing")
    assert find_dumps([text]).skipped == [(text, "not a supported file format")]


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CrashError, match="No such file"):
        find_dumps([tmp_path / "nowhere"])


def test_links_are_followed_once(tmp_path: Path) -> None:
    dump = put(tmp_path / "store" / "vmcore")
    (tmp_path / "crash").mkdir()
    (tmp_path / "crash" / "ring").symlink_to(tmp_path / "crash")
    (tmp_path / "crash" / "up").symlink_to(tmp_path)
    (tmp_path / "crash" / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "crash" / "vmcore").symlink_to(dump)
    assert found(tmp_path / "crash") == ["up/store/vmcore"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert found(tmp_path) == []


def test_dumps_of_other_tools_are_told_of(tmp_path: Path) -> None:
    guest = put(tmp_path / "guest", b"LinuxGuestRecord" + bytes(100))
    ((path, why),) = find_dumps([tmp_path]).skipped
    assert path == guest
    assert "Xen" in why
    saved = put(tmp_path / "saved", made.head())
    assert find_dumps([tmp_path]).dumps == [(saved,)]


def test_the_disks_of_a_set_are_one_dump(tmp_path: Path) -> None:
    disks = [put(tmp_path / f"disk{n}", made.partition(n, 8192, bytes(16))) for n in (1, 2)]
    assert find_dumps([tmp_path]).dumps == [tuple(disks)]


def test_the_parts_of_a_split_dump_are_one(tmp_path: Path) -> None:
    one = [kdump_file(tmp_path / f"part{n}", [], 20000 + n, split=1) for n in range(2)]
    (tmp_path / "web").mkdir()
    other = kdump_file(tmp_path / "web" / "part1", [], 20000, split=1)
    whole = kdump_file(tmp_path / "whole", [], 20000)
    dumps = find_dumps([tmp_path]).dumps
    assert dumps == [tuple(one), (other,), (whole,)]
    keys = [key_of_all(files) for files in dumps]
    assert len(set(keys)) == 3
    assert key_of_all(one[::-1]) == keys[0]
    assert keys[2] == content_key(whole)


def test_a_walk_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a" / "b" / "c" / "vmcore")
    monkeypatch.setattr(walk, "DEEPEST", 2)
    assert find_dumps([tmp_path]).skipped == [
        (tmp_path / "a" / "b" / "c", "more than 2 folders deep")
    ]
    monkeypatch.setattr(walk, "MOST", 1)
    with pytest.raises(CrashError, match="more than 1 names"):
        find_dumps([tmp_path])


def test_a_small_file_counts_whole(tmp_path: Path) -> None:
    file = put(tmp_path / "a", bytes(1000))
    key = content_key(file)
    os.utime(file, (1, 1))
    assert content_key(file.rename(tmp_path / "b")) == key
    assert content_key(put(tmp_path / "c", bytes(999) + b"\1")) != key
    assert content_key(put(tmp_path / "d", bytes(1001))) != key


@pytest.mark.parametrize("at", [0, 799, 925, 1000, 2047])
def test_of_a_large_one_size_beginning_and_spread_spans_count(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in {"WHOLE": 1000, "HEAD": 800, "SPAN": 50, "SPANS": 10}.items():
        monkeypatch.setattr(content, name, size)
    data = bytearray(2048)
    key = content_key(put(tmp_path / "a", bytes(data)))
    assert content_key(put(tmp_path / "b", bytes(2049))) != key
    data[at] = 1
    # Between two spans nothing is seen.
    assert (content_key(put(tmp_path / "c", bytes(data))) == key) == (at == 1000)
