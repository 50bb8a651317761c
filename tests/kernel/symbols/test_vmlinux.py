"""The kernel's own symbols: which count, in which order, and which one names an address."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycrash.files.cache import file_key
from pycrash.kernel.arch.aarch64.architecture import AArch64
from pycrash.kernel.arch.x86_64.architecture import X86_64
from pycrash.kernel.symbols.vmlinux import SCANS, KernelSymbols, strip_clone
from pycrash.objects.elf import ElfFile
from tests.kernel.fake_elf import ABSOLUTE, LOCAL, Symbol, make_elf

SYMBOLS = [
    Symbol("zeta", 0x1100, ".text"),
    Symbol("alpha", 0x1100, ".text"),
    Symbol("_stext", 0x1000, ".text"),
    Symbol("before", 0x1000, ".text"),
    Symbol("Before", 0x1000, ".text"),
    Symbol("fold.isra.0", 0x1200, ".text", LOCAL),
    Symbol("fold.part.1.isra.0", 0x1210, ".text", LOCAL),
    Symbol("data", 0x3000, ".data"),
    Symbol("__per_cpu_start", 0, ".data..percpu"),
    Symbol("runqueues", 0x40, ".data..percpu"),
    Symbol("some_constant", 0x20, ABSOLUTE, LOCAL),
    Symbol("__per_cpu_end", 0x100, ABSOLUTE),
    Symbol("beyond", 0x9000000, ABSOLUTE),
]
BIAS = 0x2000000


@pytest.fixture
def symbols(tmp_path: Path) -> KernelSymbols:
    elf = ElfFile(make_elf(tmp_path / "vmlinux", SYMBOLS))
    return KernelSymbols(elf, X86_64.symbols, 0x1000 + BIAS)


def test_order_and_filter(symbols: KernelSymbols) -> None:
    names, letters = symbols.all
    assert list(zip(symbols.addresses, letters, names, strict=True)) == [
        (0x0, "D", "__per_cpu_start"),
        (0x40, "D", "runqueues"),
        (0x100, "A", "__per_cpu_end"),
        (0x1000 + BIAS, "T", "_stext"),
        (0x1000 + BIAS, "T", "before"),
        (0x1100 + BIAS, "T", "alpha"),
        (0x1100 + BIAS, "T", "zeta"),
        (0x1200 + BIAS, "t", "fold"),
        (0x1210 + BIAS, "t", "fold.part.1"),
        (0x3000 + BIAS, "D", "data"),
        (0x9000000, "A", "beyond"),
    ]


@pytest.mark.parametrize("warm", [False, True])
def test_the_nearest(symbols: KernelSymbols, warm: bool) -> None:
    if warm:
        assert len(symbols) == 11
    at = [(s.address, s.name) for s in symbols.aliases(0x1150 + BIAS)]
    assert at == [(0x1100 + BIAS, "alpha"), (0x1100 + BIAS, "zeta")]
    assert [s.name for s in symbols.aliases(0x1000 + BIAS)] == ["_stext", "before"]
    assert [s.name for s in symbols.aliases(0x50)] == ["runqueues"]


def test_after_some_scans_the_table_is_sorted(symbols: KernelSymbols) -> None:
    for _ in range(SCANS + 1):
        assert symbols.aliases(0x3004 + BIAS)[0].name == "data"
    assert "_table" in symbols.__dict__


def test_by_name(symbols: KernelSymbols) -> None:
    assert symbols.find("fold") == [(0x1200 + BIAS, "t")]
    assert symbols.find("fold.part.1") == [(0x1210 + BIAS, "t")]
    assert symbols.find("some_constant") == []
    assert symbols.find("Before") == []
    assert symbols.find("beyond") == [(0x9000000, "A")]
    assert symbols.places(0x1100 + BIAS, "zeta") == [6]


def test_bounds_and_code(symbols: KernelSymbols) -> None:
    assert symbols.bounds == (0x1000, 0x9000000)
    assert symbols.in_code(0x1FFF + BIAS)
    assert not symbols.in_code(0x1FFF)
    assert symbols.section(0x3010) == ".data"


def test_where_no_symbol_counts_no_address_is_in_bounds(tmp_path: Path) -> None:
    elf = ElfFile(make_elf(tmp_path / "vmlinux", [Symbol("constant", 0x20, ABSOLUTE, LOCAL)]))
    low, high = KernelSymbols(elf, X86_64.symbols, None).bounds
    assert low > high


def test_a_stext_of_another_kernel_moves_nothing(tmp_path: Path) -> None:
    elf = ElfFile(make_elf(tmp_path / "vmlinux", SYMBOLS))
    assert KernelSymbols(elf, X86_64.symbols, 0x1234).bias == 0
    assert KernelSymbols(elf, X86_64.symbols, None).bias == 0


def test_mapping_symbols_of_arm64_do_not_count(tmp_path: Path) -> None:
    elf = ElfFile(
        make_elf(
            tmp_path / "vmlinux",
            [
                Symbol("$x", 0x1000, ".text", LOCAL),
                Symbol("$d.5", 0x1004, ".text", LOCAL),
                Symbol("_stext", 0x1000, ".text"),
            ],
        )
    )
    assert KernelSymbols(elf, AArch64.symbols, None).all[0] == ["_stext"]


def test_clone_endings() -> None:
    assert strip_clone("f.part.0.isra.0") == "f.part.0"
    assert strip_clone("f.constprop.0") == "f.constprop.0"
    assert strip_clone("f.llvm.123") == "f"


def test_the_order_of_another_file_of_the_build_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = {n: make_elf(tmp_path / f"{n}", SYMBOLS[:n]) for n in (len(SYMBOLS) - 1, len(SYMBOLS))}
    for count, path in [*files.items(), *files.items()]:
        symbols = KernelSymbols(ElfFile(path), X86_64.symbols, 0x1000 + BIAS, file_key(path))
        assert ("beyond" in symbols.all[0]) == (count == len(SYMBOLS))
    assert len(list((tmp_path / "cache" / "pycrash").iterdir())) == 2
