"""The text of VMCOREINFO in memory."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import pytest

from pycrash.files.dumpfile import DumpFile
from pycrash.files.image import PAGE, MemoryImage, Plan, Region, keep_image
from pycrash.files.lostnote import elf_memory, first_text, machine_of, texts_in

TEXT = b"OSRELEASE=6.1.0\nPAGESIZE=4096\nSYMBOL(init_uts_ns)=ffffffff8260f960\n"


def found(data: bytes, step: int = 1 << 20, address: int = 0) -> list[bytes]:
    chunks = [(address + at, data[at : at + step]) for at in range(0, len(data), step)]
    return [text.encode() for text in texts_in(chunks)]


def test_the_page_and_the_note_hold_one_text() -> None:
    page = TEXT.ljust(PAGE, b"\0")
    note = b"\x0b\0\0\0\x40\0\0\0\0\0\0\0VMCOREINFO\0\0" + TEXT + bytes(100)
    crashed = TEXT + b"CRASHTIME=1795987320\n"
    assert found(bytes(700) + page + note + crashed + b"\0") == [TEXT, crashed]


@pytest.mark.parametrize("step", [64, 1000, 4096])
def test_a_text_over_borders_of_what_is_read(step: int) -> None:
    assert found(b"x" * 4000 + TEXT + b"\0" * 50, step) == [TEXT]


def test_a_text_whose_rest_is_elsewhere_is_none() -> None:
    first, last = TEXT[:40], TEXT[40:] + b"\0"
    assert list(texts_in([(0, first), (40, last)])) == [TEXT.decode()]
    assert list(texts_in([(0, first), (PAGE, last)])) == []


@pytest.mark.parametrize(
    "data",
    [
        TEXT,
        TEXT.replace(b"PAGESIZE=4096\n", b"") + b"\0",
        TEXT.replace(b"4096", b"1") + b"\0",
        TEXT.replace(b"ffffffff8260f960", b"here") + b"\0",
        TEXT.replace(b"6.1.0", b"") + b"\0",
        TEXT + b"a line that says nothing\n\0",
        TEXT[:-1] + b"\0",
        TEXT[:30] + b"\x80" + TEXT[30:] + b"\0",
        TEXT + b"X=" + b"y" * (1 << 16) + b"\n\0",
        b"OSRELEASE=" * 1000,
    ],
    ids=[
        "no-end",
        "no-size",
        "odd-size",
        "no-place",
        "no-release",
        "no-line",
        "cut",
        "binary",
        "long",
        "many",
    ],
)
def test_what_is_no_whole_text(data: bytes) -> None:
    assert found(data) == []


def test_the_memory_of_an_elf_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = tmp_path / "memory"
    source.write_bytes(b"x")
    plan = Plan(62, (Region(1 << 30, PAGE), Region(0, 1 << 26)))

    def fill(image: MemoryImage) -> None:
        image.write(1 << 25, TEXT)
        image.write(1 << 30, b"more")

    image = keep_image(source, "memory", plan, fill)
    memory = list(elf_memory(DumpFile(image)))
    assert [(address, data.strip(b"\0")) for address, data in memory] == [
        (1 << 25, TEXT),
        (1 << 30, b"more"),
    ]
    assert first_text(image) == TEXT.decode()
    os.truncate(image, PAGE + 10)
    assert not any(data.strip(b"\0") for _, data in elf_memory(DumpFile(image))), "cut short"


def test_segments_of_a_damaged_file_are_searched_once(tmp_path: Path) -> None:
    segment = struct.pack("<IIQQQQQQ", 1, 7, 0, 0, 0, 1 << 62, 1 << 62, 0)
    far = struct.pack("<IIQQQQQQ", 1, 7, (1 << 64) - 1, 0, 1 << 40, 1 << 62, 1 << 62, 0)
    ident = b"\x7fELF\2\1\1".ljust(16, b"\0")
    head = struct.pack("<16sHHIQQQIHHHHHH", ident, 4, 62, 1, 0, 64, 0, 0, 64, 56, 401, 0, 0, 0)
    dump = tmp_path / "vmcore"
    dump.write_bytes(head + far + segment * 400)
    assert sum(len(data) for _, data in elf_memory(DumpFile(dump))) == dump.stat().st_size


def test_a_memory_full_of_beginnings() -> None:
    start = time.process_time()
    assert found(b"OSRELEASE=" * 100_000) == []
    assert found(b"OSRELEASE=1\n" * 100_000) == []
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("line", "machine"),
    [
        ("NUMBER(phys_base)=0", 62),
        ("NUMBER(kimage_voffset)=0xffff800010000000", 183),
        ("NUMBER(phys_ram_base)=0x80000000", 243),
        ("NUMBER(PG_lru)=5", None),
    ],
)
def test_the_machine(line: str, machine: int | None) -> None:
    assert machine_of(f"OSRELEASE=6.1.0\n{line}\n") == machine
