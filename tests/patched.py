"""Copies of the sample dump in which pages of memory hold something else."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import drgn

from pycrash.files.dumpfile import PAGE_DESC, DumpFile
from tests.golden.sample import SAMPLE

#: The sample's top page table, and bytes of a page.
TOP_TABLE = 0x362B000
#: Where its image lies (phys_base of its VMCOREINFO).
PHYS_BASE = -631242752
PAGE = 4096
#: The flags of an entry that leads to a table.
TABLE = 0x67


@cache
def sample() -> DumpFile:
    return DumpFile(SAMPLE / "vmcore")


def descriptor(physical: int) -> int:
    """Where in the sample's file the descriptor of a page stands, which must be in the dump."""
    dumped, page = sample().bitmaps[1], physical // PAGE
    below = int.from_bytes(dumped, "little") & (1 << page) - 1
    assert dumped[page >> 3] >> (page & 7) & 1
    return sample().descriptors[0] + below.bit_count() * PAGE_DESC.size


def write_packed(copy: Path, physical: int, packed: bytes, flags: int) -> Path:
    """A copy of the sample in which a page is packed as the flags of its descriptor say."""
    content = bytearray(sample().path.read_bytes())
    entry = (len(content), len(packed), flags, 0)
    PAGE_DESC.pack_into(content, descriptor(physical), *entry)
    copy.write_bytes(content + packed)
    return copy


def write_patched(copy: Path, pages: Mapping[int, bytes]) -> Path:
    """A copy of the sample with other pages, by physical address; they stand at its end."""
    content = bytearray(sample().path.read_bytes())
    for physical, page in pages.items():
        assert len(page) == PAGE
        PAGE_DESC.pack_into(content, descriptor(physical), len(content), PAGE, 0, 0)
        content += page
    copy.write_bytes(content)
    return copy


def image_place(address: int) -> int:
    """The physical address of something in the kernel's image, or of a per-CPU template there."""
    return address - 0xFFFFFFFF80000000 + PHYS_BASE


def write_changed(copy: Path, changes: Mapping[int, bytes]) -> Path:
    """A copy of the sample in which bytes are others, by physical address."""
    prog = drgn.Program()
    prog.set_core_dump(sample().path)
    pages: dict[int, bytearray] = {}
    for physical, data in changes.items():
        for at, byte in enumerate(data, physical):
            first = at // PAGE * PAGE
            if first not in pages:
                pages[first] = bytearray(prog.read(first, PAGE, physical=True))
            pages[first][at - first] = byte
    return write_patched(copy, {at: bytes(page) for at, page in pages.items()})
