"""Copies of the sample dump with small changes, as another machine would have left it."""

from __future__ import annotations

import zlib
from pathlib import Path

from pycrash.files.dumpfile import PAGE_DESC, DumpFile
from tests.golden.sample import SAMPLE

#: Of the sample: its name, the second of its crash.
NAME, CRASHED = b"crashlab", 1795439313
_ZLIB = 1


class Variant:
    """The sample dump, to be changed."""

    def __init__(self) -> None:
        self._dump = DumpFile(SAMPLE / "vmcore")
        self._content = bytearray((SAMPLE / "vmcore").read_bytes())
        header = self._dump.kdump
        assert header is not None
        self._header = header

    def rename(self, name: bytes, physical: int) -> None:
        """Give the machine a name, in the header and in its memory, where the page that starts
        at `physical` holds it."""
        self._content[77:142] = name.ljust(65, b"\0")
        at = self._descriptor(physical)
        place, size, flags, rest = PAGE_DESC.unpack_from(self._content, at)
        page = bytes(self._content[place : place + size])
        page = zlib.decompress(page) if flags & _ZLIB else page
        assert page.count(NAME + b"\0") == 1
        page = page.replace(NAME + b"\0", name + b"\0" * (len(NAME) + 1 - len(name)))
        packed = zlib.compress(page)
        PAGE_DESC.pack_into(self._content, at, len(self._content), len(packed), _ZLIB, rest)
        self._content += packed

    def crash_at(self, second: int) -> None:
        """Let it crash at another time, as its note says."""
        noted = b"CRASHTIME=%d\n"
        assert self._content.count(noted % CRASHED) == 1
        self._content = self._content.replace(noted % CRASHED, noted % second)

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
