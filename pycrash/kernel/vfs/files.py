"""What tasks have open (struct files_struct, struct fdtable, struct file), and the directories
they are in (struct fs_struct)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.vfs.dentries import Dentries
from pycrash.kernel.vfs.mounts import Mounts
from pycrash.kernel.vfs.paths import Paths

#: More descriptors than a table has room for: sysctl_nr_open cannot be set higher.
_MOST_DESCRIPTORS = 1 << 30


class File(NamedTuple):
    """One open file. `dentry` and `vfsmount` are its path, `flags` what open() was given and
    fcntl() changed, `mode` FMODE_*, `position` the offset in bytes, `private` what its type
    keeps there (struct socket, pipe_inode_info, eventpoll...)."""

    address: int
    dentry: int
    vfsmount: int
    flags: int
    mode: int
    position: int
    private: int


class Directories(NamedTuple):
    """A task's root and working directory, each a dentry and a vfsmount."""

    root: int
    root_mount: int
    cwd: int
    cwd_mount: int


class Descriptors(NamedTuple):
    """A task's table of descriptors: the room it has, the bytes of its map of those in use, and
    the address of the array of pointers to files."""

    room: int
    used: bytes
    files: int


class Files:
    """Files by address, each read once, and those of tasks.

    `task` is the address of a task_struct. Every method raises ReadError.
    """

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._paths = kernel.part(Paths)
        self._mounts = kernel.part(Mounts)
        self._dentries = kernel.part(Dentries)
        self._known: dict[int, File] = {}

    def get(self, address: int) -> File:
        """The struct file at an address."""
        found = self._known.get(address)
        if found is None:
            layout = self._file
            data = self._kernel.read(address, layout.whole, "fill_file_cache")
            found = self._known[address] = File(address, *layout.unpack(data, layout.start))
        return found

    def inode(self, file: File) -> int:
        """The address of a file's inode, 0 where it has no name or the name stands for nothing."""
        return self._dentries.get(file.dentry).inode if file.dentry else 0

    def path(self, file: File) -> str:
        """The path name of a file; see Paths."""
        path = self._paths.path(file.dentry, file.vfsmount)
        # The terminals of a devpts that is not mounted where the path could go on.
        if path.startswith("/pts/") and self._device(file.vfsmount) == "devpts":
            return f"/dev{path}"
        return path

    def of_task(self, task: int) -> Iterator[tuple[int, int]]:
        """(descriptor, address of its struct file) of each file a task has open."""
        table = self.descriptors(task)
        return iter(()) if table is None else self.in_table(table)

    def directories(self, task: int) -> Directories | None:
        """Where a task is; None for one that has ended or has no such thing."""
        kernel = self._kernel
        address = kernel.read_word(task + self._in_task.at("fs"), "fill_task_struct")
        if not address:
            return None
        layout = self._fs
        data = kernel.read(address, layout.whole, "fs_struct buffer")
        return Directories(*layout.unpack(data, layout.start))

    def descriptors(self, task: int) -> Descriptors | None:
        """The table of a task; None for one that has ended or has no files. Raises CrashError."""
        kernel = self._kernel
        address = kernel.read_word(task + self._in_task.at("files"), "fill_task_struct")
        if not address:
            return None
        files = kernel.read(address, self._files.whole, "files_struct buffer")
        (table_at,) = self._files.unpack(files, self._files.start)
        if not table_at:
            return None
        table = kernel.read(table_at, self._table.whole, "fdtable buffer")
        room, array, used_at = self._table.unpack(table, self._table.start)
        if not room or not array or not used_at:
            return None
        if room > _MOST_DESCRIPTORS:
            raise CrashError(f"invalid fdtable max_fds: {room}")
        # The kernel's maps are whole words, and so is what room says.
        used = kernel.read(used_at, room // 8, "fdtable open_fds")
        return Descriptors(room, used, array)

    def in_table(self, table: Descriptors) -> Iterator[tuple[int, int]]:
        """(descriptor, address of its struct file) of each one in use."""
        kernel, size = self._kernel, self._kernel.word_size
        bits = size * 8
        for first in range(0, len(table.used) * 8, bits):
            word = kernel.unsigned(table.used[first // 8 : first // 8 + size])
            if not word:
                continue
            at = table.files + first * size
            pointers = self._pointers(at, word.bit_length())
            for place, file in enumerate(pointers):
                if word >> place & 1:
                    if file is None:
                        file = kernel.read_word(at + place * size, "fd file")
                    if file:
                        yield first + place, file

    def _pointers(self, at: int, count: int) -> tuple[int | None, ...]:
        """Some pointers of the array; None for each where they cannot be read in one go."""
        kernel = self._kernel
        try:
            data = kernel.read(at, count * kernel.word_size, "fd file")
        except ReadError:
            return (None,) * count
        return struct.unpack(f"{kernel.byte_order}{count}{kernel.word}", data)

    def _device(self, vfsmount: int) -> str:
        try:
            return self._mounts.device(self._mounts.get(vfsmount))
        except ReadError:
            return ""

    @cached_property
    def _in_task(self) -> Layout:
        return Layout(self._kernel.prog, "struct task_struct", ("fs", "files"))

    @cached_property
    def _fs(self) -> Layout:
        fields = ("root.dentry", "root.mnt", "pwd.dentry", "pwd.mnt")
        return Layout(self._kernel.prog, "struct fs_struct", fields)

    @cached_property
    def _files(self) -> Layout:
        return Layout(self._kernel.prog, "struct files_struct", ("fdt",))

    @cached_property
    def _table(self) -> Layout:
        return Layout(self._kernel.prog, "struct fdtable", ("max_fds", "fd", "open_fds"))

    @cached_property
    def _file(self) -> Layout:
        fields = ("f_path.dentry", "f_path.mnt", "f_flags", "f_mode", "f_pos", "private_data")
        return Layout(self._kernel.prog, "struct file", fields)
