"""File systems (struct super_block) and their types (struct file_system_type)."""

from __future__ import annotations

from functools import cached_property

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import Layout, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text


class SuperBlocks:
    """`superblock` is the address of a struct super_block."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._names: dict[int, str | None] = {}

    def type_name(self, superblock: int) -> str | None:
        """The name of a file system's type, as "ext4"; None where the name cannot be read.

        Raises ReadError where the structures cannot.
        """
        kernel, layout = self._kernel, self._layout
        data = kernel.read(superblock, layout.whole, "super_block buffer")
        kind: int = layout.unpack(data, layout.start)[0]
        if kind not in self._names:
            at = kind + member_offset(kernel.prog, "struct file_system_type", "name")
            name = kernel.read_word(at, "file_system_type name")
            try:
                self._names[kind] = read_text(kernel, name, "file_system_type name") or None
            except ReadError:
                self._names[kind] = None
        return self._names[kind]

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self._kernel.prog, "struct super_block", ("s_type",))
