"""Swap areas (struct swap_info_struct), and where a page went that was swapped out."""

from __future__ import annotations

import stat
import struct
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, member_offset
from pycrash.kernel.core.pagetables import SwapEntry
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.vfs.files import Files
from pycrash.kernel.vfs.inodes import Inodes
from pycrash.kernel.vfs.mounts import Mounts

#: What crash calls the file of an area that is none.
UNKNOWN = "(unknown swap location)"
_USED = 0x1
#: An entry has five bits for the number of its area, six on old kernels.
_MOST_AREAS = 64
#: In inuse_pages since 6.13: the area is on no list of those with room.
_OFF_LIST = 1 << 62
#: File systems of device nodes: their files are named as below /dev.
_DEVICES = ("devtmpfs", "udev")


class SwapArea(NamedTuple):
    """One swap area in use. `number` is the type in swap entries, `file` the struct file, `pages`
    what can be swapped to it and `used` what is."""

    number: int
    address: int
    file: int
    pages: int
    used: int
    priority: int


class SwapAreas:
    """The swap areas of a kernel."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._files = kernel.part(Files)
        self._known: dict[int, str] = {}

    @property
    def all(self) -> list[SwapArea]:
        """Those in use. Raises MissingFeature on a kernel without swap, ReadError."""
        kernel = self._kernel
        at = kernel.symbol_address("nr_swapfiles")
        if at is None:
            raise MissingFeature("nr_swapfiles doesn't exist in this kernel!")
        count = kernel.unsigned(kernel.read(at, 4, "nr_swapfiles"))
        return [area for number in range(min(count, _MOST_AREAS)) for area in self._area(number)]

    def is_partition(self, area: SwapArea) -> bool:
        """Whether the area is a block device and no file. Raises ReadError."""
        inode = self._kernel.read_word(area.file + self._inode_at, "swap_file.f_inode")
        return stat.S_ISBLK(self._kernel.part(Inodes).get(inode, "inode.i_mode").mode)

    def path(self, area: SwapArea) -> str:
        """The name of the file or device; empty where it has none. Raises CrashError."""
        if not area.file:
            return ""
        file = self._files.get(area.file)
        path = self._files.path(file)
        mounts = self._kernel.part(Mounts)
        if not path.startswith("/dev/"):
            try:
                device = mounts.device(mounts.get(file.vfsmount))
            except ReadError:
                return path
            if device in _DEVICES:
                return f"/dev{path}"
        return path

    def place(self, entry: SwapEntry) -> str:
        """The name of the area that an entry is of, empty where there is none."""
        found = self._known.get(entry.type)
        if found is None:
            found = self._known[entry.type] = self._place(entry.type)
        return found

    def _place(self, number: int) -> str:
        try:
            return "".join(map(self.path, self._area(number)))
        except CrashError:
            return ""

    def _area(self, number: int) -> list[SwapArea]:
        """The area of a number, if it is in use. Raises MissingFeature, ReadError."""
        if number >= len(self._pointers) or not self._pointers[number]:
            return []
        address, layout = self._pointers[number], self._layout
        data = self._kernel.read(address + layout.start, layout.size, "fill_swap_info")
        flags, file, pages, used, priority = layout.unpack(data)
        if not flags & _USED:
            return []
        return [SwapArea(number, address, file, pages, used & ~_OFF_LIST, priority)]

    @cached_property
    def _pointers(self) -> tuple[int, ...]:
        """The kernel's table of pointers to areas, by number."""
        kernel = self._kernel
        span = kernel.symbol_span("swap_info")
        if span is None:
            raise MissingFeature("swap_info doesn't exist in this kernel!")
        count = min(span[1] // kernel.word_size, _MOST_AREAS)
        data = kernel.read(span[0], count * kernel.word_size, "swap_info pointer")
        return struct.unpack(f"{kernel.byte_order}{count}{kernel.word}", data)

    @cached_property
    def _layout(self) -> Layout:
        fields = ("flags", "swap_file", "pages", "inuse_pages", "prio")
        return Layout(self._kernel.prog, "struct swap_info_struct", fields)

    @cached_property
    def _inode_at(self) -> int:
        return member_offset(self._kernel.prog, "struct file", "f_inode")
