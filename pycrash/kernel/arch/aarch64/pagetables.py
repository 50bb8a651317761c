"""Page tables of 64-bit ARM: pages of 4, 16 or 64 KiB, addresses of up to 52 bits."""

from __future__ import annotations

from functools import cached_property

import drgn

from pycrash.errors import MissingFeature
from pycrash.kernel.core.layout import constant
from pycrash.kernel.core.pagetables import AddressRange, Level, RadixTables, SwapEntry
from pycrash.kernel.symbols.table import SymbolTable

VALID, TYPE, BLOCK = 0x1, 0x3, 0x1
#: The flags of an entry in crash's order; that of a page without access is the kernel's choice.
FLAGS = (
    ("VALID", VALID),
    ("PROT_NONE", 0),
    ("USER", 1 << 6),
    ("RDONLY", 1 << 7),
    ("SHARED", 3 << 8),
    ("AF", 1 << 10),
    ("NG", 1 << 11),
    ("PXN", 1 << 53),
    ("UXN", 1 << 54),
    ("DIRTY", 1 << 55),
    ("SPECIAL", 1 << 56),
)
#: Names of levels from the lowest up, and crash's words for their tables.
_NAMES = ("PTE", "PMD", "PUD", "P4D")
_WHAT = {"PTE": "page table", "PMD": "pmd page", "PUD": "pud page", "P4D": "p4d page"}
_WHOLE = 1 << 64


class PageTables(RadixTables):
    """Translation on 64-bit ARM."""

    kernel_heads = user_heads = ("PAGE DIRECTORY",)
    virtual_entries = True
    notes_zero_page = True

    # The address space

    @cached_property
    def _bits(self) -> int:
        """Bits of a virtual address that the kernel was built for."""
        return self._noted("VA_BITS", 48)

    @cached_property
    def _used_bits(self) -> int:
        """Bits that the machine has: fewer where it lacks what the kernel could use."""
        size = self._noted("TCR_EL1_T1SZ")
        return 64 - size if size else min(self._bits, 48)

    @cached_property
    def _flipped(self) -> bool:
        """Whether the direct map is the lower half of the kernel's space (5.4), not the upper."""
        return bool(self._image[0] >> min(self._bits, 48) - 1 & 1)

    @cached_property
    def _image(self) -> tuple[int, int]:
        """The first address of the kernel's image and that behind it."""
        found = [self._own_symbol(name) for name in ("_text", "_end")]
        return found[0] or 0, found[1] or 0

    @cached_property
    def kernel_base(self) -> int:
        return _WHOLE - (1 << self._used_bits)

    @property
    def direct_start(self) -> int:
        return self.kernel_base if self._flipped else _WHOLE - (1 << self._used_bits - 1)

    @cached_property
    def user_top(self) -> int:
        return 1 << self._used_bits

    @cached_property
    def ranges(self) -> tuple[AddressRange, ...]:
        names = (
            ("modules", "MODULES_VADDR", "MODULES_END"),
            ("vmalloc", "VMALLOC_START", "VMALLOC_END"),
            ("vmemmap", "VMEMMAP_START", "VMEMMAP_END"),
        )
        found = [(name, self._noted(low), self._noted(end)) for name, low, end in names]
        return tuple(AddressRange(name, low, end - 1) for name, low, end in found if low and end)

    def is_mapped(self, address: int) -> bool:
        first, behind = self._image
        upper = bool(address >> min(self._bits, 48) - 1 & 1)
        return upper == self._flipped and not first <= address < behind

    def linear(self, address: int) -> int:
        first, behind = self._image
        if first <= address < behind:
            return address - self._image_offset & _WHOLE - 1
        return address + self._direct_offset & _WHOLE - 1

    def direct_address(self, physical: int) -> int:
        return physical - self._direct_offset & _WHOLE - 1

    @cached_property
    def _image_offset(self) -> int:
        """What to take from an address of the image for its physical one (kimage_voffset)."""
        return self._noted("kimage_voffset") or self._variable("kimage_voffset")

    @cached_property
    def _direct_offset(self) -> int:
        """What to add to an address of the direct map for its physical one."""
        if self._own_symbol("physvirt_offset") is not None:  # 5.4 to 5.10
            return self._variable("physvirt_offset")
        bits = self._bits if self._flipped else self._bits - 1
        start = self._noted("PHYS_OFFSET") or self._variable("memstart_addr")
        return start + (1 << bits)

    # The tables

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        page = self._kernel.page_size.bit_length() - 1
        step = page - 3
        count = -(-(self._used_bits - page) // step)
        names = [*_NAMES[: count - 1], "PGD"]
        found = [
            Level(name, page + step * place, step, _WHAT.get(name, "pgd page"))
            for place, name in enumerate(names)
        ]
        # With pages of 64 KiB the top table is as large as the kernel was built for.
        bits = self._bits if page == 16 else self._used_bits
        found[-1] = found[-1]._replace(bits=max(bits - found[-1].shift, 1))
        return tuple(reversed(found))

    @cached_property
    def kernel_root(self) -> int | None:
        return self._own_symbol("swapper_pg_dir")

    def frame(self, entry: int) -> int:
        page = self._kernel.page_size
        if self._noted("MAX_PHYSMEM_BITS", 48) <= 48:
            return entry & (1 << 48) - page
        if page == 1 << 16:
            return entry & (1 << 48) - page | (entry & 0xF000) << 36
        return entry & (1 << 50) - page | (entry >> 8 & 3) << 50

    def is_present(self, entry: int) -> bool:
        return bool(entry & (VALID | self._no_access))

    def flags(self, entry: int) -> tuple[str, ...]:
        names = dict(FLAGS) | {"PROT_NONE": self._no_access}
        return tuple(name for name, bits in names.items() if entry & bits)

    def swap(self, entry: int) -> SwapEntry:
        if self._is_since_6_10:
            return SwapEntry(entry >> 6 & 0x1F, entry >> 12 & (1 << 50) - 1)
        # 5.19 took a bit from the numbers for pages that are not shared.
        alone = constant(self._kernel.prog, "PG_anon_exclusive") is not None
        type_ = entry >> 3 & 0x1F if alone else entry >> 2 & 0x3F
        return SwapEntry(type_, entry >> 8 & (1 << 50) - 1)

    @cached_property
    def _no_access(self) -> int:
        """The bit of a page that nobody may use, which has shared one with others since 6.10."""
        return 0 if self._is_since_6_10 else 1 << 58

    @cached_property
    def _is_since_6_10(self) -> bool:
        """Whether entries are as in 6.10, by what its note says of other pages."""
        return bool(self._noted("PAGE_SLAB_MAPCOUNT_VALUE"))

    def _is_there(self, entry: int, level: Level, user: bool) -> bool:
        return bool(entry & VALID)

    def _is_page(self, entry: int, level: Level) -> bool:
        return level.name == "PTE" or entry & TYPE == BLOCK

    # Where it is told

    def _noted(self, name: str, default: int = 0) -> int:
        """A number of the VMCOREINFO note."""
        try:
            return self._kernel.vmcoreinfo.number(name)
        except MissingFeature:
            return default

    def _variable(self, name: str) -> int:
        """A variable of the kernel's, 0 where it has none of that name or it cannot be read."""
        address = self._own_symbol(name)
        try:
            return (
                0 if address is None else self._kernel.unsigned(self._kernel.prog.read(address, 8))
            )
        except drgn.FaultError:
            data = b""
        return self._kernel.unsigned(data)

    def _own_symbol(self, name: str) -> int | None:
        """The address of a symbol of the kernel's own: to find those of modules, memory is read."""
        found = self._kernel.part(SymbolTable).kernel_symbols.find(name)
        return found[0][0] if found else None
