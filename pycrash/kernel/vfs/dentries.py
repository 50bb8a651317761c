"""Names in directories (struct dentry), each read once."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader

#: More bytes than a name has: NAME_MAX is 255, and the pseudo file systems stay below this.
_MOST_NAME = 1500


class Dentry(NamedTuple):
    """One name. `parent` is its own address for the root of a file system, `inode` 0 for a name
    that stands for nothing. `name` is empty where it has none or it cannot be read.

    `hashed` tells that a look-up would find it: that of a removed file is not.
    """

    address: int
    parent: int
    inode: int
    superblock: int
    name: str
    hashed: bool

    @property
    def is_root(self) -> bool:
        return self.parent == self.address

    @property
    def removed(self) -> bool:
        """Whether its name was removed while something still held it."""
        return not self.hashed and not self.is_root


class Dentries:
    """`get` gives the Dentry at an address. Raises ReadError."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._known: dict[int, Dentry] = {}

    def get(self, address: int) -> Dentry:
        found = self._known.get(address)
        if found is None:
            found = self._known[address] = self._read(address)
        return found

    @cached_property
    def _layout(self) -> Layout:
        return Layout(
            self._kernel.prog,
            "struct dentry",
            (
                "d_parent",
                "d_inode",
                "d_sb",
                "d_name.len",
                "d_name.name",
                ("d_iname", "d_shortname"),  # renamed in 6.14
                "d_hash.pprev",
            ),
        )

    def _read(self, address: int) -> Dentry:
        layout = self._layout
        data = self._kernel.read(address, layout.whole, "fill_dentry_cache")
        parent, inode, superblock, length, at, inside, back = layout.unpack(data, layout.start)
        raw = b""
        if 0 < length <= _MOST_NAME:
            short = at == address + layout.at("d_iname")
            raw = inside if short else self._outside(at, length)
        name = raw.partition(b"\0")[0]
        if len(name) != length:
            name = b""
        text = name.decode("utf-8", "surrogateescape")
        return Dentry(address, parent, inode, superblock, text, back != 0)

    def _outside(self, address: int, length: int) -> bytes:
        """A name that does not fit into the dentry; empty where it cannot be read."""
        try:
            return self._kernel.read(address, length + 1, "dentry name")
        except ReadError:
            return b""
