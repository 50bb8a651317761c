"""Pages of user spaces, many at a time, and as rows."""

from __future__ import annotations

from types import SimpleNamespace

from pycrash.api.vmrows import VirtualPageRow, VmaRow, page_blocks
from pycrash.kernel.core.pagetables import Run, SwapEntry
from pycrash.kernel.mm.swap import SwapAreas
from pycrash.kernel.mm.userpages import Block, blocks
from tests.kernel.fake_kernel import FakeKernel

START, LARGE = 0x400000, 1 << 21


def fake(*runs: Run) -> FakeKernel:
    made = FakeKernel()
    tables = SimpleNamespace(
        user_runs=lambda mm, start, end: iter(runs), swap=lambda entry: SwapEntry(0, entry >> 8)
    )
    made.kernel.arch.__dict__["tables"] = tables
    made.give(SwapAreas, SimpleNamespace(place=lambda entry: "/swap"))
    return made


def area(path: str, offset: int | None) -> VmaRow:
    return VmaRow(0x1000, START, START + LARGE, 0, "r--p", "", path, None, offset)


def test_pages_that_entries_speak_for_one_by_one() -> None:
    run = Run(START, 4096, (0x8001, 0, 0x700), [0x8000, None, None])
    (block,) = blocks(fake(run).kernel, 1, START, START + LARGE)
    assert block == Block(START, 3, [0x8000, None, None], {2: SwapEntry(0, 7)})


def test_where_all_are_in_memory_none_is_swapped_out() -> None:
    run = Run(START, 4096, (0x8001, 0x9001), [0x8000, 0x9000])
    (block,) = blocks(fake(run).kernel, 1, START, START + LARGE)
    assert block.swapped == {}


def test_large_pages_are_many_small_ones() -> None:
    (block,) = blocks(fake(Run(START, LARGE, (1,), [0xA00000])).kernel, 1, START, START + LARGE)
    assert (block.count, len(block.places)) == (512, 512)
    assert (block.places[0], block.places[511]) == (0xA00000, 0xBFF000)


def test_what_no_table_covers_comes_in_parts() -> None:
    found = list(blocks(fake(Run(0, 1 << 30, (0,), [None])).kernel, 1, 0, 1 << 30))
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
