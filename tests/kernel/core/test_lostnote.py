"""VMCOREINFO found in the memory of made-up kdump files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.files.dumpfile import PAGE_DESC
from pycrash.kernel.core.lostnote import lost_note

BLOCK = 4096
TEXT = "OSRELEASE=6.1.0\nPAGESIZE=4096\nSYMBOL(init_uts_ns)=ffffffff8260f960\n"
PAGE = TEXT.encode().ljust(BLOCK, b"\0")
PLAIN, ZLIB, SNAPPY, UNKNOWN = 0, 1, 4, 0x80


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def snappy(page: bytes) -> bytes:
    """A page as one literal."""
    return b"\x80\x20" + bytes([61 << 2]) + struct.pack("<H", len(page) - 1) + page


def kdump(folder: Path, pages: dict[int, tuple[int, bytes]], dumped: bytes = b"") -> Path:
    """A dump of pages, by their numbers: how they are packed, and the bytes in the file."""
    head = b"KDUMP   " + struct.pack("<I", 6)
    head = head.ljust(424, b"\0") + struct.pack("<IIIII", 1, BLOCK, 1, 2, 1 << 15)
    second = b"".ljust(96, b"\0") + struct.pack("<Q", 1 << 15)
    bits = sum(1 << number for number in pages).to_bytes(BLOCK, "little")
    place = 5 * BLOCK
    table, data = b"", b""
    for _, (flags, page) in sorted(pages.items()):
        table += PAGE_DESC.pack(place + len(data), len(page), flags, 0)
        data += page
    blocks = [head, second, dumped or bits, dumped or bits, table]
    path = folder / "vmcore"
    path.write_bytes(b"".join(block.ljust(BLOCK, b"\0") for block in blocks) + data)
    return path


@pytest.mark.parametrize(
    ("flags", "data"), [(PLAIN, PAGE), (ZLIB, zlib.compress(PAGE)), (SNAPPY, snappy(PAGE))]
)
def test_the_text_in_a_page(flags: int, data: bytes, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    other = (UNKNOWN, b"what is this")
    dump = kdump(tmp_path, {0: other, 9: (PLAIN, b"x" * BLOCK), 20_000: (flags, data)})
    # It fits nothing here, but there is no better one.
    found = lost_note(dump, Path("given"), lambda info: True, lambda *how: told.append(how))
    assert found == TEXT
    assert told[0] == ("searching given for VMCOREINFO", BLOCK, 3 * BLOCK)
    assert told[-1][1:] == (3 * BLOCK, 3 * BLOCK)


def test_a_text_over_two_pages(tmp_path: Path) -> None:
    first, last = (bytes(BLOCK - 30) + PAGE)[:BLOCK], PAGE[30:] + bytes(30)
    dump = kdump(tmp_path, {7: (PLAIN, first), 8: (ZLIB, zlib.compress(last))})
    assert lost_note(dump, dump, lambda info: True, None) == TEXT
    dump = kdump(tmp_path, {7: (PLAIN, first), 9: (PLAIN, last)})
    with pytest.raises(CrashError, match="or anywhere in its 0 MiB of memory"):
        lost_note(dump, dump, lambda info: True, None)


def test_the_one_that_is_wanted(tmp_path: Path) -> None:
    other = PAGE.replace(b"6.1.0", b"5.4.0")
    dump = kdump(tmp_path, {1: (PLAIN, PAGE), 2: (PLAIN, other), 3: (PLAIN, PAGE)})
    assert lost_note(dump, dump, lambda info: info.release == "5.4.0", None) == other[:67].decode()
    assert lost_note(dump, dump, lambda info: info.release == "6.1.0", None) == TEXT
    assert lost_note(dump, dump, lambda info: False, None) == TEXT


def test_a_damaged_map_and_damaged_pages(tmp_path: Path) -> None:
    pages = {1: (SNAPPY, b"\x80\x20\x10" + PAGE[:70]), 2: (ZLIB, b"?")}
    dump = kdump(tmp_path, pages, dumped=b"\xff" * BLOCK)
    with pytest.raises(CrashError, match="as a note or anywhere in its 128 MiB of memory"):
        lost_note(dump, dump, lambda info: True, None)
