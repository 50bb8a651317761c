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
from pycrash.kernel.vfs.inodes import Inodes
from pycrash.kernel.vfs.mounts import Mounts
from pycrash.kernel.vfs.paths import Paths

#: More descriptors than a table has room for: sysctl_nr_open cannot be set higher.
_MOST_DESCRIPTORS = 1 << 30
#: What tasks with more open files than this have is read each time anew.
_MOST_KEPT = 4096


class File(NamedTuple):
    """A struct file as it stands. `dentry` and `vfsmount` are its path, `flags` what open() was
    given and fcntl() changed, `mode` FMODE_*, `position` the offset in bytes, `private` what its
    type keeps there (struct socket, pipe_inode_info, eventpoll...)."""

    address: int
    dentry: int
    vfsmount: int
    flags: int
    mode: int
    position: int
    private: int


class OpenFile(NamedTuple):
    """What a file is of: `file` its address, `mount` the struct mount it is on, `removed` whether
    its name is gone, `mapping` the address_space of its pages, `type` as Inode.type has it.

    `dentry` is None where it has none; so are `inode`, `type`, `path` and `mapping` then, and
    where its name stands for nothing.
    """

    file: int
    dentry: int | None
    inode: int | None
    type: str | None
    path: str | None
    mount: int
    flags: int
    position: int
    removed: bool
    mapping: int | None


class Directories(NamedTuple):
    """A task's root and working directory, each a dentry and a vfsmount."""

    root: int
    root_mount: int
    cwd: int
    cwd_mount: int


class Descriptors(NamedTuple):
    """A table of descriptors: the room it has, the bytes of its map of those in use, and the
    address of the array of pointers to files. `holder` is the files_struct it was found in, as
    read, in which a small table lies itself."""

    room: int
    used: bytes
    files: int
    holder: tuple[int, bytes]


class Files:
    """Files by address, each read once, and those of tasks.

    `task` is the address of a task_struct. Every method raises ReadError.
    """

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._paths = kernel.part(Paths)
        self._mounts = kernel.part(Mounts)
        self._dentries = kernel.part(Dentries)
        self._inodes = kernel.part(Inodes)
        self._known: dict[int, File] = {}
        self._open: dict[int, OpenFile] = {}
        self._of_task: dict[int, tuple[int, int]] = {}
        self._in_directories: dict[int, Directories] = {}
        self._in_tables: dict[int, list[tuple[int, int]]] = {}

    def get(self, address: int) -> File:
        """The struct file at an address."""
        found = self._known.get(address)
        if found is None:
            layout = self._file
            data = self._kernel.read(address, layout.whole, "fill_file_cache")
            found = self._known[address] = File(address, *layout.unpack(data, layout.start))
        return found

    def open_file(self, address: int) -> OpenFile:
        """What the struct file at an address is of."""
        found = self._open.get(address)
        if found is None:
            found = self._open[address] = self._find(self.get(address))
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
        holder = self._pointers(task)[1]
        known = self._in_tables.get(holder)
        return iter(known) if known is not None else self._in_table(holder)

    def directories(self, task: int) -> Directories | None:
        """Where a task is; None for one that has ended or has no such thing."""
        address = self._pointers(task)[0]
        if not address:
            return None
        found = self._in_directories.get(address)
        if found is None:
            layout = self._fs
            data = self._kernel.read(address, layout.whole, "fs_struct buffer")
            found = Directories(*layout.unpack(data, layout.start))
            self._in_directories[address] = found
        return found

    def room(self, task: int) -> int:
        """How many descriptors the table of a task has room for."""
        table = self._table_in(self._pointers(task)[1])
        return 0 if table is None else table.room

    def _find(self, file: File) -> OpenFile:
        mount, state = self._mounts.container(file.vfsmount), (file.flags, file.position)
        dentry = self._dentries.get(file.dentry) if file.dentry else None
        if dentry is None or not dentry.inode:
            name = file.dentry or None
            return OpenFile(file.address, name, None, None, None, mount, *state, False, None)
        inode = self._inodes.get(dentry.inode)
        path = self.path(file)
        return OpenFile(
            file.address,
            dentry.address,
            inode.address,
            inode.type,
            "" if inode.type == "SOCK" and path == "/" else path,
            mount,
            *state,
            dentry.removed,
            inode.mapping,
        )

    def _pointers(self, task: int) -> tuple[int, int]:
        """The fs_struct and the files_struct of a task; 0 for one that has ended."""
        found = self._of_task.get(task)
        if found is None:
            layout = self._in_task
            data = self._kernel.read(task + layout.start, layout.size, "fill_task_struct")
            fs, files = layout.unpack(data)
            found = self._of_task[task] = fs, files
        return found

    def _table_in(self, holder: int) -> Descriptors | None:
        """The table of a files_struct, None for one that has none. Raises CrashError."""
        if not holder:
            return None
        held = holder, self._kernel.read(holder, self._files.whole, "files_struct buffer")
        (address,) = self._files.unpack(held[1], self._files.start)
        if not address:
            return None
        layout = self._table
        table = self._piece(held, address, layout.whole, "fdtable buffer")
        room, array, used = layout.unpack(table, layout.start)
        if not room or not array or not used:
            return None
        if room > _MOST_DESCRIPTORS:
            raise CrashError(f"invalid fdtable max_fds: {room}")
        # The kernel's maps are whole words, and so is what room says.
        return Descriptors(
            room, self._piece(held, used, room // 8, "fdtable open_fds"), array, held
        )

    def _in_table(self, holder: int) -> Iterator[tuple[int, int]]:
        """The descriptors in use of a files_struct's table, each with its file."""
        table = self._table_in(holder)
        found: list[tuple[int, int]] = []
        for entry in () if table is None else self._in_use(table):
            if len(found) <= _MOST_KEPT:
                found.append(entry)
            yield entry
        if len(found) <= _MOST_KEPT:
            self._in_tables[holder] = found

    def _in_use(self, table: Descriptors) -> Iterator[tuple[int, int]]:
        kernel, size = self._kernel, self._kernel.word_size
        bits = size * 8
        for first in range(0, len(table.used) * 8, bits):
            word = kernel.unsigned(table.used[first // 8 : first // 8 + size])
            if not word:
                continue
            at = table.files + first * size
            for place, file in enumerate(self._array(table, at, word.bit_length())):
                if word >> place & 1:
                    if file is None:
                        file = kernel.read_word(at + place * size, "fd file")
                    if file:
                        yield first + place, file

    def _array(self, table: Descriptors, at: int, count: int) -> tuple[int | None, ...]:
        """Some pointers of the array; None for each where they cannot be read in one go."""
        kernel = self._kernel
        try:
            data = self._piece(table.holder, at, count * kernel.word_size, "fd file")
        except ReadError:
            return (None,) * count
        return struct.unpack(f"{kernel.byte_order}{count}{kernel.word}", data)

    def _piece(self, held: tuple[int, bytes], at: int, size: int, what: str) -> bytes:
        """Memory, of what was read already where it is a part of that."""
        start, data = held
        if start <= at and at + size <= start + len(data):
            return data[at - start : at - start + size]
        return self._kernel.read(at, size, what)

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
