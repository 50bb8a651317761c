"""What cached pages hold, within the size of their file."""

from __future__ import annotations

from types import SimpleNamespace

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.mm.filecontent import FileContent
from pycrash.kernel.mm.folios import Folios
from pycrash.kernel.mm.pages import Page, Pages
from pycrash.kernel.vfs.inodes import Inode
from pycrash.kernel.vfs.pagecache import PageCache
from tests.kernel.fake_kernel import FakeKernel

#: struct pages by address: (physical, place in the file in pages, pages of the folio).
PAGES = {0x100: (0x10000, 1, 1), 0x140: (0x20000, 2, 2), 0x180: (0x40000, 9, 1)}


def content(size: int, entries: list[int]) -> tuple[list[tuple[int, bytes]], list[str]]:
    fake = FakeKernel()
    by_physical = {physical: (at, place) for at, (physical, place, _) in PAGES.items()}

    def get(physical: int) -> Page:
        at, place = by_physical[physical]
        return Page(at, physical, 0, place, 1, 0)

    def read(address: int, size: int, what: str) -> bytes:
        if address == 0x21000:
            raise ReadError(address, what, "page excluded", "physical address")
        return bytes([address >> 16]) * size

    physical = {at: place for at, (place, _, _) in PAGES.items()}
    fake.give(Pages, SimpleNamespace(physical=physical.get, get=get))
    fake.give(Folios, SimpleNamespace(pages=lambda page: PAGES[page.address][2]))
    fake.give(PageCache, SimpleNamespace(entries=lambda mapping: iter(entries)))
    fake.give(Memory, SimpleNamespace(read_physical=read))
    problems: list[CrashError] = []
    inode = Inode(0x5000, 0o100644, 0, 0x6000, 1, size, 1)
    found = list(fake.kernel.part(FileContent).pieces(inode, problems.append))
    return found, [str(error) for error in problems]


def test_pages_and_what_is_missing_of_them() -> None:
    found, problems = content(100 * 4096, [0x100, 0x140, 0x180])
    assert [(at, data[:1], len(data)) for at, data in found] == [
        (4096, b"\1", 4096),
        (8192, b"\2", 4096),
        (9 * 4096, b"\4", 4096),
    ]
    assert len(problems) == 1
    assert "21000" in problems[0]


def test_the_end_of_the_file_and_entries_that_are_none() -> None:
    found, problems = content(2 * 4096 + 10, [0x100, 0, 0x140, 0x999, 0x180])
    assert [(at, len(data)) for at, data in found] == [(4096, 4096), (8192, 10)]
    assert len(problems) == 1
    assert "page cache entry" in problems[0]
