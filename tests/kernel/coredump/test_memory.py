"""The memory of a user space, of page tables and caches made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pycrash.errors import ReadError
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.core.pagetables import Run, SwapEntry
from pycrash.kernel.coredump.memory import Piece, UserMemory
from pycrash.kernel.mm.folios import Folios
from pycrash.kernel.mm.pages import Pages
from pycrash.kernel.mm.vmas import VM_HUGETLB, Vma, Vmas
from pycrash.kernel.vfs.files import Files
from pycrash.kernel.vfs.pagecache import PageCache
from tests.kernel.fake_kernel import FakeKernel

PAGE, MM, START = 4096, 0x2000, 0x400000
#: Physical memory that the dump has: frame to the letter that fills it.
THERE = {0x10: b"a", 0x11: b"b", 0x12: b"c", 0x30: b"k", 0x40: b"v"}
IMAGE = 0xFFFFFFFF82000000


class Space(FakeKernel):
    """A user space of one table; `entries` are those of its pages, a frame or a swap entry."""

    def __init__(self, *entries: int) -> None:
        super().__init__()
        self.entries = entries
        self.cached: list[tuple[int, int]] = []
        self.broken = False
        memory = SimpleNamespace(read_physical=self.physical_page, zero_excluded=False)
        self.give(Memory, memory)
        self.give(Files, SimpleNamespace(open_file=lambda at: SimpleNamespace(mapping=at + 1)))
        self.give(PageCache, SimpleNamespace(placed=self.placed))
        self.give(Pages, SimpleNamespace(physical=lambda at: at * PAGE, get=lambda at: at))
        self.give(Folios, SimpleNamespace(pages=lambda at: 2 if at == 0x11 * PAGE else 1))
        self.give(Vmas, SimpleNamespace(is_special=lambda area: area.flags == 4, name=self.name))
        self.kernel.arch.__dict__["tables"] = SimpleNamespace(
            user_runs=self.runs,
            swap=lambda entry: SwapEntry(0, entry),
            kernel_physical=lambda at: at - IMAGE + 0x40 * PAGE,
        )

    def name(self, area: Vma) -> str:
        return "[vdso]"

    def physical_page(self, at: int, size: int, what: str) -> bytes:
        frames = range(at // PAGE, (at + size) // PAGE)
        gone = next((frame for frame in frames if frame not in THERE), None)
        if gone is not None:
            raise ReadError(gone * PAGE, what, "page excluded", "physical address")
        return b"".join(THERE[frame] * PAGE for frame in frames)

    def placed(self, mapping: int, problem: Any) -> Iterator[tuple[int, int]]:
        assert mapping == 0x5001
        return iter(self.cached)

    def runs(self, mm: int, start: int, end: int) -> Iterator[Run]:
        assert mm == MM
        count = (end - start) // PAGE
        entries = self.entries[:count]
        places = [entry * PAGE if entry >= 0x10 else None for entry in entries]
        yield Run(start, PAGE, entries, places)
        if self.broken:
            raise ReadError(0x9000, "page table")

    def pieces(self, file: int = 0, flags: int = 0, offset: int = 0) -> list[Piece]:
        size = len(self.entries) * PAGE + (PAGE if self.broken else 0)
        area = Vma(0x1, START, START + size, flags, file, offset, MM)
        return list(self.kernel.part(UserMemory).pieces(area, size))


def told(pieces: list[Piece]) -> list[tuple[int, int, Any]]:
    """Each piece: its first page in the area, its pages, and what it is."""
    return [
        (
            (piece.address - START) // PAGE,
            piece.size // PAGE,
            piece.data[::PAGE].decode() if piece.data is not None else piece.absent,
        )
        for piece in pieces
    ]


def test_pages_beside_each_other_are_read_at_once() -> None:
    assert told(Space(0x10, 0x11, 0x12, 0x10).pieces()) == [(0, 3, "abc"), (3, 1, "a")]


def test_untouched_pages_are_zeros_and_swapped_ones_are_missing() -> None:
    found = told(Space(0, 0, 0x10, 5, 6, 0).pieces())
    assert found == [(0, 2, None), (2, 1, "a"), (3, 2, "swapped"), (5, 1, None)]


def test_a_page_that_was_left_out_is_the_only_one_missing() -> None:
    found = Space(0x12, 0x13, 0x10).pieces()
    assert told(found) == [(0, 1, "c"), (1, 1, "excluded"), (2, 1, "a")]
    assert found[1].error is not None
    assert found[1].error.address == 0x13000


def test_what_no_table_has_is_looked_for_among_the_files_cached_pages() -> None:
    space = Space(0, 0x30, 0, 0, 0)
    # The first page of the area is the third of the file; a folio of two pages begins there.
    space.cached = [(0, 0x12), (2, 0x11), (6, 0x10)]
    found = told(space.pieces(file=0x5000, offset=2 * PAGE))
    assert found == [(0, 1, "b"), (1, 1, "k"), (2, 2, "not cached"), (4, 1, "a")]


def test_the_second_page_of_a_folio() -> None:
    space = Space(0, 0)
    space.cached = [(2, 0x11)]
    assert told(space.pieces(file=0x5000, offset=3 * PAGE))[0] == (0, 1, "c")


def test_a_file_of_which_nothing_is_cached() -> None:
    assert told(Space(0, 0, 0).pieces(file=0x5000)) == [(0, 3, "not cached")]


def test_the_cache_of_huge_pages_is_not_asked() -> None:
    space = Space(0)
    space.cached = [(0, 0x10)]
    assert told(space.pieces(file=0x5000, flags=VM_HUGETLB)) == [(0, 1, "not cached")]


def test_the_vdso_is_a_part_of_the_kernel() -> None:
    space = Space(0, 0)
    space.symbol("vdso_start", IMAGE)
    space.symbol("vdso_end", IMAGE + PAGE)
    assert told(space.pieces(flags=4)) == [(0, 1, "v"), (1, 1, "not cached")]


def test_the_vdso_of_x86() -> None:
    space = Space(0)
    space.struct("vdso_image", 16, data=(0, "P"), size=(8, "Q"))
    space.symbol("vdso_image_64", 0xFFFFFFFF83000000)
    space.write(0xFFFFFFFF83000000, "QQ", IMAGE, PAGE)
    assert told(space.pieces(flags=4)) == [(0, 1, "v")]


def test_a_broken_table_ends_what_is_known() -> None:
    space = Space(0x10)
    space.broken = True
    found = space.pieces()
    assert told(found) == [(0, 1, "a"), (1, 1, "no page table")]
    assert found[1].error is not None


@pytest.mark.parametrize("count", [300, 256, 513])
def test_large_runs_are_read_in_parts(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setitem(globals(), "THERE", dict.fromkeys(range(1000), b"x"))
    found = Space(*range(0x10, 0x10 + count)).pieces()
    assert max(piece.size for piece in found) == 256 * PAGE
    assert sum(piece.size for piece in found) == count * PAGE
