"""Core files of physical memory, made out of other formats."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import drgn
import pytest

from pycrash.errors import CrashError
from pycrash.files.dumpfile import DumpFile
from pycrash.files.image import PAGE, MemoryImage, Plan, Region, keep_image

HIGH = 4 << 30
PLAN = Plan(62, (Region(HIGH, 16 * PAGE), Region(0, 1 << 30), Region(1 << 30, PAGE)))


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file with a page of 1s, a hole, a page of zeros and half a page of 2s."""
    path = tmp_path / "memory"
    with path.open("wb") as file:
        file.write(b"\1" * PAGE)
        file.seek(64 * PAGE)
        file.write(bytes(PAGE) + b"\2" * (PAGE // 2))
    return path


def made(source: Path, fill: Callable[[MemoryImage], None], plan: Plan = PLAN) -> Path:
    return keep_image(source, f"memory-{'0' * 24}", plan, fill)


def memory(path: Path) -> Callable[[int, int], bytes]:
    prog = drgn.Program()
    prog.set_core_dump(path)
    return lambda address, size: prog.read(address, size, physical=True)


def test_pages_in_any_order_and_more_than_once(source: Path) -> None:
    def fill(image: MemoryImage) -> None:
        image.write(HIGH + PAGE, b"high" * 1024)
        image.write(5 * PAGE, b"once" * 3072)
        image.write(6 * PAGE, bytes(PAGE) + b"more" * 1024)
        image.write((1 << 30) - 2, b"over")
        image.zero(HIGH, 16 * PAGE)
        image.write(HIGH + 2 * PAGE, b"last")

    image = made(source, fill)
    read = memory(image)
    assert read(5 * PAGE, 4 * PAGE) == b"once" * 1024 + bytes(PAGE) + b"more" * 1024 + bytes(PAGE)
    assert read((1 << 30) - 2, 2) + read(1 << 30, 2) == b"over"
    assert read(HIGH, 3 * PAGE + 4) == bytes(2 * PAGE) + b"last" + bytes(PAGE)
    assert DumpFile(image).segments == [(0, 1 << 30), (1 << 30, PAGE), (HIGH, 16 * PAGE)]
    assert not DumpFile(image).missing
    assert os.stat(image).st_blocks * 512 < 64 * PAGE


@pytest.mark.parametrize("shares", [False, True])
def test_a_stretch_of_a_file(shares: bool, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    asked: list[int] = []

    def ioctl(target: int, request: int, argument: bytes) -> int:
        asked.append(request)
        if not shares:
            raise OSError
        return 0

    monkeypatch.setattr("fcntl.ioctl", ioctl)

    def fill(image: MemoryImage) -> None:
        image.write(2 * PAGE, b"old!" * 1024)
        with source.open("rb") as file:
            assert image.copy(0, file, 0, 1 << 20, told.append) == 65 * PAGE + PAGE // 2

    read = memory(made(source, fill))
    assert asked
    if shares:
        assert read(2 * PAGE, 4) == b"old!", "the file system's to do"
    else:
        assert read(0, PAGE + 1) == b"\1" * PAGE + b"\0"
        assert read(2 * PAGE, 4) == bytes(4)
        assert read(65 * PAGE, PAGE) == b"\2" * (PAGE // 2) + bytes(PAGE // 2)
        assert told == [PAGE, 65 * PAGE + PAGE // 2]


def test_a_clone_shares_what_was_asked(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ioctl(target: int, request: int, argument: bytes) -> int:
        handle, offset, size, place = struct.unpack("qQQQ", argument)
        os.pwrite(target, os.pread(handle, size, offset), place)
        return 0

    monkeypatch.setattr("fcntl.ioctl", ioctl)

    def fill(image: MemoryImage) -> None:
        with source.open("rb") as file:
            image.copy(HIGH, file, 64 * PAGE, 2 * PAGE)

    assert memory(made(source, fill))(HIGH + PAGE, 4) == b"\2\2\2\2"


def test_all_memory_from_0_on(source: Path) -> None:
    image = made(
        source, lambda image: image.write(0, b"x" * 3 * PAGE), Plan(62, (Region(0, 1 << 20),))
    )
    assert memory(image)(0, 4 * PAGE) == b"x" * 3 * PAGE + bytes(PAGE)
    assert DumpFile(image).segments == [(0, PAGE), (PAGE, (1 << 20) - PAGE)]


def test_notes(source: Path) -> None:
    text = b"OSRELEASE=6.1.0\nPAGESIZE=4096\n"

    def fill(image: MemoryImage) -> None:
        image.add_note("VMCOREINFO", 0, text)
        image.add_note("CORE", 1, bytes(336))

    data = made(source, fill, Plan(62, (Region(0, PAGE),))).read_bytes()
    head = b"\x0b\0\0\0" + len(text).to_bytes(4, "little") + bytes(4) + b"VMCOREINFO\0\0"
    assert data[2 * PAGE :].startswith(head + text + b"\0\0\5\0\0\0P\1\0\0\1\0\0\0CORE\0")


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        ((), "damaged: 0 regions of memory"),
        ((Region(0, 8192), Region(4096, 4096)), "memory at 0x1000 is there twice"),
        ((Region(0, 0),), "damaged: 0 bytes of memory at 0x0"),
        ((Region(1 << 62, 4096),), "damaged: 4,096 bytes of memory at 0x4000000000000000"),
    ],
)
def test_what_is_no_memory(regions: tuple[Region, ...], message: str, source: Path) -> None:
    with pytest.raises(CrashError, match=f"^{source}: {message}$"):
        made(source, lambda image: None, Plan(62, regions))


def test_outside_of_all_regions(source: Path) -> None:
    with pytest.raises(CrashError, match=f"^{source}: memory at 0x40001000 is in no region$"):
        made(source, lambda image: image.write(1 << 30, bytes(2 * PAGE)))
    assert not list((source.parent / "cache/pycrash").iterdir())


def test_a_few_bytes_that_would_fill_the_disk(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pycrash.files.image._LOOK", PAGE)
    with pytest.raises(CrashError, match="--unpack-limit allows more"):
        keep_image(source, "x", PLAN, lambda image: image.write(0, b"x" * 3 * PAGE), 2 * PAGE)
    with pytest.raises(CrashError, match="--unpack-limit allows more"):
        keep_image(source, "x", PLAN, lambda image: None, 2 * PAGE, 3 * PAGE)


def test_a_copy_for_which_there_is_no_room(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=5))

    def fill(image: MemoryImage) -> None:
        with source.open("rb") as file:
            image.copy(0, file, 0, PAGE)

    with pytest.raises(CrashError, match=r"becomes 4,096 bytes when .* has room for 5 bytes"):
        made(source, fill)
    assert not list((source.parent / "cache/pycrash").iterdir())
