"""Page tables of x86-64, of four levels or five.

As in crash, the direct map and the kernel's own text are translated by arithmetic, also where
the kernel took pages out of them, and the rest by the tables.
"""

from __future__ import annotations

from functools import cached_property

import drgn

from pycrash.errors import MissingFeature
from pycrash.kernel.core.pagetables import AddressRange, Level, RadixTables, SwapEntry
from pycrash.kernel.symbols.table import SymbolTable

START_KERNEL_MAP = 0xFFFFFFFF80000000
MODULES_END = 0xFFFFFFFFFF000000
VSYSCALL = AddressRange("vsyscall", 0xFFFFFFFFFF600000, 0xFFFFFFFFFF600FFF)
CPU_ENTRY_AREA = AddressRange("cpu entry area", 0xFFFFFE0000000000, 0xFFFFFE7FFFFFFFFF)
TERABYTE = 1 << 40

PRESENT, HUGE, PROTNONE = 0x1, 0x80, 0x100
#: Address bits of an entry with five levels and with four; memory encryption keeps a mark among
#: them.
ADDRESS_FIVE, ADDRESS_FOUR = (1 << 52) - (1 << 12), (1 << 46) - (1 << 12)
#: The flags of an entry in crash's order.
FLAGS = (
    ("PRESENT", PRESENT),
    ("RW", 0x2),
    ("USER", 0x4),
    ("PWT", 0x8),
    ("PCD", 0x10),
    ("ACCESSED", 0x20),
    ("DIRTY", 0x40),
    ("PSE", HUGE),
    ("PROTNONE", PROTNONE),
    ("GLOBAL", 0x100),
    ("NX", 1 << 63),
)

_BITS = 9
_PAGE_LEVEL = Level("PTE", 12, _BITS, "page table")
_LOWER = (
    Level("PUD", 30, _BITS, "pud page"),
    Level("PMD", 21, _BITS, "pmd page"),
    _PAGE_LEVEL,
)
FOUR_LEVELS = (Level("PGD", 39, _BITS, "pgd page"), *_LOWER)
FIVE_LEVELS = (Level("PGD", 48, _BITS, "pgd page"), Level("P4D", 39, _BITS, "p4d page"), *_LOWER)


class PageTables(RadixTables):
    """Translation on x86-64."""

    kernel_heads = ("PGD DIRECTORY", "PAGE DIRECTORY")

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        return FIVE_LEVELS if self._five_levels else FOUR_LEVELS

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

    @property
    def image_start(self) -> int:
        return START_KERNEL_MAP

    @cached_property
    def user_top(self) -> int:
        return 1 << 56 if self._five_levels else 1 << 47

    @cached_property
    def kernel_root(self) -> int | None:
        # Renamed in 4.13.
        return self._own_symbol("init_top_pgt") or self._own_symbol("init_level4_pgt")

    def linear(self, address: int) -> int:
        if address >= START_KERNEL_MAP:
            return (address - START_KERNEL_MAP + self._physical_base) & self._kernel.word_mask
        return address - self.kernel_base

    def image_physical(self, address: int) -> int | None:
        end = START_KERNEL_MAP + self._image_size
        return self.linear(address) if START_KERNEL_MAP <= address < end else None

    def direct_address(self, physical: int) -> int:
        return self.kernel_base + physical

    def user_root(self, mm: int) -> int:
        return super().user_root(mm) & ~0xFFF

    def flags(self, entry: int) -> tuple[str, ...]:
        present = entry & PRESENT
        # One bit has two meanings, and that of a huge page tells nothing of a page not there.
        hidden = "PROTNONE" if present else "PSE"
        return tuple(name for name, bit in FLAGS if entry & bit and name != hidden)

    def is_present(self, entry: int) -> bool:
        return bool(entry & (PRESENT | PROTNONE))

    def frame(self, entry: int) -> int:
        return entry & self._address_bits

    @cached_property
    def _address_bits(self) -> int:
        return (ADDRESS_FIVE if self._five_levels else ADDRESS_FOUR) & ~self._mark

    def _places(self, entries: tuple[int, ...], level: Level, user: bool) -> list[int | None]:
        bits, there = self._address_bits, PRESENT | PROTNONE if user else PRESENT
        return [entry & bits if entry & there else None for entry in entries]

    def swap(self, entry: int) -> SwapEntry:
        entry &= (1 << 64) - 1
        # Since 4.19, and with what was brought back from it, the offset is inverted.
        if self._inverts_offsets:
            return SwapEntry(entry >> 59, (~entry << 5 & (1 << 64) - 1) >> 14)
        # 4.8 made room for flags below.
        if self._kernel.has_member("struct pglist_data", "vm_stat"):
            return SwapEntry(entry >> 9 & 0x1F, entry >> 14)
        return SwapEntry(entry >> 1 & 0x3F, entry >> 8)

    @cached_property
    def _inverts_offsets(self) -> bool:
        return self._own_symbol("l1tf_mitigation") is not None or self._kernel.has_member(
            "struct xarray", "xa_head"
        )

    @cached_property
    def ranges(self) -> tuple[AddressRange, ...]:
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
        found = [
            AddressRange("vmalloc", start, end),
            AddressRange("vmemmap", memmap, memmap_end),
            AddressRange("modules", START_KERNEL_MAP + self._image_size, MODULES_END),
            VSYSCALL,
        ]
        if five:
            found.append(AddressRange("vmalloc hole", end + 1, memmap - 1))
        if self._kernel.has_type("struct cpu_entry_area"):
            found.append(CPU_ENTRY_AREA)
        return tuple(found)

    @cached_property
    def _image_size(self) -> int:
        """Bytes kept for the kernel's image; modules lie behind."""
        noted = self._noted("KERNEL_IMAGE_SIZE")
        if noted:
            return noted
        symbols = self._kernel.part(SymbolTable).kernel_symbols
        return 1 << 30 if symbols.bias else 512 << 20

    @cached_property
    def _physical_base(self) -> int:
        return self._noted("phys_base")

    @cached_property
    def _five_levels(self) -> bool:
        return bool(self._noted("pgtable_l5_enabled"))

    @cached_property
    def _mark(self) -> int:
        return self._noted("sme_mask")

    def _noted(self, name: str) -> int:
        """A number of the VMCOREINFO note, 0 where it has none."""
        try:
            return self._kernel.vmcoreinfo.number(name)
        except MissingFeature:
            return 0

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
        found = self._kernel.part(SymbolTable).kernel_symbols.find(name)
        return found[0][0] if found else None

    def _is_there(self, entry: int, level: Level, user: bool) -> bool:
        mask = PRESENT | PROTNONE if user and level.shift <= 21 else PRESENT
        return bool(entry & mask)

    def _is_page(self, entry: int, level: Level) -> bool:
        return level is _PAGE_LEVEL or (level.shift <= 30 and bool(entry & HUGE))
