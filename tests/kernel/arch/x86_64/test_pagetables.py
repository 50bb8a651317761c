"""Page tables of x86-64 made by hand, walked level by level."""

from __future__ import annotations

import struct
from itertools import islice
from types import SimpleNamespace

import pytest

from pycrash.errors import ReadError
from pycrash.kernel.arch.x86_64.pagetables import START_KERNEL_MAP, PageTables
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.core.pagetables import Run, SwapEntry, Translation
from pycrash.kernel.symbols.table import SymbolTable
from tests.kernel.fake_kernel import FakeKernel

MM = 0xFFFF888000009000
ROOT, PUD, PMD, TABLE, OTHER = 0x1000, 0x2000, 0x3000, 0x4000, 0x5000
PAGE, LARGE, NX, GLOBAL = 0x1000, 1 << 21, 1 << 63, 0x100
FULL = 0x67


class Pages:
    """Physical pages of entries; what was not written is not in the dump."""

    zero_excluded = False

    def __init__(self) -> None:
        self.pages: dict[int, bytearray] = {}
        self.reads = 0

    def put(self, table: int, index: int, entry: int) -> None:
        struct.pack_into("<Q", self.pages.setdefault(table, bytearray(4096)), 8 * index, entry)

    def read_physical(self, address: int, size: int, what: str) -> bytes:
        self.reads += 1
        page, start = address & -PAGE, address & (PAGE - 1)
        if page not in self.pages:
            raise ReadError(address, what, "read error", "physical address")
        return bytes(self.pages[page][start : start + size])


class FakeTables(FakeKernel):
    """A kernel with the page tables of `pages`; `noted` are numbers of its VMCOREINFO."""

    def __init__(self, levels: int = 4, **noted: int) -> None:
        super().__init__()
        noted = {"phys_base": 0, "pgtable_l5_enabled": int(levels == 5), **noted}
        self.note("".join(f"NUMBER({key})={value}\n" for key, value in noted.items()))
        self.pages = Pages()
        self.give(Memory, self.pages)
        self.own = {
            "init_top_pgt": START_KERNEL_MAP + ROOT,
            "pti_init": START_KERNEL_MAP,
            "l1tf_mitigation": START_KERNEL_MAP,
        }
        self.give(
            SymbolTable, SimpleNamespace(kernel_symbols=SimpleNamespace(find=self._find, bias=0))
        )
        self.struct("mm_struct", 8, pgd=(0, "P"))
        self.write(MM, "Q", START_KERNEL_MAP + ROOT)

    def _find(self, name: str) -> list[tuple[int, str]]:
        return [(self.own[name], "T")] if name in self.own else []

    @property
    def tables(self) -> PageTables:
        return PageTables(self.kernel)


@pytest.fixture
def fake() -> FakeTables:
    made = FakeTables()
    put = made.pages.put
    put(ROOT, 0, PUD | FULL)
    put(PUD, 0, PMD | FULL)
    put(PUD, 1, 0x40000000 | FULL | 0x80)
    put(PMD, 0, TABLE | FULL)
    put(PMD, 2, 0x800000 | FULL | 0x80 | NX)
    put(TABLE, 1, 0x7000 | FULL | NX)
    put(TABLE, 2, 0x9000 | GLOBAL)
    put(TABLE, 3, 2 << 59 | (~5 & (1 << 50) - 1) << 9)
    return made


@pytest.fixture
def tables(fake: FakeTables) -> PageTables:
    return fake.tables


def test_the_way_of_an_address(tables: PageTables) -> None:
    found = tables.user_walk(MM, PAGE + 0x123)
    assert (found.physical, found.size, found.root) == (0x7123, 4096, START_KERNEL_MAP + ROOT)
    assert [(e.level, e.address) for e in found.entries] == [
        ("PGD", ROOT),
        ("PUD", PUD),
        ("PMD", PMD),
        ("PTE", TABLE + 8),
    ]
    assert found.last.value == 0x7000 | FULL | NX
    assert not found.heads


@pytest.mark.parametrize(
    ("address", "physical", "size", "levels"),
    [
        (2 * LARGE + 0x1234, 0x801234, LARGE, 3),
        (0x40000000 + 5, 0x40000005, 1 << 30, 2),
        (PAGE * 2 + 1, 0x9001, 4096, 4),  # a page without access
        (PAGE * 3, None, 0, 4),
        (LARGE, None, 0, 3),
        (1 << 39, None, 0, 1),
    ],
)
def test_pages_of_all_sizes(
    tables: PageTables, address: int, physical: int | None, size: int, levels: int
) -> None:
    found = tables.user_walk(MM, address)
    assert (found.physical, found.size, len(found.entries)) == (physical, size, levels)
    assert tables.user_physical(MM, address) == physical


def test_the_kernel_has_no_pages_without_access(tables: PageTables) -> None:
    found = tables.kernel_walk(PAGE * 2)
    assert found.physical is None
    assert found.root == START_KERNEL_MAP + ROOT
    assert found.heads == ("PGD DIRECTORY", "PAGE DIRECTORY")


def test_five_levels() -> None:
    fake = FakeTables(levels=5)
    put = fake.pages.put
    address = 3 << 48 | 4 << 39
    put(ROOT, 3, OTHER | FULL)
    put(OTHER, 4, PUD | FULL)
    put(PUD, 0, 0x40000000 | FULL | 0x80)
    found = fake.tables.user_walk(MM, address)
    assert [e.level for e in found.entries] == ["PGD", "P4D", "PUD"]


def test_the_mark_of_encrypted_memory_is_no_address() -> None:
    mark = 1 << 47
    fake = FakeTables(sme_mask=mark)
    fake.pages.put(ROOT, 0, PUD | FULL | mark)
    fake.pages.put(PUD, 0, 0x40000000 | FULL | 0x80 | mark)
    found: Translation = fake.tables.user_walk(MM, 0x10)
    assert found.physical == 0x40000010
    assert found.last.value == 0x40000000 | FULL | 0x80


def test_runs_read_each_table_once(fake: FakeTables, tables: PageTables) -> None:
    first, *rest = tables.user_runs(MM, 0, 0x40000000 + LARGE)
    swapped = 2 << 59 | (~5 & (1 << 50) - 1) << 9
    assert first[:2] == (0, PAGE)
    assert first.entries[:5] == (0, 0x7000 | FULL | NX, 0x9000 | GLOBAL, swapped, 0)
    assert first.places[:5] == [None, 0x7000, 0x9000, None, None]
    assert len(first.entries) == len(first.places) == 512
    assert tables.swap(first.entries[3]) == SwapEntry(2, 5)
    assert rest[0] == Run(LARGE, LARGE, (0,), [None])
    assert rest[-1] == Run(0x40000000, LARGE, (0x40000000 | FULL | 0x80,), [0x40000000])
    assert sum(run.size * len(run.entries) for run in (first, *rest)) == 0x40000000 + LARGE
    assert fake.pages.reads == 4


def test_a_way_reads_each_entry_once(fake: FakeTables, tables: PageTables) -> None:
    found = tables.user_walk(MM, PAGE)
    assert fake.pages.reads == 4
    assert tables.user_walk(MM, PAGE) == found
    assert fake.pages.reads == 4
    tables.user_walk(MM, PAGE * 2)
    assert fake.pages.reads == 5


def test_runs_begin_and_end_inside_of_tables_and_large_pages(tables: PageTables) -> None:
    start, end = 2 * LARGE + PAGE, 2 * LARGE + 3 * PAGE
    (run,) = tables.user_runs(MM, start, end)
    assert (run.address, run.size, run.places) == (start, 2 * PAGE, [0x801000])
    (run,) = tables.user_runs(MM, PAGE, 3 * PAGE)
    assert (run.address, run.size, run.places) == (PAGE, PAGE, [0x7000, 0x9000])


@pytest.mark.parametrize(("start", "end"), [(PAGE + 1, 3 * PAGE), (PAGE, 2 * PAGE + 1)])
def test_borders_inside_of_pages_are_those_of_whole_pages(
    tables: PageTables, start: int, end: int
) -> None:
    (run,) = islice(tables.user_runs(MM, start, end), 3)
    assert (run.address, run.size, run.places) == (PAGE, PAGE, [0x7000, 0x9000])


def test_a_table_that_is_not_in_the_dump(fake: FakeTables, tables: PageTables) -> None:
    del fake.pages.pages[TABLE]
    with pytest.raises(ReadError, match='physical address: 4000  type: "page table"'):
        tables.user_walk(MM, PAGE)


@pytest.mark.parametrize(
    ("entry", "names"),
    [
        (0x7000 | FULL | NX, "PRESENT RW USER ACCESSED DIRTY NX"),
        (0x800000 | FULL | 0x180, "PRESENT RW USER ACCESSED DIRTY PSE GLOBAL"),
        (0x9000 | GLOBAL, "PROTNONE GLOBAL"),
        (0x18, "PWT PCD"),
        (0, ""),
    ],
)
def test_flags(tables: PageTables, entry: int, names: str) -> None:
    assert " ".join(tables.flags(entry)) == names


@pytest.mark.parametrize(("vm_stat", "entry"), [(True, 3 << 9 | 7 << 14), (False, 3 << 1 | 7 << 8)])
def test_swap_entries_of_older_kernels(vm_stat: bool, entry: int) -> None:
    fake = FakeTables()
    del fake.own["l1tf_mitigation"]
    if vm_stat:
        fake.struct("pglist_data", 8, vm_stat=(0, "Q"))
    assert fake.tables.swap(entry) == SwapEntry(3, 7)
