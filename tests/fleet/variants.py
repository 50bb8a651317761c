"""Copies of dumps with small changes, as another machine would have left them."""

from __future__ import annotations

import zlib
from pathlib import Path

from pycrash.files.dumpfile import PAGE_DESC, DumpFile
from pycrash.kernel.kernel import Kernel
from tests.golden.sample import SAMPLE

#: Of the sample: its name, the second of its crash.
NAME, CRASHED = b"crashlab", 1795439313
_ZLIB = 1


class Variant:
    """A kdump file, to be changed; the sample, if nothing else is said."""

    def __init__(self, path: Path = SAMPLE / "vmcore") -> None:
        self._dump = DumpFile(path)
        self._content = bytearray(path.read_bytes())
        header = self._dump.kdump
        assert header is not None
        self._header = header

    def rename(self, name: bytes, kernel: Kernel) -> None:
        """Give the machine a name, in the header and in its memory, which `kernel` reads."""
        self._content[77:142] = name.ljust(65, b"\0")
        size = self._header.block_size
        names = kernel.arch.tables.kernel_physical(kernel.required_symbol("init_uts_ns"))
        assert names is not None
        page = kernel.memory.read_physical(names - names % size, size, "init_uts_ns")
        begin = page.index(NAME + b"\0", names % size)
        packed = zlib.compress(
            page[:begin] + name.ljust(len(NAME), b"\0") + page[begin + len(NAME) :]
        )
        at = self._descriptor(names)
        PAGE_DESC.pack_into(self._content, at, len(self._content), len(packed), _ZLIB, 0)
        self._content += packed

    def crash_at(self, second: int, crashed: int = CRASHED) -> None:
        """Let it crash at another time than it did, as its note says."""
        noted = b"CRASHTIME=%d\n"
        assert noted % crashed in self._content
        self._content = self._content.replace(noted % crashed, noted % second)

    def exclude(self, physical: int) -> None:
        """Leave a page out, as makedumpfile does."""
        at = self._descriptor(physical)
        begin, count = self._dump.descriptors
        end = begin + count * PAGE_DESC.size
        table = self._content[at + PAGE_DESC.size : end] + bytes(PAGE_DESC.size)
        self._content[at:end] = table
        page = physical // self._header.block_size
        self._content[self._dumped_at + (page >> 3)] &= ~(1 << (page & 7))

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._content)

    @property
    def _dumped_at(self) -> int:
        """Where the map of the pages in the dump begins."""
        blocks = 1 + self._header.sub_header_blocks + self._header.bitmap_blocks // 2
        return blocks * self._header.block_size

    def _descriptor(self, physical: int) -> int:
        """Where the descriptor of a page stands."""
        begin, _ = self._dump.descriptors
        page = physical // self._header.block_size
        size = self._header.bitmap_blocks * self._header.block_size // 2
        dumped = int.from_bytes(self._content[self._dumped_at : self._dumped_at + size], "little")
        assert dumped >> page & 1, "the dump does not have that page"
        below = (dumped & (1 << page) - 1).bit_count()
        return begin + below * PAGE_DESC.size
