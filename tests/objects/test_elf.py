"""ELF files read in bulk."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.objects.elf import SHF_COMPRESSED, ElfFile
from tests.golden.sample import SAMPLE
from tests.kernel.fake_elf import (
    ABSOLUTE,
    FUNC,
    LOCAL,
    OBJECT,
    PARTS,
    SECTION,
    WEAK,
    Part,
    Symbol,
    make_elf,
)


def test_letters_are_those_of_nm(tmp_path: Path) -> None:
    cases = {
        "T": Symbol("a", 0x1000, ".text"),
        "t": Symbol("b", 0x1000, ".text", LOCAL, FUNC),
        "R": Symbol("c", 0x2000, ".rodata"),
        "d": Symbol("d", 0x3000, ".data", LOCAL),
        "B": Symbol("e", 0x4000, ".bss"),
        "A": Symbol("f", 5, ABSOLUTE),
        "W": Symbol("g", 0x1000, ".text", WEAK, FUNC),
        "V": Symbol("h", 0x3000, ".data", WEAK, OBJECT),
        "U": Symbol("i", 0, 0),
        "w": Symbol("j", 0, 0, WEAK),
    }
    symbols = ElfFile(make_elf(tmp_path / "elf", list(cases.values()))).symbols
    assert [symbols.letter(index) for index in range(1, len(symbols))] == list(cases)
    names, letters = symbols.all()
    assert letters[1:] == list(cases)
    assert names[1:] == [symbol.name for symbol in cases.values()]


def test_a_name_may_be_the_tail_of_another(tmp_path: Path) -> None:
    symbols = ElfFile(
        make_elf(
            tmp_path / "elf",
            [Symbol("io_schedule", 0x1000, ".text"), Symbol("schedule", 0x1010, ".text")],
        )
    ).symbols
    assert symbols.find("schedule") == [2]
    assert symbols.find("chedule") == []
    assert symbols.find_prefix("io_") == [1]
    assert symbols.all()[0] == ["", "io_schedule", "schedule"]


def test_a_section_symbol_has_the_name_of_its_section(tmp_path: Path) -> None:
    symbols = ElfFile(
        make_elf(
            tmp_path / "elf",
            [Symbol("", 0x3000, ".data", LOCAL, SECTION), Symbol("", 0x3008, ".data", LOCAL)],
        )
    ).symbols
    assert [symbols.name(1), symbols.name(2)] == [".data", ""]
    assert symbols.all()[0] == ["", ".data", ""]
    assert symbols.nameless == {0, 2}


def test_a_compressed_section_without_room_for_its_head(tmp_path: Path) -> None:
    elf = ElfFile(make_elf(tmp_path / "elf", [Symbol("a", 0x1000, ".text")]))
    section = replace(elf.sections[1], kind=1, flags=SHF_COMPRESSED, size=3)
    with pytest.raises(CrashError, match=section.name):
        elf.contents(section)


def test_a_compressed_section_is_unpacked(tmp_path: Path) -> None:
    text = b"some text " * 50
    packed = struct.pack("<IIQQ", 1, 0, len(text), 1) + zlib.compress(text)
    path = make_elf(
        tmp_path / "elf", [], [*PARTS, Part(".debug_str", flags=SHF_COMPRESSED, data=packed)]
    )
    elf = ElfFile(path)
    section = elf.section(".debug_str")
    assert section is not None
    assert elf.contents(section) == text


def test_what_is_no_elf_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"no" * 100)
    with pytest.raises(CrashError, match="not an ELF file"):
        ElfFile(tmp_path / "text")
    path = make_elf(tmp_path / "elf", [])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CrashError, match="damaged"):
        _ = ElfFile(path).sections


def test_names_of_sections_that_lie_nowhere(tmp_path: Path) -> None:
    content = bytearray((SAMPLE / "crashme.ko").read_bytes())
    (table,) = struct.unpack_from("<Q", content, 0x28)
    size, _, names = struct.unpack_from("<HHH", content, 0x3A)
    struct.pack_into("<Q", content, table + names * size + 24, (1 << 64) - 1)
    path = tmp_path / "module"
    path.write_bytes(content)
    with pytest.raises(CrashError, match="damaged section headers"):
        ElfFile(path).section(".text")
