"""Virtual addresses to physical ones.

On x86-64 it is done as crash does it: the direct map and the kernel's own text by arithmetic,
also where the kernel took pages out of them, and the rest by the page tables. For other
machines drgn follows the page tables.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import drgn

from pycrash.errors import MissingFeature

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

START_KERNEL_MAP = 0xFFFFFFFF80000000
MODULES_END = 0xFFFFFFFFFF000000
VSYSCALL = (0xFFFFFFFFFF600000, 0xFFFFFFFFFF600FFF)
CPU_ENTRY_AREA = (0xFFFFFE0000000000, 0xFFFFFE7FFFFFFFFF)
TERABYTE = 1 << 40

PRESENT, HUGE, PROTNONE = 0x1, 0x80, 0x100
#: Address bits of an entry; memory encryption keeps a mark among them.
ENTRY_ADDRESS = ((1 << 52) - 1) & ~0xFFF
#: What crash calls the table whose entries each cover 2 to this power of bytes.
TABLES = {48: "pgd page", 39: "p4d page", 30: "pud page", 21: "pmd page", 12: "page table"}


class PageTables:
    """Translation as drgn's helpers do it, for any machine they know."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    @cached_property
    def kernel_base(self) -> int:
        """The lowest virtual address that is the kernel's."""
        platform = self._kernel.prog.platform
        arch = platform.arch if platform is not None else drgn.Architecture.UNKNOWN
        if arch in (drgn.Architecture.S390, drgn.Architecture.S390X):
            return 0
        if arch == drgn.Architecture.PPC64:
            return 0xC000000000000000
        return 0xFFF0000000000000 if self._kernel.word_size == 8 else 0xC0000000

    @cached_property
    def user_top(self) -> int:
        """The first address behind user space."""
        return self.kernel_base or self._kernel.word_mask + 1

    def kernel_physical(self, address: int) -> int | None:
        """Where a kernel address is in physical memory, None where nothing is mapped."""
        return self._follow(self._kernel.prog["init_mm"].address_of_(), address)

    def user_physical(self, mm: int, address: int) -> int | None:
        """Where an address of a user space (the address of its mm_struct) is, or None."""
        return self._follow(drgn.Object(self._kernel.prog, "struct mm_struct *", mm), address)

    def _follow(self, mm: drgn.Object, address: int) -> int | None:
        from drgn.helpers.linux.mm import follow_phys

        try:
            return int(follow_phys(mm, address).value_())
        except (drgn.FaultError, LookupError, NotImplementedError):
            return None


class X86PageTables(PageTables):
    """Translation on x86-64."""

    @cached_property
    def kernel_base(self) -> int:
        base = self._base("page_offset_base")
        if base is not None:
            return base
        # 4.20 (and 4.14.84, 4.19.5) moved the direct map to make room for the LDT.
        moved = self._own_symbol("pti_init") is not None
        if self._five_levels:
            return 0xFF11000000000000 if moved else 0xFF10000000000000
        return 0xFFFF888000000000 if moved else 0xFFFF880000000000

    @cached_property
    def user_top(self) -> int:
        return 1 << 56 if self._five_levels else 1 << 47

    def kernel_physical(self, address: int) -> int | None:
        if not self._is_mapped(address):
            if address >= START_KERNEL_MAP:
                return (address - START_KERNEL_MAP + self._physical_base) & self._kernel.word_mask
            return address - self.kernel_base
        table = self._kernel_table
        return self._walk(table, address, PRESENT) if table is not None else None

    def user_physical(self, mm: int, address: int) -> int | None:
        kernel = self._kernel
        offset = drgn.offsetof(kernel.prog.type("struct mm_struct"), "pgd")
        table = kernel.read_word(mm + offset, "mm_struct pgd")
        return self._walk(self._linear(table), address, PRESENT | PROTNONE)

    def _linear(self, address: int) -> int:
        if address >= START_KERNEL_MAP:
            return address - START_KERNEL_MAP + self._physical_base
        return address - self.kernel_base

    @cached_property
    def _ranges(self) -> list[tuple[int, int]]:
        """First and last addresses of what is mapped by page tables alone."""
        five = self._five_levels
        start = self._base("vmalloc_base")
        if start is not None:
            end = start + (1280 if five else 32) * TERABYTE - 1
            memmap = self._base("vmemmap_base") or 0xFFFFEA0000000000
            memmap_end = memmap + TERABYTE - 1
        elif five:
            start, end = 0xFFA0000000000000, 0xFFD1FFFFFFFFFFFF
            memmap, memmap_end = 0xFFD4000000000000, 0xFFD5FFFFFFFFFFFF
        else:
            start, end = 0xFFFFC90000000000, 0xFFFFE8FFFFFFFFFF
            memmap, memmap_end = 0xFFFFEA0000000000, 0xFFFFEAFFFFFFFFFF
        modules = START_KERNEL_MAP + self._image_size
        found = [(start, end), (memmap, memmap_end), (modules, MODULES_END), VSYSCALL]
        if five:
            found.append((end + 1, memmap - 1))
        if self._kernel.has_type("struct cpu_entry_area"):
            found.append(CPU_ENTRY_AREA)
        return found

    def _is_mapped(self, address: int) -> bool:
        return any(first <= address <= last for first, last in self._ranges)

    @cached_property
    def _image_size(self) -> int:
        """Bytes kept for the kernel's image; modules lie behind."""
        try:
            return self._kernel.vmcoreinfo.number("KERNEL_IMAGE_SIZE")
        except MissingFeature:
            return 1 << 30 if self._kernel.symbols.kernel_symbols.bias else 512 << 20

    @cached_property
    def _physical_base(self) -> int:
        try:
            return self._kernel.vmcoreinfo.number("phys_base")
        except MissingFeature:
            return 0

    @cached_property
    def _five_levels(self) -> bool:
        try:
            return bool(self._kernel.vmcoreinfo.number("pgtable_l5_enabled"))
        except MissingFeature:
            return False

    @cached_property
    def _encryption(self) -> int:
        try:
            return self._kernel.vmcoreinfo.number("sme_mask")
        except MissingFeature:
            return 0

    @cached_property
    def _kernel_table(self) -> int | None:
        """The physical address of the kernel's top page table."""
        # Renamed in 4.13.
        for name in ("init_top_pgt", "init_level4_pgt"):
            address = self._own_symbol(name)
            if address is not None:
                return self._linear(address)
        return None

    def _base(self, name: str) -> int | None:
        """A variable that says where an area begins, where the kernel chose that at boot."""
        address = self._own_symbol(name)
        if address is None:
            return None
        try:
            return self._kernel.unsigned(self._kernel.prog.read(address, 8))
        except drgn.FaultError:
            return None

    def _own_symbol(self, name: str) -> int | None:
        """The address of a symbol of the kernel's own: to find those of modules, memory is read."""
        found = self._kernel.symbols.kernel_symbols.find(name)
        return found[0][0] if found else None

    def _walk(self, table: int, address: int, present: int) -> int | None:
        shifts = (48, 39, 30, 21, 12) if self._five_levels else (39, 30, 21, 12)
        mask = ENTRY_ADDRESS & ~self._encryption
        for shift in shifts:
            what = TABLES[shift] if shift != shifts[0] else TABLES[48]
            place = (table & ~0xFFF) + (address >> shift & 0x1FF) * 8
            entry = self._kernel.unsigned(self._kernel.memory.read_physical(place, 8, what))
            if not entry & (present if shift <= 21 else PRESENT):
                return None
            if shift == 12 or (shift <= 30 and entry & HUGE):
                low = (1 << shift) - 1
                return (entry & mask & ~low) + (address & low)
            table = entry & mask
        return None


def make_page_tables(kernel: Kernel) -> PageTables:
    """The translation of the dump's machine."""
    platform = kernel.prog.platform
    if platform is not None and platform.arch == drgn.Architecture.X86_64:
        return X86PageTables(kernel)
    return PageTables(kernel)
