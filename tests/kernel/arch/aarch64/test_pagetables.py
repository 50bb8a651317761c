"""Page tables of 64-bit ARM made by hand: pages of 4, 16 and 64 KiB, 48 and 52 bits."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.kernel.arch.aarch64.pagetables import PageTables
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.core.pagetables import SwapEntry
from pycrash.kernel.symbols.table import SymbolTable
from tests.kernel.fake_kernel import FakeKernel

TEXT, IMAGE_END = 0xFFFFA4A7CDC00000, 0xFFFFA4A7CF600000
#: The image lies at 1 GiB; so do the first pages of the direct map.
IMAGE_OFFSET, PHYS_OFFSET = TEXT - 0x40000000, 0xFFFFB17F40000000
ROOT, PUD, PMD, TABLE = 0x40001000, 0x40002000, 0x40003000, 0x40004000
IS_TABLE, IS_BLOCK = 3, 1
ADDRESS = 0xFFFF800008001234


def made(page: int = 4096, **noted: int) -> tuple[FakeKernel, PageTables]:
    fake = FakeKernel()
    numbers = {
        "VA_BITS": 48,
        "TCR_EL1_T1SZ": 16,
        "PHYS_OFFSET": PHYS_OFFSET,
        "kimage_voffset": IMAGE_OFFSET,
        **noted,
    }
    fake.note("".join(f"NUMBER({name})={value}\n" for name, value in numbers.items()))
    fake.kernel.__dict__["page_size"] = page
    addresses = {"_text": TEXT, "_end": IMAGE_END, "swapper_pg_dir": TEXT + 0x1000}

    def find(name: str) -> list[tuple[int, str]]:
        return [(addresses[name], "T")] if name in addresses else []

    fake.give(SymbolTable, SimpleNamespace(kernel_symbols=SimpleNamespace(find=find)))
    fake.give(Memory, Memory(fake.kernel))
    return fake, PageTables(fake.kernel)


def put(fake: FakeKernel, table: int, index: int, entry: int) -> None:
    fake.room(table, 4096, physical=True)
    fake.write(table + 8 * index, "Q", entry, physical=True)


def put_upper(fake: FakeKernel) -> None:
    """The tables above the page of ADDRESS."""
    put(fake, ROOT, ADDRESS >> 39 & 0x1FF, PUD | IS_TABLE)
    put(fake, PUD, ADDRESS >> 30 & 0x1FF, PMD | IS_TABLE)


def test_the_way_of_an_address() -> None:
    fake, tables = made()
    put_upper(fake)
    put(fake, PMD, ADDRESS >> 21 & 0x1FF, TABLE | IS_TABLE)
    put(fake, TABLE, ADDRESS >> 12 & 0x1FF, 0x68000042345F03)
    found = tables.kernel_walk(ADDRESS)
    assert found.physical == 0x42345234
    assert found.heads == ("PAGE DIRECTORY",)
    assert [entry.level for entry in found.entries] == ["PGD", "PUD", "PMD", "PTE"]
    # The top table is shown in the image, the others in the direct map.
    assert found.entries[0].address == TEXT + 0x1000 + 8 * (ADDRESS >> 39 & 0x1FF)
    assert found.entries[1].address == 0xFFFF4E8100002000 + 8 * (ADDRESS >> 30 & 0x1FF)
    assert tables.kernel_physical(ADDRESS) == found.physical


def test_a_block_and_a_hole() -> None:
    fake, tables = made()
    put_upper(fake)
    put(fake, PMD, ADDRESS >> 21 & 0x1FF, 0x42200000 | IS_BLOCK)
    found = tables.kernel_walk(ADDRESS)
    assert (found.physical, found.size) == (0x42201234, 1 << 21)
    assert tables.kernel_walk(ADDRESS + (1 << 21)).physical is None


@pytest.mark.parametrize(
    ("address", "physical"), [(0xFFFF4E81021A9040, 0x421A9040), (TEXT + 0x10, 0x40000010)]
)
def test_what_is_known_by_arithmetic(address: int, physical: int) -> None:
    _, tables = made()
    assert not tables.is_mapped(address)
    assert tables.kernel_physical(address) == physical


@pytest.mark.parametrize("address", [0xFFFF800008000000, IMAGE_END])
def test_what_the_tables_alone_map(address: int) -> None:
    assert made()[1].is_mapped(address)


def test_addresses_of_the_direct_map() -> None:
    assert made()[1].direct_address(0x421A9040) == 0xFFFF4E81021A9040


def test_a_kernel_for_52_bits_on_a_machine_of_48() -> None:
    _, tables = made(VA_BITS=52, PHYS_OFFSET=0xFFF0CC79C0000000)
    assert tables.kernel_physical(0xFFFF3386825E4A00) == 0x425E4A00
    assert [level.shift for level in tables.levels] == [39, 30, 21, 12]
    assert tables.kernel_base == 0xFFFF000000000000


@pytest.mark.parametrize(
    ("page", "bits", "used", "levels"),
    [
        (12, 39, 39, "PGD30/9 PMD21/9 PTE12/9"),
        (12, 52, 52, "PGD48/4 P4D39/9 PUD30/9 PMD21/9 PTE12/9"),
        (14, 47, 47, "PGD36/11 PMD25/11 PTE14/11"),
        (14, 48, 48, "PGD47/1 PUD36/11 PMD25/11 PTE14/11"),
        (16, 42, 42, "PGD29/13 PTE16/13"),
        (16, 48, 48, "PGD42/6 PMD29/13 PTE16/13"),
        (16, 52, 48, "PGD42/10 PMD29/13 PTE16/13"),
    ],
)
def test_levels(page: int, bits: int, used: int, levels: str) -> None:
    _, tables = made(page=1 << page, VA_BITS=bits, TCR_EL1_T1SZ=64 - used)
    assert " ".join(f"{x.name}{x.shift}/{x.bits}" for x in tables.levels) == levels


@pytest.mark.parametrize(
    ("page", "bits", "entry", "physical"),
    [
        (12, 48, 0x00F8FFFFFFFFFF43, 0xFFFFFFFFF000),
        (12, 52, 0x0003FFFFFFFFF343, 0xFFFFFFFFFF000),
        (12, 52, 0x0002FFFFFFFFF143, 0x6FFFFFFFFF000),
        (16, 52, 0x0000FFFFFFFFA343, 0xAFFFFFFFF0000),
    ],
)
def test_addresses_in_entries(page: int, bits: int, entry: int, physical: int) -> None:
    _, tables = made(page=1 << page, MAX_PHYSMEM_BITS=bits)
    assert tables.frame(entry) == physical


def test_flags_and_swap_entries() -> None:
    _, tables = made()
    names = "VALID USER RDONLY SHARED AF NG PXN"
    assert " ".join(tables.flags(0x20000041CE2FC3)) == names
    assert tables.flags(1 << 58) == ("PROT_NONE",)
    assert tables.swap(3 << 2 | 7 << 8) == SwapEntry(3, 7)


def test_swap_entries_since_5_19() -> None:
    fake, tables = made()
    fake.constants["PG_anon_exclusive"] = 17
    assert tables.swap(3 << 3 | 7 << 8) == SwapEntry(3, 7)


def test_entries_since_6_10() -> None:
    _, tables = made(PAGE_SLAB_MAPCOUNT_VALUE=-184549376)
    assert tables.flags(1 << 58) == ()
    assert tables.swap(3 << 6 | 7 << 12) == SwapEntry(3, 7)
