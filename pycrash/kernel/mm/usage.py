"""What memory is used for: the figures of a whole machine, as /proc/meminfo has them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property

from pycrash.errors import MissingFeature
from pycrash.kernel.core.layout import member_offset, type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.counters import Counters
from pycrash.kernel.mm.zones import Zones
from pycrash.kernel.walks.lists import Chain, entries

#: Spellings of the counters of pages that slab caches have, since 5.9 and before.
_SLAB = (
    ("NR_SLAB_RECLAIMABLE_B", "NR_SLAB_UNRECLAIMABLE_B"),
    ("NR_SLAB_RECLAIMABLE", "NR_SLAB_UNRECLAIMABLE"),
)
#: Areas of swap space, and pieces of one, that a kernel may have.
_MOST_SPACES = 64
_MOST_BANKS = 1 << 16


class Usage:
    """Figures in pages, each found when asked for. They raise ReadError and MissingFeature."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._counters = kernel.part(Counters)

    @cached_property
    def total(self) -> int:
        """Memory that the kernel hands out."""
        for name in ("_totalram_pages", "totalram_pages"):  # 5.0
            address = self._kernel.symbol_address(name)
            if address is not None:
                return self._kernel.read_word(address, name)
        raise MissingFeature("no symbol totalram_pages in this kernel")

    @property
    def free(self) -> int:
        """What is free in all zones."""
        return sum(zone.free for zone in self._kernel.part(Zones).all)

    @cached_property
    def buffers(self) -> int:
        """Cached pages of block devices."""
        kernel = self._kernel
        mapping = self._offset("inode", "i_mapping")
        pages = self._offset("address_space", "nrpages")
        total = 0
        for inode in self._block_inodes():
            space = kernel.read_word(inode + mapping, "inode buffer")
            total += kernel.read_word(space + pages, "address_space buffer")
        return total

    @property
    def cached(self) -> int:
        """Cached pages of files, without those of block devices and of swapped memory; below
        zero where the counters are out of step."""
        files = self._counters.value("NR_FILE_PAGES")
        return 0 if files is None else files - self._swap_cache() - self.buffers

    @property
    def slab(self) -> int:
        """What slab caches have."""
        for names in _SLAB:
            counts = [self._counters.value(name) for name in names]
            if counts[0] is not None:
                return sum(count or 0 for count in counts)
        return 0

    def commit_limit(self, huge: int, swap: int) -> int | None:
        """How much tasks may ask for, all together, in pages; None where no limit is kept."""
        kernel = self._kernel
        if kernel.symbol_address("sysctl_overcommit_memory") is None:
            return None
        kib = kernel.symbol_address("sysctl_overcommit_kbytes")
        wanted = 0 if kib is None else kernel.read_word(kib, "sysctl_overcommit_kbytes")
        if wanted:
            return wanted // (kernel.page_size // 1024) + swap
        ratio = kernel.required_symbol("sysctl_overcommit_ratio")
        percent = kernel.unsigned(kernel.read(ratio, 4, "sysctl_overcommit_ratio"))
        return (self.total - huge) * percent // 100 + swap

    @property
    def committed(self) -> int:
        """How much tasks have asked for (vm_committed_as)."""
        kernel = self._kernel
        at = kernel.required_symbol("vm_committed_as") + self._offset("percpu_counter", "count")
        data = kernel.read(at, 8, "percpu_counter count")
        return max(int(struct.unpack(f"{kernel.byte_order}q", data)[0]), 0)

    def _block_inodes(self) -> Iterator[int]:
        """The inodes of the block devices."""
        kernel = self._kernel
        devices = kernel.symbol_address("all_bdevs")
        if devices is not None:  # before 5.11
            back = self._offset("block_device", "bd_inode") - self._offset(
                "block_device", "bd_list"
            )
            for entry in self._list(devices):
                yield kernel.read_word(entry + back, "block_device buffer")
            return
        at = kernel.required_symbol("blockdev_superblock")
        block = kernel.read_word(at, "blockdev_superblock")
        back = self._offset("inode", "i_sb_list")
        for entry in self._list(block + self._offset("super_block", "s_inodes")):
            yield entry - back

    def _list(self, head: int) -> Iterator[int]:
        first = self._kernel.read_word(head, "list head")
        return entries(self._kernel, Chain(first, end=head), "list entry")

    def _swap_cache(self) -> int:
        """Pages that are swapped out and in memory too."""
        counted = self._counters.value("NR_SWAPCACHE")  # 5.12
        if counted is not None:
            return counted
        pages = self._offset("address_space", "nrpages")
        return sum(
            self._kernel.read_word(space + pages, "swapper_space") for space in self._swap_spaces()
        )

    def _swap_spaces(self) -> Iterator[int]:
        """The address_spaces of swap areas: each has as many as nr_swapper_spaces says."""
        kernel = self._kernel
        counts, spaces = map(kernel.symbol_span, ("nr_swapper_spaces", "swapper_spaces"))
        if counts is None or spaces is None:  # before 4.11
            return
        number = min(counts[1] // 4, _MOST_SPACES)
        data = kernel.read(counts[0], 4 * number, "nr_swapper_space")
        size = type_size(kernel.prog, "struct address_space") or 0
        for place, banks in enumerate(struct.unpack(f"{kernel.byte_order}{number}I", data)):
            first = kernel.read_word(spaces[0] + place * kernel.word_size, "swapper_space")
            if first:
                yield from (first + bank * size for bank in range(min(banks, _MOST_BANKS)))

    def _offset(self, structure: str, member: str) -> int:
        return member_offset(self._kernel.prog, f"struct {structure}", member)
