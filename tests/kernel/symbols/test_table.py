"""Symbols of the kernel and of modules together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pycrash.errors import MissingFeature
from pycrash.kernel.modules.table import Kallsyms, Module, ModuleSymbol, ModuleTable, Range
from pycrash.kernel.symbols.table import Symbol, SymbolTable
from tests.kernel.fake_elf import Symbol as Entry
from tests.kernel.fake_elf import make_elf
from tests.kernel.fake_kernel import FakeKernel

BASE = 0xFFFFFFFFC0000000
SPLIT = (Range("TEXT", BASE, 0x1000), Range("DATA", BASE + 0x2000, 0x1000))
WHOLE = (Range("CORE", BASE, 0x1000), Range("INIT", BASE + 0x2000, 0x1000))


def module(ranges: tuple[Range, ...]) -> Module:
    return Module(
        address=BASE + 0x2800,
        name="toy",
        base=BASE,
        size=0x1000,
        ranges=ranges,
        text_size=0x800,
        init_text_size=0,
        taints=0,
        percpu=0,
        percpu_size=0,
        exports=(0, 0),
        gpl_exports=(0, 0),
        symtab=0,
        num_symtab=0,
        strtab=0,
    )


class Modules:
    """One module with three symbols, one of them exported."""

    loaded: dict[int, Any] = {}

    def watch(self, told: Callable[[], None]) -> None:
        """No object file is ever loaded."""

    def __init__(self, ranges: tuple[Range, ...]) -> None:
        self.all = (module(ranges),)

    def exports(self, module: Module) -> list[ModuleSymbol]:
        return [ModuleSymbol("toy_call", BASE + 0x10, "?")]

    def kallsyms(self, module: Module) -> Kallsyms:
        return Kallsyms(
            (
                ModuleSymbol("toy_call", BASE + 0x10, "T"),
                ModuleSymbol("toy_init.isra.0", BASE, "t"),
                ModuleSymbol("toy", BASE + 0x2010, "?"),
            )
        )


def table(tmp_path: Path, ranges: tuple[Range, ...]) -> SymbolTable:
    vmlinux = make_elf(
        tmp_path / "vmlinux",
        [
            Entry("_stext", 0x1000, ".text"),
            Entry("schedule", 0x1100, ".text"),
            Entry("jiffies", 0x3000, ".data"),
        ],
    )
    fake = FakeKernel()
    fake.kernel.vmlinux = vmlinux
    fake.give(ModuleTable, Modules(ranges))
    return SymbolTable(fake.kernel)


@pytest.fixture
def split(tmp_path: Path) -> SymbolTable:
    return table(tmp_path, SPLIT)


@pytest.fixture
def whole(tmp_path: Path) -> SymbolTable:
    return table(tmp_path, WHOLE)


def test_text_of_addresses(split: SymbolTable) -> None:
    assert split.text(0x1100) == "schedule"
    assert split.text(0x1105) == "schedule+5"
    assert split.text(0x110A, 16) == "schedule+0xa"
    assert split.text(BASE + 0x14) == "toy_call+4"
    assert split.text(0x10) == ""
    assert split.text(BASE + 0x1800) == ""


def test_the_last_byte_of_a_range_has_no_symbol(split: SymbolTable) -> None:
    assert split.lookup(BASE + 0xFFF) is None
    assert split.text(BASE + 0xFFF) == "(toy module)+4095"
    assert split.in_range(BASE + 0xFFF)


def test_the_start_of_a_range_without_symbols_is_its_mark(split: SymbolTable) -> None:
    found = split.lookup(BASE + 0x2000)
    assert found is not None
    assert found[0].name == "_MODULE_DATA_START_toy"
    assert found[0].mark == "MODULE DATA START"


def test_names(split: SymbolTable) -> None:
    assert split.by_name("toy_init") == Symbol(BASE, "toy_init", "t", "toy")
    assert split.by_name("toy_call") == Symbol(BASE + 0x10, "toy_call", "T", "toy")
    assert split.by_name("nothing") is None
    assert split.address("jiffies") == 0x3000
    with pytest.raises(MissingFeature, match='cannot resolve "nothing"'):
        split.address("nothing")


def test_marks_are_found_only_where_crash_finds_them(
    split: SymbolTable, whole: SymbolTable
) -> None:
    assert split.by_name("_MODULE_TEXT_START_toy") is None
    assert whole.by_name("_MODULE_START_toy") == Symbol(BASE, "_MODULE_START_toy", "m", "toy")


def test_neighbours(split: SymbolTable, whole: SymbolTable) -> None:
    def names(symbols: SymbolTable, name: str) -> tuple[str, str]:
        symbol = symbols.by_name(name)
        assert symbol is not None
        before, behind = symbols.previous(symbol), symbols.next(symbol)
        return before.name if before else "", behind.name if behind else ""

    assert names(split, "schedule") == ("_stext", "jiffies")
    assert names(split, "jiffies") == ("schedule", "")
    assert names(split, "toy_call") == ("toy_init", "toy")
    assert names(split, "toy") == ("toy_call", "")
    assert names(whole, "jiffies") == ("schedule", "toy_init")
    assert names(whole, "toy_init") == ("jiffies", "toy_call")


def test_listing_of_a_module(split: SymbolTable, whole: SymbolTable) -> None:
    assert [(s.mark or s.name, s.letter) for s in split.in_module("toy")] == [
        ("MODULE TEXT START", "m"),
        ("toy_init", "t"),
        ("toy_call", "T"),
        ("MODULE TEXT END", "m"),
        ("MODULE DATA START", "m"),
        ("toy", "?"),
        ("MODULE DATA END", "m"),
    ]
    ends = [s for s in whole.in_module("toy") if s.mark == "MODULE END"]
    assert [s.address for s in ends] == [BASE + 0x1000]


def test_search_by_part_of_a_name(split: SymbolTable) -> None:
    assert [s.name for s in split.containing("_")] == ["_stext", "toy_init", "toy_call"]


def test_text_is_told_from_data(split: SymbolTable) -> None:
    assert split.is_text(0x1234)
    assert not split.is_text(0x3000)
    assert split.is_text(BASE + 0x500)
    assert not split.is_text(BASE + 0x2010)
