"""What stands behind a name (struct inode), each read once."""

from __future__ import annotations

import stat
from functools import cached_property
from typing import NamedTuple

from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader

#: The types of files by the bits of their mode.
_TYPES = {
    stat.S_IFREG: "REG",
    stat.S_IFLNK: "LNK",
    stat.S_IFDIR: "DIR",
    stat.S_IFCHR: "CHR",
    stat.S_IFBLK: "BLK",
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "SOCK",
}


class Inode(NamedTuple):
    """One inode. `mapping` is the address_space of its cached pages, `size` in bytes, `links`
    how many names it has."""

    address: int
    mode: int
    superblock: int
    mapping: int
    number: int
    size: int
    links: int

    @property
    def type(self) -> str:
        """ "REG", "LNK", "DIR", "CHR", "BLK", "FIFO" or "SOCK"; "UNKN" for one of no type, as
        those of event descriptors are."""
        return _TYPES.get(stat.S_IFMT(self.mode), "UNKN")


class Inodes:
    """`get` gives the Inode at an address. Raises ReadError."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._known: dict[int, Inode] = {}

    def get(self, address: int, what: str = "fill_inode_cache") -> Inode:
        found = self._known.get(address)
        if found is None:
            layout = self._layout
            data = self._kernel.read(address, layout.whole, what)
            row = layout.unpack(data, layout.start)
            found = self._known[address] = Inode(address, *row)
        return found

    @cached_property
    def _layout(self) -> Layout:
        fields = ("i_mode", "i_sb", "i_mapping", "i_ino", "i_size", ("i_nlink", "__i_nlink"))
        return Layout(self._kernel.prog, "struct inode", fields)
