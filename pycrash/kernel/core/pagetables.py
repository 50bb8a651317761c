"""Page tables: from virtual addresses to physical ones, and what stands on the way.

`PageTables` is what every machine answers. `RadixTables` does it by walking tables of entries
level by level; a machine says what its levels are and what an entry means.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pycrash.errors import MissingFeature, ReadError
from pycrash.kernel.core.layout import member_offset

if TYPE_CHECKING:
    from pycrash.kernel.core.reader import Reader

#: Tables kept at hand, each a page, and entries that were asked for one by one.
_MOST_TABLES = 512
_MOST_ENTRIES = 1 << 18


class Level(NamedTuple):
    """One level of the tables: an entry covers `1 << shift` bytes, a table has `1 << bits`.

    `name` is crash's word for an entry ("PGD"), `what` the one for a table that cannot be read.
    """

    name: str
    shift: int
    bits: int
    what: str


class Entry(NamedTuple):
    """One entry met on the way down: "PGD", "P4D", "PUD", "PMD" or "PTE".

    `address` is where it lies, as crash shows it (physical on x86-64, virtual on arm64).
    `value` is what stands there, without the mark of encrypted memory.
    """

    level: str
    address: int
    value: int


class Translation(NamedTuple):
    """The way of one virtual address through the tables.

    `root` is the top table as crash names it: the virtual address the kernel has for it.
    `entries` are those met, the top one first; the last is the one that maps the page, or the
    first that is not there. `physical` is the physical address, None where nothing is mapped,
    and `size` the bytes of the page (4 KiB, 2 MiB, 1 GiB, ...), 0 where nothing is mapped.
    `heads` are the words under which crash shows, in place of entries, the root and then the
    values of the first entries: ("PGD DIRECTORY", "PAGE DIRECTORY") shows the root and the
    PGD, () shows all entries as such.
    """

    root: int
    entries: tuple[Entry, ...]
    physical: int | None
    size: int
    heads: tuple[str, ...] = ()

    @property
    def last(self) -> Entry:
        """The entry that decided. Its value is what a swap entry is told from."""
        return self.entries[-1]


class Run(NamedTuple):
    """Virtual memory that entries beside each other speak for, `size` bytes each from `address` on.

    `entries` are what stands there, and `places` where the memory of each begins, None where
    nothing is mapped: such an entry is 0, or a swap entry if `size` is one page.
    """

    address: int
    size: int
    entries: tuple[int, ...]
    places: list[int | None]


class SwapEntry(NamedTuple):
    """Where a page was swapped out to: the swap area's number, and the page in it."""

    type: int
    offset: int


class AddressRange(NamedTuple):
    """A part of the kernel's address space, from its first to its last address."""

    name: str
    first: int
    last: int


class PageTables(ABC):
    """The page tables of one kernel. `mm` is always the address of a struct mm_struct.

    `notes_zero_page` tells that crash says of kernel addresses too which are of the page of zeros.
    """

    notes_zero_page: bool = False

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @property
    @abstractmethod
    def kernel_base(self) -> int:
        """The lowest virtual address that is the kernel's."""

    @property
    @abstractmethod
    def user_top(self) -> int:
        """The first address behind user space."""

    @property
    def ranges(self) -> tuple[AddressRange, ...]:
        """What of the kernel's space the tables alone map: vmalloc, vmemmap, modules, ..."""
        return ()

    def is_mapped(self, address: int) -> bool:
        """Whether a kernel address lies where the tables alone say what is there.

        Anywhere else it is known by arithmetic (the direct map, the kernel's image).
        """
        return any(first <= address <= last for _, first, last in self.ranges)

    @abstractmethod
    def kernel_physical(self, address: int) -> int | None:
        """Where a kernel address is in physical memory, None where nothing is mapped.

        By arithmetic where that is enough, also where the kernel took pages out. Raises
        ReadError for a table that cannot be read.
        """

    @abstractmethod
    def user_physical(self, mm: int, address: int) -> int | None:
        """Where an address of a user space is in physical memory, or None. Raises ReadError."""

    def direct_address(self, physical: int) -> int:
        """The address in the direct map of a physical address, there or not."""
        raise MissingFeature("where the direct map lies is not known on this architecture")

    def kernel_walk(self, address: int) -> Translation:
        """The way of a kernel address through the kernel's tables. Raises ReadError."""
        raise MissingFeature("page tables are not available on this architecture")

    def user_walk(self, mm: int, address: int) -> Translation:
        """The way of an address through the tables of a user space. Raises ReadError."""
        raise MissingFeature("page tables are not available on this architecture")

    def kernel_runs(self, start: int, end: int) -> Iterator[Run]:
        """All addresses of mapped kernel memory from `start` up to `end`, as `user_runs`.

        Raises ReadError, MissingFeature.
        """
        raise MissingFeature("page tables are not available on this architecture")

    def user_runs(self, mm: int, start: int, end: int) -> Iterator[Run]:
        """All addresses from `start` up to `end` in order, the pages of both whole.

        Each table is read once. What no table covers is one entry. Raises ReadError.
        """
        raise MissingFeature("page tables are not available on this architecture")

    @property
    def direct_start(self) -> int:
        """Where the direct map begins."""
        return self.kernel_base

    @property
    def image_start(self) -> int | None:
        """Where the kernel's image may be at the lowest, if that is an area of its own, which
        goes up to `_end`."""
        return None

    def image_physical(self, address: int) -> int | None:
        """Where an address of the kernel's image is, by arithmetic that reads no memory; None
        for any other, and where that is not known."""
        return None

    def flags(self, entry: int) -> tuple[str, ...]:
        """The names of the flags of an entry, in crash's order."""
        raise MissingFeature("page tables are not available on this architecture")

    def is_present(self, entry: int) -> bool:
        """Whether the last entry of a way maps a page, one without access among them."""
        raise MissingFeature("page tables are not available on this architecture")

    def frame(self, entry: int) -> int:
        """The physical address in an entry that is present."""
        raise MissingFeature("page tables are not available on this architecture")

    def swap(self, entry: int) -> SwapEntry:
        """What an entry that is neither 0 nor present says."""
        raise MissingFeature("page tables are not available on this architecture")


class RadixTables(PageTables):
    """Tables of 64-bit entries, each table found by a physical address in the level above."""

    def __init__(self, kernel: Reader) -> None:
        super().__init__(kernel)
        self._tables: dict[tuple[int, int, bool], tuple[int, ...]] = {}
        self._single: dict[tuple[int, bool], int] = {}
        self._roots: dict[int, int] = {}

    #: Crash's words in place of the first entries; see `Translation.heads`.
    kernel_heads: tuple[str, ...] = ()
    user_heads: tuple[str, ...] = ()
    #: Whether crash shows entries by their addresses in the direct map, and not by physical ones.
    virtual_entries: bool = False

    @property
    @abstractmethod
    def levels(self) -> tuple[Level, ...]:
        """The levels, the top one first."""

    @property
    @abstractmethod
    def kernel_root(self) -> int | None:
        """The virtual address of the kernel's top table."""

    @abstractmethod
    def linear(self, address: int) -> int:
        """A physical address by arithmetic: of the kernel's image or of the direct map."""

    @abstractmethod
    def _is_there(self, entry: int, level: Level, user: bool) -> bool:
        """Whether an entry leads to a table or a page."""

    @abstractmethod
    def _is_page(self, entry: int, level: Level) -> bool:
        """Whether an entry that is there maps memory and leads to no table."""

    @property
    def _mark(self) -> int:
        """The bits of an entry that mark encrypted memory."""
        return 0

    def kernel_physical(self, address: int) -> int | None:
        if not self.is_mapped(address):
            return self.linear(address)
        root = self.kernel_root
        return None if root is None else self._physical(self.linear(root), address, False)

    def user_physical(self, mm: int, address: int) -> int | None:
        return self._physical(self.linear(self.user_root(mm)), address, True)

    def kernel_walk(self, address: int) -> Translation:
        root = self.kernel_root
        if root is None:
            raise MissingFeature("no symbol of the kernel's page table in this kernel")
        return self._walk(root, address, False, self.kernel_heads)

    def user_walk(self, mm: int, address: int) -> Translation:
        return self._walk(self.user_root(mm), address, True, self.user_heads)

    def kernel_runs(self, start: int, end: int) -> Iterator[Run]:
        root = self.kernel_root
        if root is None:
            raise MissingFeature("no symbol of the kernel's page table in this kernel")
        return self._runs(self.linear(root), start, end, False)

    def user_runs(self, mm: int, start: int, end: int) -> Iterator[Run]:
        root = self.linear(self.user_root(mm))
        return self._runs(root, start, min(end, self.user_top), True)

    def _runs(self, root: int, start: int, end: int, user: bool) -> Iterator[Run]:
        # Of a damaged area the borders may lie inside of pages: a run of none would never end.
        page = 1 << self.levels[-1].shift
        start, end = start & -page, end + page - 1 & -page
        while start < end:
            run = self._run(root, start, end, user)
            yield run
            start += run.size * len(run.entries)

    def user_root(self, mm: int) -> int:
        """The virtual address of a user space's top table (mm_struct.pgd). Raises ReadError."""
        root = self._roots.get(mm)
        if root is None:
            root = self._kernel.read_word(mm + self._pgd_offset, "mm_struct pgd")
            self._roots[mm] = root
        return root

    @cached_property
    def _pgd_offset(self) -> int:
        return member_offset(self._kernel.prog, "struct mm_struct", "pgd")

    def _physical(self, table: int, address: int, user: bool) -> int | None:
        for level in self.levels:
            entry = self._entries(table, level)[address >> level.shift & (1 << level.bits) - 1]
            if not self._is_there(entry, level, user):
                return None
            if self._is_page(entry, level):
                return self._page(entry, level) + (address & (1 << level.shift) - 1)
            table = self.frame(entry)
        return None

    def _walk(self, root: int, address: int, user: bool, heads: tuple[str, ...]) -> Translation:
        met: list[Entry] = []
        table = self.linear(root)
        shown = root if self.virtual_entries else table
        for level in self.levels:
            index = address >> level.shift & (1 << level.bits) - 1
            entry = self._entry(table, level, index)
            met.append(Entry(level.name, shown + 8 * index, entry))
            if not self._is_there(entry, level, user):
                break
            if self._is_page(entry, level):
                size = 1 << level.shift
                physical = self._page(entry, level) + (address & size - 1)
                return Translation(root, tuple(met), physical, size, heads)
            table = self.frame(entry)
            shown = self.direct_address(table) if self.virtual_entries else table
        return Translation(root, tuple(met), None, 0, heads)

    def _run(self, table: int, start: int, end: int, user: bool) -> Run:
        """The entries of one table from an address on, up to the end."""
        for level in self.levels[:-1]:
            size = 1 << level.shift
            entry = self._entries(table, level)[start >> level.shift & (1 << level.bits) - 1]
            behind = min(end, (start | size - 1) + 1)
            if not self._is_there(entry, level, user):
                return Run(start, behind - start, (entry,), [None])
            if self._is_page(entry, level):
                place = self._page(entry, level) + (start & size - 1)
                return Run(start, behind - start, (entry,), [place])
            table = self.frame(entry)
        level = self.levels[-1]
        size = 1 << level.shift
        first = start >> level.shift & (1 << level.bits) - 1
        some = self._entries(table, level)[first : first + (end - start) // size]
        return Run(start, size, some, self._places(some, level, user))

    def _places(self, entries: tuple[int, ...], level: Level, user: bool) -> list[int | None]:
        """Where the pages of entries of the lowest level begin, None where there is none."""
        return [
            self._page(entry, level) if self._is_there(entry, level, user) else None
            for entry in entries
        ]

    def _page(self, entry: int, level: Level) -> int:
        """Where the memory begins that an entry maps."""
        return self.frame(entry) & -(1 << level.shift)

    def _entry(self, table: int, level: Level, index: int) -> int:
        """One entry of a table, without the others. Raises ReadError."""
        memory = self._kernel.memory
        key = table + 8 * index, memory.zero_excluded
        entry = self._single.get(key)
        if entry is None:
            try:
                data = memory.read_physical(key[0], 8, level.what)
            except ReadError:
                # It is said of the table.
                return self._entries(table, level)[index]
            entry = self._kernel.unsigned(data) & ~self._mark
            if len(self._single) >= _MOST_ENTRIES:
                self._single.clear()
            self._single[key] = entry
        return entry

    def _entries(self, table: int, level: Level) -> tuple[int, ...]:
        """The entries of a table by its physical address, read once. Raises ReadError."""
        memory = self._kernel.memory
        # A table left out of the dump may read as zeros for a while.
        key = table, level.bits, memory.zero_excluded
        try:
            return self._tables[key]
        except KeyError:
            count = 1 << level.bits
            data = memory.read_physical(table, 8 * count, level.what)
            entries = struct.unpack(f"{self._kernel.byte_order}{count}Q", data)
            if self._mark:
                entries = tuple(entry & ~self._mark for entry in entries)
            if len(self._tables) >= _MOST_TABLES:
                self._tables.clear()
            self._tables[key] = entries
            return entries
