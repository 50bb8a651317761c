"""The areas of user spaces, and their pages, as rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.api.fields import Address, Bits, Bytes, KiB
from pycrash.api.rows import Begin, Bundle, Row, quick
from pycrash.errors import CrashError
from pycrash.kernel.mm.swap import SwapAreas
from pycrash.kernel.mm.userpages import Block, UserPages
from pycrash.kernel.mm.vmas import Vma, Vmas
from pycrash.kernel.vfs.files import Files

if TYPE_CHECKING:
    from pycrash.kernel.core.reader import Reader
    from pycrash.kernel.kernel import Kernel

#: Address spaces whose areas are kept at hand.
_MOST_LISTS = 1 << 15


@dataclass(frozen=True)
class MmRow(Row, kind="vm.mm"):
    """The user space of a task: `mm` is its mm_struct, `pgd` its top page table, `rss` what of
    it is in memory and `vsz` its size. All is 0 of a task without one."""

    mm: Address
    pgd: Address
    rss: KiB
    vsz: KiB


@quick
@dataclass(frozen=True)
class VmaRow(Row, kind="vm.vma"):
    """An area of a user space, `start` up to `end`. `address` is its vm_area_struct and
    `permissions` as in /proc/PID/maps ("r-xp").

    `path` is the file that is mapped, `file` its struct file, and `offset` where in it the area
    begins. `name` is "[heap]", "[stack]" or "[vdso]" where it is one of these without a file.
    """

    address: Address
    start: Address
    end: Address
    flags: Bits
    permissions: str
    name: str
    path: str
    file: Address | None
    offset: Bytes | None


@quick
@dataclass(frozen=True)
class VirtualPageRow(Row, kind="vm.page"):
    """A page of an area: where it is in memory, or in a swap area (the page in it, and the
    area's file, empty where there is none such), or in a file; nowhere if all are None."""

    address: Address
    physical: Address | None
    swap: str | None = None
    swap_offset: int | None = None
    path: str | None = None
    offset: Bytes | None = None


@dataclass(frozen=True)
class PageBlock(Bundle):
    """Pages beside each other, `size` bytes each, of an area with this file at `offset`: None
    where it has none. `swapped` has the swap file and the page in it of each, by its number."""

    block: Block
    size: int
    swapped: dict[int, tuple[str, int]]
    path: str | None
    offset: int | None

    def rows(self) -> Iterator[VirtualPageRow]:
        return map(self.row, range(self.block.count))

    def row(self, number: int) -> VirtualPageRow:
        """One of the pages."""
        block, away = self.block, number * self.size
        at = block.address + away
        if block.places and block.places[number] is not None:
            return VirtualPageRow(at, block.places[number])
        if number in self.swapped:
            return VirtualPageRow(at, None, *self.swapped[number])
        if self.offset is None:
            return VirtualPageRow(at, None)
        return VirtualPageRow(at, None, None, None, self.path, self.offset + away)


def page_blocks(kernel: Kernel, mm: int, area: VmaRow) -> Iterator[PageBlock]:
    """The pages of an area of the user space of an mm_struct. Raises ReadError."""
    size, place = kernel.page_size, kernel.part(SwapAreas).place
    path = area.path or None
    for block in kernel.part(UserPages).blocks(mm, area.start, area.end):
        swapped = {at: (place(entry), entry.offset) for at, entry in block.swapped.items()}
        offset = None
        if path is not None and area.offset is not None:
            offset = area.offset + block.address - area.start
        yield PageBlock(block, size, swapped, path, offset)


@dataclass(frozen=True)
class PagesBegin(Begin):
    """The pages of an area follow. `digits` is the width of physical addresses."""

    digits: int


@dataclass(frozen=True)
class NoArea(Begin):
    """There is no such area."""


@dataclass(frozen=True)
class ByPages(Begin):
    """The area that follows is shown for its pages alone."""


@dataclass(frozen=True)
class FlagsRow(Row, kind="vm.flags"):
    """The flags of an area and crash's names of them."""

    flags: Bits
    flag_names: tuple[str, ...]


@dataclass(frozen=True)
class AreaList(Bundle):
    """The areas of a user space, with the file of each as `path` has it; all of them, or those
    before the failure."""

    areas: tuple[tuple[Vma, str], ...]
    vmas: Vmas
    failure: CrashError | None = None

    def rows(self) -> Iterator[VmaRow]:
        return (_row(self.vmas, vma, path) for vma, path in self.areas)


def _row(vmas: Vmas, vma: Vma, path: str) -> VmaRow:
    if not vma.file:
        return VmaRow(*vma[:4], vma.permissions, vmas.name(vma), "", None, None)
    return VmaRow(*vma[:4], vma.permissions, "", path, vma.file, vma.offset)


class AreaLists:
    """Areas with the names of their files, each address space looked at once."""

    def __init__(self, kernel: Reader) -> None:
        self._vmas = kernel.part(Vmas)
        self._files = kernel.part(Files)
        self._known: dict[int, AreaList] = {}

    def row(self, vma: Vma) -> VmaRow:
        """The row of an area. Raises ReadError where its file cannot be read."""
        return _row(self._vmas, vma, self._path(vma))

    def at(self, mm: int, address: int) -> VmaRow | None:
        """The area that an address of a user space lies in, if any. Raises CrashError."""
        found = self.of(mm)
        for vma, path in found.areas:
            if vma.start <= address < vma.end:
                return _row(self._vmas, vma, path)
        if found.failure is not None:
            raise found.failure
        return None

    def of(self, mm: int) -> AreaList:
        """The areas of the user space of a struct mm_struct."""
        found = self._known.get(mm)
        if found is None:
            found = self._read(mm)
            if found.failure is None:
                if len(self._known) >= _MOST_LISTS:
                    self._known.clear()
                self._known[mm] = found
        return found

    def _read(self, mm: int) -> AreaList:
        areas: list[tuple[Vma, str]] = []
        try:
            for vma in self._vmas.of(mm):
                areas.append((vma, self._path(vma)))
        except CrashError as error:
            return AreaList(tuple(areas), self._vmas, error)
        return AreaList(tuple(areas), self._vmas)

    def _path(self, vma: Vma) -> str:
        return self._files.path(self._files.get(vma.file)) if vma.file else ""
