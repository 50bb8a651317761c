"""A made file that stands for a vmlinux: its symbols, sections and build ID are read back."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from pycrash.errors import CrashError
from pycrash.files.debuginfo import NO_DEBUG_DATA, Identity, why_unfit
from pycrash.objects.elf import ElfFile
from pycrash.objects.kallsyms import Symbol
from pycrash.objects.standin import StandIn
from tests.objects.madekallsyms import BASE

BUILD_ID = "0123456789abcdef0123456789abcdef01234567"
BTF_SIZE = 0x30
SYMBOLS = [
    Symbol(0, "A", "__per_cpu_start"),
    Symbol(0, "A", "first"),
    Symbol(0x40, "A", "second"),
    Symbol(0x2000, "A", "__per_cpu_end"),
    Symbol(BASE, "T", "_stext"),
    Symbol(BASE + 0x100, "t", "inner"),
    Symbol(BASE + 0x140, "W", "weak"),
    Symbol(BASE + 0x1000, "T", "_etext"),
    Symbol(BASE + 0x2000, "D", "__start_rodata"),
    Symbol(BASE + 0x2010, "r", "constant"),
    Symbol(BASE + 0x2100, "R", "__start_BTF"),
    Symbol(BASE + 0x2100 + BTF_SIZE, "R", "__stop_BTF"),
    Symbol(BASE + 0x3000, "D", "_sdata"),
    Symbol(BASE + 0x3010, "d", "variable"),
    Symbol(BASE + 0x4000, "D", "_edata"),
    Symbol(BASE + 0x5000, "T", "_sinittext"),
    Symbol(BASE + 0x5800, "T", "_einittext"),
    Symbol(BASE + 0x6000, "B", "__bss_start"),
    Symbol(BASE + 0x6008, "b", "zeroes"),
    Symbol(BASE + 0x7000, "B", "__bss_stop"),
    Symbol(BASE + 0x8000, "B", "_end"),
]


def written(path: Path, symbols: list[Symbol], order: str = "<") -> Path:
    out = io.BytesIO()
    StandIn(symbols, bytes.fromhex(BUILD_ID), 62, order).write(out)
    path.write_bytes(out.getvalue())
    return path


@pytest.mark.parametrize("order", ["<", ">"])
def test_symbols_come_back_with_their_letters(tmp_path: Path, order: str) -> None:
    table = ElfFile(written(tmp_path / "made", SYMBOLS, order)).symbols
    names, letters = table.all()
    found = list(zip(table.values, letters, names, strict=True))
    assert found[0] == (0, "U", "")
    # Per-CPU variables have the letter that a vmlinux has for most of them.
    per_cpu = [(at, "D", name) for at, letter, name in SYMBOLS if letter == "A" and at <= 0x2000]
    assert sorted(found[1:]) == sorted(per_cpu + [tuple(s) for s in SYMBOLS if not s.absolute])


def test_sections_are_where_the_symbols_bound_them(tmp_path: Path) -> None:
    elf = ElfFile(written(tmp_path / "made", SYMBOLS))
    per_cpu = elf.section(".data..percpu")
    assert per_cpu is not None
    assert (per_cpu.address, per_cpu.size) == (0, 0x2000)
    found = {s.name: (s.address - BASE, s.size) for s in elf.sections if s.address}
    assert found == {
        ".text": (0, 0x1000),
        ".rodata": (0x2000, 0x100),
        ".BTF": (0x2100, BTF_SIZE),
        ".data": (0x3000, 0x1000),
        ".init.text": (0x5000, 0x800),
        ".bss": (0x6000, 0x1000),
        ".brk": (0x7000, 0x1000),
    }
    assert all(set(elf.contents(s)) <= {0} for s in elf.sections if s.address)


def test_absolute_symbols_that_are_no_per_cpu_variables_stay_so(tmp_path: Path) -> None:
    constant = Symbol(0x3000, "A", "constant_number")
    symbols = [*SYMBOLS[:4], constant, *SYMBOLS[4:]]
    table = ElfFile(written(tmp_path / "made", symbols)).symbols
    assert [table.letter(index) for index in table.find("constant_number")] == ["A"]
    other = [s for s in symbols if not s.name.startswith("__per_cpu")]
    table = ElfFile(written(tmp_path / "other", other)).symbols
    assert [table.letter(index) for index in table.find("second")] == ["A"]


def test_a_scratch_section_behind_the_end_counts(tmp_path: Path) -> None:
    behind = [
        Symbol(BASE + 0xA000, "B", "__init_scratch_begin"),
        Symbol(BASE + 0xC000, "B", "__init_scratch_end"),
    ]
    section = ElfFile(written(tmp_path / "made", SYMBOLS + behind)).section(".init.scratch")
    assert section is not None
    assert (section.address - BASE, section.size) == (0xA000, 0x2000)


def test_sizes_reach_to_the_next_symbol(tmp_path: Path) -> None:
    from elftools.elf.elffile import ELFFile

    with written(tmp_path / "made", SYMBOLS).open("rb") as file:
        table: Any = ELFFile(file).get_section_by_name(".symtab")
        sizes = {symbol.name: symbol["st_size"] for symbol in table.iter_symbols()}
    assert (sizes["first"], sizes["second"], sizes["__per_cpu_end"]) == (0x40, 0x1FC0, 0)
    assert (sizes["inner"], sizes["variable"], sizes["_end"]) == (0x40, 0xFF0, 0)


def test_its_build_id_is_that_of_the_kernel(tmp_path: Path) -> None:
    file = written(tmp_path / "made", SYMBOLS)
    assert why_unfit(file, Identity(None, BUILD_ID)) == NO_DEBUG_DATA
    assert "the dump's is" in (why_unfit(file, Identity(None, "ff" * 20)) or "")


@pytest.mark.parametrize("name", ["_stext", "_etext", "__stop_BTF", "_end"])
def test_without_the_bounds_there_is_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(CrashError, match=f"{name}.* bound no |bound no "):
        written(tmp_path / "made", [symbol for symbol in SYMBOLS if symbol.name != name])


def test_bounds_that_are_far_apart_are_damage(tmp_path: Path) -> None:
    moved = [
        s._replace(address=s.address - (1 << 40)) if s.name in ("_stext", "_etext") else s
        for s in SYMBOLS
    ]
    with pytest.raises(CrashError, match="far apart"):
        written(tmp_path / "made", moved)
