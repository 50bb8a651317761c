"""Page frames by a kdump file's own table of pages, and by the segments of an ELF file."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import drgn
import numpy as np
import pytest

from pycrash.files.dumpfile import PAGE_DESC, DumpFile
from pycrash.kernel.core.frames import Frames

PAGE = 4096
PLAIN, ZLIB, SNAPPY = 0, 1, 4
ONE, TWO = b"1" * PAGE, b"2" * PAGE


def kdump(path: Path) -> DumpFile:
    """Eight frames: 0 is no memory, 5 was left out, 1 and 6 are zeros, 4 is packed with snappy, 7
    is damaged."""
    packed = [bytes(PAGE), zlib.compress(ONE), TWO, b"?" * 8, b"??"]
    places = [5 * PAGE + sum(map(len, packed[:at])) for at in range(len(packed))]
    entries = [(0, PLAIN), (1, ZLIB), (2, PLAIN), (3, SNAPPY), (0, PLAIN), (4, ZLIB)]
    table = b"".join(PAGE_DESC.pack(places[at], len(packed[at]), how, 0) for at, how in entries)
    head = b"KDUMP   " + struct.pack("<I", 6)
    head = head.ljust(424, b"\0") + struct.pack("<IIIII", 1, PAGE, 1, 2, 8)
    sub = bytes(96) + struct.pack("<Q", 8)
    maps = bytes([0b11111110]).ljust(PAGE, b"\0") + bytes([0b11011110]).ljust(PAGE, b"\0")
    heads = head.ljust(PAGE, b"\0") + sub.ljust(PAGE, b"\0")
    path.write_bytes(heads + maps + table.ljust(PAGE, b"\0") + b"".join(packed))
    return DumpFile(path)


def frames_of(file: DumpFile | None, zero_excluded: bool = False) -> Frames:
    def read(address: int, size: int, physical: bool) -> bytes:
        if address // PAGE != 4:
            raise drgn.FaultError("no", address)
        return b"4" * size

    kernel: Any = SimpleNamespace(
        page_size=PAGE,
        dump_file=file,
        memory=SimpleNamespace(zero_excluded=zero_excluded),
        prog=SimpleNamespace(read=read),
    )
    return Frames(kernel)


def read(frames: Frames, *numbers: int) -> list[bytes | None]:
    pages = frames.read(np.array(numbers, np.int64))
    return [None if line < 0 else pages.data[line].tobytes() for line in pages.lines.tolist()]


@pytest.fixture
def file(tmp_path: Path) -> DumpFile:
    return kdump(tmp_path / "core")


def test_which_frames_a_kdump_file_has(file: DumpFile) -> None:
    numbers = np.array([-1, 0, 1, 4, 5, 7, 8, 1 << 40])
    there = frames_of(file).are_there(numbers)
    assert there.tolist() == [False, False, True, True, False, True, False, False]


def test_every_way_of_packing_and_a_damaged_page(file: DumpFile) -> None:
    found = read(frames_of(file), 1, 2, 3, 4, 6, 7)
    assert found == [bytes(PAGE), ONE, TWO, b"4" * PAGE, bytes(PAGE), None]


def test_frames_with_one_page_in_the_file_share_a_line(file: DumpFile) -> None:
    lines = frames_of(file).read(np.array([6, 1, 2])).lines.tolist()
    assert lines[0] == lines[1] != lines[2]


def test_frames_left_out_may_be_zeros(file: DumpFile) -> None:
    frames = frames_of(file, zero_excluded=True)
    assert frames.are_there(np.array([0, 5])).tolist() == [False, True]
    assert read(frames, 5, 2) == [bytes(PAGE), ONE]


def test_the_segments_of_an_elf_file() -> None:
    file: Any = SimpleNamespace(kdump=None, segments=[(0x8000, 0x1800), (0x1000, 0x2000)])
    there = frames_of(file).are_there(np.array([0, 1, 2, 3, 8, 9]))
    assert there.tolist() == [False, True, True, False, True, False]


def test_a_run_is_read_page_by_page_where_it_fails() -> None:
    file: Any = SimpleNamespace(kdump=None, segments=[(0, 1 << 20)])
    assert read(frames_of(file), 3, 4, 5) == [None, b"4" * PAGE, None]
