"""The page frames behind addresses of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pycrash.errors import CrashError
from pycrash.kernel.core.pagetables import AddressRange, Run
from pycrash.kernel.mm.nodes import Nodes
from pycrash.kernel.mm.pages import Pages
from pycrash.kernel.mm.spaces import Piece, Spaces
from pycrash.kernel.mm.vmalloc import VmapAreas
from pycrash.kernel.modules.table import ModuleTable
from pycrash.kernel.symbols.table import SymbolTable
from tests.kernel.fake_kernel import FakeKernel

PAGE = 4096
DIRECT, VMALLOC, VMEMMAP, IMAGE = (
    *(0xFFFF888000000000, 0xFFFFC90000000000),
    *(0xFFFFEA0000000000, 0xFFFFFFFF80000000),
)
#: Memory ends here; the image lies at 64 MiB.
TOP, IMAGE_AT = 1 << 27, 1 << 26
#: Pages of vmalloc that are mapped, and where.
MAPPED = {VMALLOC + n * PAGE: place * PAGE for n, place in ((0, 7), (1, 3), (4, 9), (5, 2), (9, 1))}


class Tables:
    """Arithmetic for the direct map and the image; the rest is in MAPPED."""

    direct_start, image_start = DIRECT, IMAGE
    ranges = (
        AddressRange("vmalloc", VMALLOC, VMALLOC + (1 << 45) - 1),
        AddressRange("vmemmap", VMEMMAP, VMEMMAP + (1 << 40) - 1),
    )

    def is_mapped(self, address: int) -> bool:
        return any(first <= address <= last for _, first, last in self.ranges)

    def kernel_physical(self, address: int) -> int:
        # As where the image was moved down: its area begins below all memory.
        return address - IMAGE - PAGE if address >= IMAGE else address - DIRECT

    def kernel_runs(self, start: int, end: int) -> Iterator[Run]:
        for address in range(start, end, 4 * PAGE):
            pages = range(address, min(address + 4 * PAGE, end), PAGE)
            yield Run(address, PAGE, (0,) * len(pages), [MAPPED.get(page) for page in pages])

    user_runs: Any = None


def spaces_of(
    areas: tuple[tuple[int, int], ...] = (), modules: tuple[tuple[int, int], ...] = ()
) -> Spaces:
    fake = FakeKernel()
    fake.kernel.arch.__dict__["tables"] = Tables()
    fake.write(0x100, "Q", DIRECT + TOP)
    addresses = {"high_memory": 0x100, "_end": IMAGE + 3 * PAGE}
    fake.give(SymbolTable, SimpleNamespace(address=addresses.__getitem__))
    found = [SimpleNamespace(start=low, end=high) for low, high in areas]
    fake.give(VmapAreas, SimpleNamespace(all=found))
    spans = [SimpleNamespace(base=low, end=high, kind="CORE") for low, high in modules]
    fake.give(ModuleTable, SimpleNamespace(all=[SimpleNamespace(ranges=spans)] if spans else []))
    fake.give(Nodes, SimpleNamespace(all=[SimpleNamespace(first=1, pages=(TOP >> 12) - 1)]))
    fake.struct("struct page", 64)
    fake.struct("page", 64)
    fake.give(Pages, SimpleNamespace(address=record))
    return Spaces(fake.kernel)


def record(physical: int) -> int | None:
    if physical >= 1 << 40:
        raise CrashError("sparsemem: invalid section number")
    return VMEMMAP + physical // 64 if physical < TOP else None


def flat(found: Iterator[Piece]) -> list[tuple[int, int]]:
    return [
        (piece.address + at * PAGE, frame)
        for piece in found
        for at, frame in enumerate(piece.frames.tolist())
    ]


def test_the_areas_of_a_kernel() -> None:
    spaces = spaces_of(((VMALLOC, VMALLOC + 2 * PAGE), (VMALLOC + 8 * PAGE, VMALLOC + 9 * PAGE)))
    assert [(area.kind, area.start, area.end) for area in spaces.kernel_areas] == [
        ("direct", DIRECT, DIRECT + TOP),
        ("vmalloc", VMALLOC, VMALLOC + 9 * PAGE),
        ("vmemmap", VMEMMAP, VMEMMAP + TOP // 64),
        ("image", IMAGE, IMAGE + 3 * PAGE),
    ]


@pytest.mark.parametrize(("inside", "apart"), [(True, False), (False, True)])
def test_modules_are_an_area_where_vmalloc_has_not_given_them_out(
    inside: bool, apart: bool
) -> None:
    low, high = VMALLOC + 16 * PAGE, VMALLOC + 17 * PAGE
    spaces = spaces_of(((low, high) if inside else (VMALLOC, VMALLOC + PAGE),), ((low, high),))
    assert ("modules" in {area.kind for area in spaces.kernel_areas}) is apart


def test_arithmetic() -> None:
    spaces = spaces_of()
    assert flat(spaces.kernel("direct", DIRECT + PAGE + 8, DIRECT + 2 * PAGE + 8)) == [
        *((DIRECT + PAGE, 1), (DIRECT + 2 * PAGE, 2)),
    ]
    assert [frame for _, frame in flat(spaces.kernel("image", IMAGE, IMAGE + 3 * PAGE))] == [
        *(-1, 0, 1),
    ]


def test_only_what_is_in_areas_of_vmalloc() -> None:
    spaces = spaces_of(((VMALLOC, VMALLOC + 2 * PAGE), (VMALLOC + 4 * PAGE, VMALLOC + 6 * PAGE)))
    found = flat(spaces.kernel("vmalloc", VMALLOC + PAGE, VMALLOC + 16 * PAGE))
    assert [pair for pair in found if pair[1] >= 0] == [
        *((VMALLOC + PAGE, 3), (VMALLOC + 4 * PAGE, 9), (VMALLOC + 5 * PAGE, 2)),
    ]


def test_what_is_mapped_in_a_row_from_a_start_in_no_area() -> None:
    spaces = spaces_of(((VMALLOC + 9 * PAGE, VMALLOC + 10 * PAGE),))
    found = flat(spaces.kernel("vmalloc", VMALLOC, VMALLOC + 16 * PAGE))
    assert found == [(VMALLOC, 7), (VMALLOC + PAGE, 3), (VMALLOC + 9 * PAGE, 1)]
    # What is known by arithmetic goes on to where the kernel has no records.
    start = DIRECT + TOP - 2 * PAGE
    assert len(flat(spaces.kernel("vmalloc", start, VMALLOC + 16 * PAGE))) == 3


def test_a_stack_ends_where_a_page_is_not_mapped() -> None:
    assert spaces_of().stack(VMALLOC, 4 * PAGE).frames.tolist() == [7, 3]
    assert spaces_of().stack(DIRECT + PAGE, 2 * PAGE).frames.tolist() == [1, 2]


def test_physical_memory_ends_with_the_last_node() -> None:
    spaces = spaces_of()
    assert spaces.physical_span == (PAGE, TOP)
    assert len(flat(spaces.physical(TOP - 2 * PAGE, 1 << 60))) == 2


def test_user_space() -> None:
    spaces = spaces_of()
    large = Run(1 << 21, 1 << 21, (1,), [4 << 21])
    Tables.user_runs = lambda self, mm, start, end: iter(
        [Run(start, PAGE, (0, 1), [None, PAGE]), Run(4 << 21, 1 << 21, (0,), [None]), large]
    )
    found = flat(spaces.user(1, 0x10008, 1 << 40))
    assert found[:3] == [(0x10000, -1), (0x11000, 1), (1 << 21, 4 << 9)]
    assert len(found) == 2 + 512
