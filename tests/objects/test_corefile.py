"""Core files, read back with pyelftools."""

from __future__ import annotations

import io
import os
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.segments import NoteSegment

from pycrash.objects.corefile import PAGE, CoreFile, Note

X, W, R = 1, 2, 4
DATA = b"a" * PAGE
NOTES = [Note("CORE", 6, b"12345678"), Note("LINUX", 0x202, b"xyz")]


def segments(file: io.BytesIO) -> list[tuple[int, int, int, int, bytes]]:
    """Of each PT_LOAD its address, flags, bytes in the file and in memory, and the former."""
    found = []
    for segment in ELFFile(file).iter_segments("PT_LOAD"):
        head = segment.header
        sizes = head.p_filesz, head.p_memsz
        found.append((head.p_vaddr, head.p_flags, *sizes, segment.data()))
    return found


def test_an_area_as_it_was() -> None:
    file = io.BytesIO()
    core = CoreFile(file, 62, NOTES, "<")
    core.area(0x400000, R | X)
    assert core.data(DATA + bytes(PAGE) + DATA) == 2 * PAGE
    core.zeros(PAGE)
    core.left_out(2 * PAGE)
    core.finish()
    read = ELFFile(file)
    assert (read["e_type"], read["e_machine"]) == ("ET_CORE", "EM_X86_64")
    held = DATA + bytes(PAGE) + DATA + bytes(PAGE)
    assert segments(file) == [(0x400000, R | X, 4 * PAGE, 6 * PAGE, held)]


def test_notes_fill_whole_words() -> None:
    file = io.BytesIO()
    CoreFile(file, 183, NOTES, "<").finish()
    read = ELFFile(file)
    assert read["e_machine"] == "EM_AARCH64"
    (segment,) = read.iter_segments("PT_NOTE")
    assert isinstance(segment, NoteSegment)
    notes = [(note["n_name"], note["n_descdata"]) for note in segment.iter_notes()]
    assert notes == [("CORE", b"12345678"), ("LINUX", b"xyz")]


def test_memory_that_is_lost_is_in_no_segment() -> None:
    file = io.BytesIO()
    core = CoreFile(file, 62, [], "<")
    core.area(0x1000, R | W)
    core.data(DATA)
    core.lost(3 * PAGE)
    core.data(b"b" * PAGE)
    core.area(0x9000, R)
    core.lost(PAGE)
    core.left_out(PAGE)
    core.finish()
    assert segments(file) == [
        (0x1000, R | W, PAGE, PAGE, DATA),
        (0x5000, R | W, PAGE, PAGE, b"b" * PAGE),
        (0xA000, R, 0, PAGE, b""),
    ]


def test_what_follows_what_was_left_out_has_a_segment_of_its_own() -> None:
    file = io.BytesIO()
    core = CoreFile(file, 62, [], "<")
    core.area(0x1000, R)
    core.left_out(PAGE)
    core.data(DATA)
    core.finish()
    assert segments(file) == [(0x1000, R, 0, PAGE, b""), (0x2000, R, PAGE, PAGE, DATA)]


def test_big_endian() -> None:
    file = io.BytesIO()
    core = CoreFile(file, 22, NOTES, ">")
    core.area(0x1000, R)
    core.data(DATA)
    core.finish()
    assert ELFFile(file)["e_machine"] == "EM_S390"
    assert segments(file) == [(0x1000, R, PAGE, PAGE, DATA)]


def test_pages_of_zeros_take_no_room(tmp_path: Path) -> None:
    with open(tmp_path / "core", "xb") as file:
        core = CoreFile(file, 62, [], "<")
        core.area(0x1000000, R)
        core.zeros(1 << 30)
        assert core.data(bytes(64 * PAGE)) == 0
        core.finish()
    status = os.stat(tmp_path / "core")
    assert status.st_size > 1 << 30
    assert status.st_blocks * 512 < 1 << 20


def test_more_segments_than_the_header_can_count() -> None:
    file = io.BytesIO()
    core = CoreFile(file, 62, NOTES, "<")
    for number in range(70_000):
        core.area(number * 2 * PAGE, R)
        core.left_out(PAGE)
    core.finish()
    read = ELFFile(file)
    assert read["e_phnum"] == 0xFFFF
    assert read.num_segments() == 70_001
    assert read.get_segment(70_000)["p_vaddr"] == 69_999 * 2 * PAGE
