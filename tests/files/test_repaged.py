"""kdump files with pages of 64 KiB of a kernel whose pages are smaller."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.files.dumpfile import BAD_PAGE, PAGE_DESC, DumpFile
from pycrash.files.repaged import repaged

BLOCK, PAGE = 65536, 4096
NOTE = b"OSRELEASE=6.1.0\nPAGESIZE=4096\n"
#: Four pages may be there; of those the second and third are.
MAX_PAGE, DUMPED = 4, 0b0110
ZLIB, SNAPPY = 1, 4


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def page(number: int) -> bytes:
    """A large page: its first small page is filled, the second zero, and so on."""
    return b"".join(
        bytes([number, part]) * 2048 if part % 2 == 0 else bytes(PAGE) for part in range(16)
    )


def kdump(path: Path, note: bytes = NOTE, flags: int = ZLIB, damaged: bool = False) -> Path:
    head = b"KDUMP   " + struct.pack("<I", 6)
    head = head.ljust(424, b"\0") + struct.pack("<IIIII", 1, BLOCK, 1, 2, MAX_PAGE)
    sub = bytearray(104)
    struct.pack_into("<QQQQ", sub, 32, BLOCK + 104, len(note), 0, 0)
    struct.pack_into("<Q", sub, 96, MAX_PAGE)
    maps = bytes([0b1111]).ljust(BLOCK, b"\0") + bytes([DUMPED]).ljust(BLOCK, b"\0")
    packed = [zlib.compress(page(1)), page(2)]
    place = 4 * BLOCK + 2 * PAGE_DESC.size
    table = PAGE_DESC.pack(place, len(packed[0]), flags, 0)
    table += PAGE_DESC.pack(place + len(packed[0]), BLOCK, 0, 0)
    if damaged:
        packed[0] = bytes(len(packed[0]))
    blocks = [head.ljust(BLOCK, b"\0"), bytes(sub + note).ljust(BLOCK, b"\0"), maps, table]
    path.write_bytes(b"".join([*blocks, *packed]))
    return path


def entries(path: Path) -> list[tuple[int, ...]]:
    begin, count = DumpFile(path).descriptors
    data = path.read_bytes()[begin : begin + count * PAGE_DESC.size]
    return list(PAGE_DESC.iter_unpack(data))


def content(path: Path, entry: tuple[int, ...]) -> bytes:
    place, size, flags, _ = entry
    data = path.read_bytes()[place : place + size]
    return zlib.decompress(data) if flags == ZLIB else data


def test_each_page_becomes_sixteen(tmp_path: Path) -> None:
    small = repaged(kdump(tmp_path / "core"))
    header = DumpFile(small).kdump
    assert header is not None
    assert (header.block_size, header.max_page) == (PAGE, 16 * MAX_PAGE)
    found = entries(small)
    assert b"".join(content(small, entry) for entry in found) == page(1) + page(2)
    # Pages of zeros share one place.
    assert len({entry[0] for entry in found}) == 17


def test_which_pages_there_are(tmp_path: Path) -> None:
    dump = DumpFile(repaged(kdump(tmp_path / "core")))
    states = [dump.page_state(number * PAGE) for number in (0, 15, 16, 47, 48, 64)]
    assert states == ["excluded", "excluded", "present", "present", "excluded", "absent"]


def test_the_notes_are_found_again(tmp_path: Path) -> None:
    data = repaged(kdump(tmp_path / "core")).read_bytes()
    place, size = struct.unpack_from("<QQ", data, PAGE + 32)
    assert data[place : place + size] == NOTE


def test_a_damaged_page_is_lost_and_the_others_are_not(tmp_path: Path) -> None:
    small = repaged(kdump(tmp_path / "core", damaged=True))
    found = entries(small)
    assert set(found[:16]) == {BAD_PAGE}
    assert content(small, found[16]) == page(2)[:PAGE]


@pytest.mark.parametrize("note", [b"PAGESIZE=65536\n", b"", b"PAGESIZE=0\n", b"PAGESIZE=3000\n"])
def test_a_file_whose_pages_are_right_stays(tmp_path: Path, note: bytes) -> None:
    dump = kdump(tmp_path / "core", note)
    assert repaged(dump) == dump


def test_the_size_of_a_text_that_is_no_note(tmp_path: Path) -> None:
    dump = kdump(tmp_path / "core", b"")
    header = DumpFile(repaged(dump, None, "OSRELEASE=6.1.0\nPAGESIZE=4096\n")).kdump
    assert header is not None
    assert header.block_size == PAGE
    noted = kdump(tmp_path / "noted", b"PAGESIZE=65536\n")
    assert repaged(noted, None, "PAGESIZE=4096\n") == noted, "the note is believed first"


def test_other_ways_of_packing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CrashError, match="packed neither plainly nor by zlib"):
        repaged(kdump(tmp_path / "core", flags=SNAPPY))


def test_a_file_that_is_no_kdump_stays(tmp_path: Path) -> None:
    dump = tmp_path / "core"
    dump.write_bytes(b"\x7fELF".ljust(8192, b"\0"))
    assert repaged(dump) == dump
