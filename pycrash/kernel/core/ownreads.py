"""Reads of a kdump file by this program's own hand, where libkdumpfile's fail or never end.

At the first read libkdumpfile looks through the kernel's page tables for where the direct map
and the image lie, and without them it translates nothing. The image needs no table, though:
VMCOREINFO says where it is, and the image says where the direct map is. Only what is mapped by
tables alone (vmalloc, modules) is lost with them, and each table is followed once.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import drgn
import numpy as np

from pycrash.errors import CrashError
from pycrash.kernel.core.kdumppages import KdumpPages

if TYPE_CHECKING:
    from pycrash.kernel.core.reader import Reader

#: Pages kept unpacked.
_MOST_PAGES = 4096
#: All addresses but the very last, of which there is no size.
_EVERYTHING = (1 << 64) - 1


def can_read(kernel: Reader, places: list[int] | None = None) -> bool:
    """Whether this kernel's dump is one that can be read here, on a machine where arithmetic finds
    the image, and one of some addresses is."""
    file = kernel.dump_file
    known = kernel.arch.tables.image_start is not None
    if not known or file is None or file.kdump is None:
        return False
    return places is None or any(map(_Reads(kernel).has, places))


def take_over(kernel: Reader, translated: bool = True) -> None:
    """Have the kernel's program read all memory of a kdump file here, from now on.

    Unless it can be `translated`, no virtual address is mapped.
    """
    reads = _Reads(kernel, translated)
    kernel.prog.add_memory_segment(0, _EVERYTHING, reads.physical, True)
    kernel.prog.add_memory_segment(0, _EVERYTHING, reads.virtual, False)


class _Reads:
    """drgn's callbacks: each gives bytes or raises drgn.FaultError."""

    def __init__(self, kernel: Reader, translated: bool = True) -> None:
        self._kernel = kernel
        self._translated = translated
        file = kernel.dump_file
        assert file is not None
        assert file.kdump is not None
        self._size = file.kdump.block_size
        self._pages = KdumpPages(file, file.kdump)
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def physical(self, address: int, count: int, offset: int, physical: bool) -> bytes:
        """Physical memory."""
        return b"".join(
            self._page(at // self._size, address)[at % self._size :][:size]
            for at, size in self._pieces(address, count)
        )

    def virtual(self, address: int, count: int, offset: int, physical: bool) -> bytes:
        """Virtual memory of the kernel."""
        found = []
        for at, size in self._pieces(address, count):
            place = self._place(at)
            found.append(self._page(place // self._size, at)[place % self._size :][:size])
        return b"".join(found)

    def has(self, address: int) -> bool:
        """Whether an address can be read."""
        try:
            return bool(self.virtual(address, 1, 0, False))
        except drgn.FaultError:
            return False

    def _pieces(self, address: int, count: int) -> list[tuple[int, int]]:
        """The parts of a range that lie in one page each: where one begins, and its bytes."""
        page = self._size
        begins = [address, *range((address // page + 1) * page, address + count, page)]
        ends = [*begins[1:], address + count]
        return [(begin, end - begin) for begin, end in zip(begins, ends, strict=True)]

    def _place(self, address: int) -> int:
        if not self._translated:
            raise drgn.FaultError("no page tables are known", address)
        tables = self._kernel.arch.tables
        try:
            place = tables.image_physical(address)
            if place is None and self._kernel.memory.is_kernel(address):
                place = tables.kernel_physical(address)
        except CrashError as error:
            raise drgn.FaultError(str(error), address) from error
        if place is None:
            raise drgn.FaultError("no page of memory is mapped there", address)
        return place

    def _page(self, frame: int, address: int) -> bytes:
        page = self._kept.get(frame)
        if page is None:
            page = self._unpacked(frame, address)
            self._kept[frame] = page
            if len(self._kept) > _MOST_PAGES:
                self._kept.popitem(last=False)
        return page

    def _unpacked(self, frame: int, address: int) -> bytes:
        if frame >> 52:
            raise drgn.FaultError("Out-of-bounds PFN", address)
        frames = np.array([frame], np.int64)
        if not self._pages.is_there(frames)[0]:
            known = self._pages.is_memory(frames)[0]
            raise drgn.FaultError("Excluded page" if known else "Out-of-bounds PFN", address)
        offset, size, flags = self._pages.descriptors(frames)[["offset", "size", "flags"]][0]
        page = self._pages.unpack(int(offset), int(size), int(flags)) if size else None
        if page is None:
            raise drgn.FaultError("page cannot be unpacked", address)
        return page
