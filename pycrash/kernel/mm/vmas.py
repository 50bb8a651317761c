"""Address spaces (struct mm_struct) and the areas they are made of (struct vm_area_struct)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, find_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.walks.lists import Chain, entries
from pycrash.kernel.walks.maple import MapleTrees

VM_READ, VM_WRITE, VM_EXEC, VM_SHARED = 1, 2, 4, 8
VM_PFNMAP, VM_IO, VM_HUGETLB, VM_DONTDUMP = 0x400, 0x4000, 0x400000, 0x4000000
#: crash's names of the flags by their bits, in its order; some of the bits mean something else
#: to newer kernels.
_FLAGS = (
    *((0, "READ"), (1, "WRITE"), (2, "EXEC"), (3, "SHARED"), (4, "MAYREAD"), (5, "MAYWRITE")),
    *((6, "MAYEXEC"), (7, "MAYSHARE"), (8, "GROWSDOWN"), (9, "NOHUGEPAGE"), (10, "PFNMAP")),
    *((11, "DENYWRITE"), (12, "EXECUTABLE"), (13, "LOCKED"), (14, "IO"), (15, "SEQ_READ")),
    *((16, "RAND_READ"), (17, "DONTCOPY"), (18, "DONTEXPAND"), (19, "RESERVED")),
    *((22, "HUGETLB"), (20, "ACCOUNT"), (23, "NONLINEAR"), (24, "MAPPED_COPY")),
    *((25, "INSERTPAGE"), (26, "ALWAYSDUMP"), (27, "CAN_NONLINEAR"), (28, "MIXEDMAP")),
    *((29, "SAO"), (30, "PFN_AT_MMAP"), (31, "MERGEABLE")),
)
_WHAT = "fill_vma_cache"
#: Pages of areas kept at hand: many areas lie in one.
_MOST_PAGES = 4096


class Vma(NamedTuple):
    """One area: `start` up to `end`, `offset` the bytes of `file` (a struct file, 0 without)
    before it."""

    address: int
    start: int
    end: int
    flags: int
    file: int
    offset: int
    mm: int

    @property
    def permissions(self) -> str:
        """As /proc/PID/maps has them: "r-xp", "rw-s"."""
        flags = self.flags
        bits = ((VM_READ, "r"), (VM_WRITE, "w"), (VM_EXEC, "x"))
        access = "".join(name if flags & bit else "-" for bit, name in bits)
        return access + ("s" if flags & VM_SHARED else "p")


class Spots(NamedTuple):
    """Addresses in a user space by which areas without a file are named."""

    start_brk: int
    brk: int
    start_stack: int
    vdso: int | None


class Vmas:
    """The areas of address spaces. `mm` is always the address of a struct mm_struct."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._pages: dict[int, bytes] = {}
        self._spots: dict[int, Spots] = {}

    def of(self, mm: int) -> Iterator[Vma]:
        """The areas by rising address. Raises ReadError, CrashError where the tree is damaged."""
        return map(self.get, self.addresses(mm))

    def get(self, address: int) -> Vma:
        """The area of a struct vm_area_struct. Raises ReadError."""
        layout = self._layout
        page, place = divmod(address + layout.start, self._kernel.page_size)
        data = self._pages.get(page) or self._page(page)
        if place + layout.size > len(data):
            place, data = 0, self._kernel.read(address + layout.start, layout.size, _WHAT)
        start, end, flags, file, pages, mm = layout.unpack(data, place)
        return Vma(address, start, end, flags, file, pages * self._kernel.page_size, mm)

    def users(self, mm: int) -> int:
        """How many hold an address space (mm_struct.mm_count). Raises ReadError."""
        place = find_member(self._kernel.prog, "struct mm_struct", "mm_count")
        if place is None:
            raise MissingFeature("no struct mm_struct.mm_count in this kernel")
        what = "mm_struct mm_count"
        return self._kernel.unsigned(self._kernel.read(mm + place.offset, place.size, what))

    def name(self, vma: Vma) -> str:
        """What /proc/PID/maps calls an area without a file: "[heap]", "[stack]", "[vdso]", or
        empty. Raises ReadError."""
        spots = self._spots_of(vma.mm)
        if vma.start <= spots.brk and vma.end >= spots.start_brk:
            return "[heap]"
        if vma.start <= spots.start_stack < vma.end:
            return "[stack]"
        return "[vdso]" if vma.start == spots.vdso else ""

    def is_special(self, area: Vma) -> bool:
        """Whether an area is one that the kernel itself maps: the vDSO, and its data."""
        if self._special is None:
            return False
        where = area.address + member_offset(self._kernel.prog, "struct vm_area_struct", "vm_ops")
        return self._kernel.read_word(where, "vm_area_struct vm_ops") == self._special

    def flag_names(self, flags: int) -> tuple[str, ...]:
        """crash's names of the flags of an area."""
        return tuple(name for bit, name in self._flags if flags >> bit & 1)

    @cached_property
    def _flags(self) -> tuple[tuple[int, str], ...]:
        kernel, names = self._kernel, dict(_FLAGS)
        if kernel.symbol_address("expand_upwards") is not None:
            names[9] = "GROWSUP"
        if kernel.has_member("struct mm_struct", "pmd_huge_pte"):
            names[24] = "HUGEPAGE"
        return tuple(names.items())

    def addresses(self, mm: int) -> Iterator[int]:
        """The vm_area_structs, in the order of their areas. Raises as `of`."""
        kernel = self._kernel
        if self._list_at is None:
            # Since 6.1 a maple tree; values below a page are marks of its own.
            yield from self._trees.values(mm + self._tree_at, least=kernel.page_size)
            return
        first = kernel.read_word(mm + self._list_at, "mm_struct mmap")
        yield from entries(kernel, Chain(first, link=self._next_at), "vm_area_struct")

    def _spots_of(self, mm: int) -> Spots:
        found = self._spots.get(mm)
        if found is None:
            layout = self._in_mm
            data = self._kernel.read(mm + layout.start, layout.size, "fill_mm_struct")
            found = self._spots[mm] = Spots(*layout.unpack(data))
        return found

    def _page(self, number: int) -> bytes:
        """The page that areas lie in; nothing where it is not whole in the dump."""
        if len(self._pages) >= _MOST_PAGES:
            self._pages.clear()
        size = self._kernel.page_size
        try:
            data = self._kernel.read(number * size, size, _WHAT)
        except ReadError:
            data = b""
        self._pages[number] = data
        return data

    @cached_property
    def _special(self) -> int | None:
        return self._kernel.symbol_address("special_mapping_vmops")

    @cached_property
    def _list_at(self) -> int | None:
        place = find_member(self._kernel.prog, "struct mm_struct", "mmap")
        return None if place is None else place.offset

    @cached_property
    def _tree_at(self) -> int:
        return member_offset(self._kernel.prog, "struct mm_struct", "mm_mt")

    @cached_property
    def _next_at(self) -> int:
        return member_offset(self._kernel.prog, "struct vm_area_struct", "vm_next")

    @cached_property
    def _in_mm(self) -> Layout:
        fields = ("start_brk", "brk", "start_stack", "context.vdso")
        return Layout(self._kernel.prog, "struct mm_struct", fields, optional=("context.vdso",))

    @cached_property
    def _trees(self) -> MapleTrees:
        return MapleTrees(self._kernel)

    @cached_property
    def _layout(self) -> Layout:
        fields = ("vm_start", "vm_end", "vm_flags", "vm_file", "vm_pgoff", "vm_mm")
        return Layout(self._kernel.prog, "struct vm_area_struct", fields)
