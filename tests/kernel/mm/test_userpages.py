"""Pages of user spaces, many at a time, and as rows."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from pycrash.api.vmrows import VirtualPageRow, VmaRow, page_blocks
from pycrash.errors import ReadError
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.core.pagetables import Run, SwapEntry
from pycrash.kernel.mm.swap import SwapAreas
from pycrash.kernel.mm.userpages import Block, UserPages, WildArea
from tests.kernel.fake_kernel import FakeKernel

START, LARGE = 0x400000, 1 << 21


def fake(*runs: Run) -> FakeKernel:
    made = FakeKernel()
    tables = SimpleNamespace(
        user_runs=lambda mm, start, end: iter(runs), swap=lambda entry: SwapEntry(0, entry >> 8)
    )
    made.kernel.arch.__dict__["tables"] = tables
    made.give(Memory, SimpleNamespace(zero_excluded=False))
    made.give(SwapAreas, SimpleNamespace(place=lambda entry: "/swap"))
    made.struct("mm_struct", 64, total_vm=(8, "Q"))
    made.write(9, "Q", 1 << 20)  # of the mm at address 1
    return made


def area(path: str, offset: int | None) -> VmaRow:
    return VmaRow(0x1000, START, START + LARGE, 0, "r--p", "", path, None, offset)


def test_pages_that_entries_speak_for_one_by_one() -> None:
    run = Run(START, 4096, (0x8001, 0, 0x700), [0x8000, None, None])
    (block,) = UserPages(fake(run).kernel).blocks(1, START, START + LARGE)
    assert block == Block(START, 3, [0x8000, None, None], {2: SwapEntry(0, 7)})


def test_where_all_are_in_memory_none_is_swapped_out() -> None:
    run = Run(START, 4096, (0x8001, 0x9001), [0x8000, 0x9000])
    (block,) = UserPages(fake(run).kernel).blocks(1, START, START + LARGE)
    assert block.swapped == {}


def test_large_pages_are_many_small_ones() -> None:
    (block,) = UserPages(fake(Run(START, LARGE, (1,), [0xA00000])).kernel).blocks(
        1, START, START + LARGE
    )
    assert (block.count, len(block.places)) == (512, 512)
    assert (block.places[0], block.places[511]) == (0xA00000, 0xBFF000)


def test_what_no_table_covers_comes_in_parts() -> None:
    found = list(UserPages(fake(Run(0, 1 << 30, (0,), [None])).kernel).blocks(1, 0, 1 << 30))
    assert {(block.count, len(block.places)) for block in found} == {(1 << 16, 0)}
    assert [block.address for block in found] == [0x10000000 * n for n in range(4)]


def test_the_rows_of_pages() -> None:
    run = Run(START + 4096, 4096, (0x8001, 0, 0x700), [0x8000, None, None])
    (block,) = page_blocks(fake(run).kernel, 1, area("/bin/sh", 0x3000))
    assert list(block.rows()) == [
        VirtualPageRow(START + 0x1000, 0x8000),
        VirtualPageRow(START + 0x2000, None, None, None, "/bin/sh", 0x5000),
        VirtualPageRow(START + 0x3000, None, "/swap", 7),
    ]
    (block,) = page_blocks(fake(run).kernel, 1, area("", None))
    assert list(block.rows())[1] == VirtualPageRow(START + 0x2000, None)


def test_what_was_read_to_its_end_is_kept() -> None:
    made, asked = fake(), []

    def runs(mm: int, start: int, end: int) -> Iterator[Run]:
        asked.append(mm)
        yield Run(start, 4096, (0x8001,), [0x8000])
        if mm == 2:
            raise ReadError(0x5000, "page table")
        yield Run(start + 4096, 4096, (0,), [None])

    made.kernel.arch.tables.user_runs = runs  # type: ignore[method-assign]
    pages = UserPages(made.kernel)
    first = list(pages.blocks(1, START, START + 8192))
    assert [block.count for block in first] == [1, 1]
    assert list(pages.blocks(1, START, START + 8192)) == first
    assert asked == [1]
    for _ in range(2):
        with pytest.raises(ReadError):
            list(pages.blocks(2, START, START + 8192))
    assert asked == [1, 2, 2]


def test_a_large_area_is_not_kept() -> None:
    made = fake(Run(0, 1 << 30, (0,), [None]))
    pages = UserPages(made.kernel)
    assert len(list(pages.blocks(1, 0, 1 << 30))) == 4
    made.kernel.arch.tables.user_runs = lambda *asked: iter(())  # type: ignore[method-assign]
    assert list(pages.blocks(1, 0, 1 << 30)) == []


@pytest.mark.parametrize(("total_vm", "pages"), [(1, 1 << 16), (1 << 21, 1 << 21)])
def test_an_area_that_is_larger_than_all_is_not_gone_through(total_vm: int, pages: int) -> None:
    made = fake()
    made.write(0x9008, "Q", total_vm)
    asked: list[tuple[int, int]] = []

    def runs(mm: int, start: int, end: int) -> Iterator[Run]:
        asked.append((start, end))
        yield Run(start, end - start, (0,), [None])

    made.kernel.arch.tables.user_runs = runs  # type: ignore[method-assign]
    found: list[Block] = []
    with pytest.raises(WildArea, match=r"^area 400000 - 400000000000 is larger than all of its "):
        found.extend(UserPages(made.kernel).blocks(0x9000, START, 1 << 46))
    assert sum(block.count for block in found) == pages
    assert asked == [(START, START + pages * 4096)]
    whole = list(UserPages(made.kernel).blocks(0x9000, START, START + pages * 4096))
    assert sum(block.count for block in whole) == pages
