"""Page table entries, and the kernel's records of pages, as rows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.api.fields import Address, Bits, Hidden
from pycrash.api.rows import Begin, Bundle, Notice, Row, quick
from pycrash.errors import CrashError, ReadError
from pycrash.kernel.mm.pagearray import PageArray, PagePiece
from pycrash.kernel.mm.pages import Pages
from pycrash.kernel.mm.swap import SwapAreas

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


@dataclass(frozen=True)
class PteRow(Row, kind="pte"):
    """A page table entry. Of a page that is in memory it has its physical address and its flags;
    of one that was swapped out the area, empty where it is of none, and the page in it."""

    value: Bits
    physical: Address | None
    flags: tuple[str, ...]
    swap: str | None = None
    swap_offset: int | None = None


def pte_row(kernel: Kernel, value: int) -> PteRow:
    """What an entry says."""
    tables = kernel.arch.tables
    if tables.is_present(value) or not value:
        return PteRow(value, tables.frame(value), tables.flags(value))
    entry = tables.swap(value)
    return PteRow(value, None, (), kernel.part(SwapAreas).place(entry), entry.offset)


@dataclass(frozen=True)
class PageHeading(Begin):
    """A list of pages begins. `digits` is the width of their physical addresses."""

    digits: int


@quick
@dataclass(frozen=True)
class PageRow(Row, kind="page"):
    """The kernel's record of a page of physical memory: `page` is the struct page, `mapping` its
    owner with marks in the low bits, `count` the references to it."""

    page: Address
    physical: Address
    mapping: Address
    index: Bits
    count: int
    flags: Bits
    flag_names: tuple[str, ...]
    digits: Hidden[int]


@dataclass(frozen=True)
class PageColumns(Bundle):
    """The records of successive pages: of all of them there are many millions."""

    piece: PagePiece
    flag_names: Callable[[int], tuple[str, ...]]
    digits: int

    def rows(self) -> Iterator[Row]:
        names: dict[int, tuple[str, ...]] = {}
        for page in self.piece.pages():
            found = names.get(page.flags)
            if found is None:
                found = names[page.flags] = self.flag_names(page.flags)
            yield PageRow(*page, found, self.digits)


def every_page(kernel: Kernel) -> Iterator[Row]:
    """The records of all pages, behind their heading. Raises ReadError."""
    names, digits = kernel.part(Pages).flag_names, physical_digits(kernel)
    yield PageHeading(digits)
    for piece in kernel.part(PageArray).pieces():
        yield PageColumns(piece, names, digits)


def has_page(kernel: Kernel, physical: int) -> Generator[Notice, None, bool]:
    """Whether the kernel has a record of a page, with crash's word of an address beyond all the
    memory there could be. Raises ReadError."""
    try:
        return kernel.part(Pages).address(physical) is not None
    except ReadError:
        raise
    except CrashError as error:
        yield Notice(str(error), "WARNING")
    return False


def page_row(kernel: Kernel, physical: int) -> PageRow:
    """The record of the page that a physical address lies in. Raises ReadError."""
    pages = kernel.part(Pages)
    page = pages.get(physical)
    return PageRow(*page, pages.flag_names(page.flags), physical_digits(kernel))


def physical_digits(kernel: Kernel) -> int:
    """The width of physical addresses in columns: what the amount of memory needs."""
    return max(len(f"{kernel.system.memory:x}"), len("PHYSICAL"))
