"""What a System V IPC namespace holds (struct ipc_namespace, ipc_ids, kern_ipc_perm)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.layout import Layout, member_offset, type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.vfs.files import File, Files
from pycrash.kernel.vfs.inodes import Inodes
from pycrash.kernel.walks.xarray import walk

#: No machine has pages of more than 2^30 small ones.
_MOST_ORDER = 30


class _Kind(NamedTuple):
    """Objects of a kind: their place in ipc_namespace.ids, their structure, its member that is
    the kern_ipc_perm, and those that are asked for."""

    place: int
    structure: str
    permissions: str
    fields: tuple[str, ...]


_SEMAPHORES = _Kind(0, "sem_array", "sem_perm", ("sem_nsems",))
_QUEUES = _Kind(1, "msg_queue", "q_perm", ("q_cbytes", "q_qnum"))
_SEGMENTS = _Kind(2, "shmid_kernel", "shm_perm", ("shm_segsz", "shm_nattch", "shm_file"))
_PERMISSIONS = ("key", "id", "uid", "gid", "mode", "deleted")


class Permissions(NamedTuple):
    """What all three have (struct kern_ipc_perm). `key` as the 32 bits it is, `mode` with the
    permissions in its nine lowest bits."""

    key: int
    id: int
    uid: int
    gid: int
    mode: int


class SemaphoreSet(NamedTuple):
    """One struct sem_array."""

    address: int
    permissions: Permissions
    semaphores: int


class MessageQueue(NamedTuple):
    """One struct msg_queue: `size` bytes in `messages` messages."""

    address: int
    permissions: Permissions
    size: int
    messages: int


class Segment(NamedTuple):
    """One struct shmid_kernel: `size` bytes, attached `attached` times, kept in `file`."""

    address: int
    permissions: Permissions
    size: int
    attached: int
    file: int


class Backing(NamedTuple):
    """The memory of a segment: its inode, its pages in memory and those in swap."""

    inode: int
    resident: int
    swapped: int


class IpcObjects:
    """The objects of a namespace, by rising id. Every method raises ReadError."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def namespace(self, task: int) -> int:
        """The struct ipc_namespace of the task_struct at an address.

        Raises CrashError where the task, having ended, has none.
        """
        kernel = self._kernel
        at = task + member_offset(kernel.prog, "struct task_struct", "nsproxy")
        proxy = kernel.read_word(at, "task_struct.nsproxy")
        try:
            return kernel.read_word(proxy + member_offset(kernel.prog, "struct nsproxy", "ipc_ns"))
        except ReadError:
            raise CrashError("cannot determine ipc_namespace location!") from None

    def semaphores(self, namespace: int) -> Iterator[SemaphoreSet] | None:
        """The semaphores; None where none are in use."""
        found = self._objects(namespace, _SEMAPHORES)
        return None if found is None else (SemaphoreSet(*row) for row in found)

    def queues(self, namespace: int) -> Iterator[MessageQueue] | None:
        """The message queues; None where none are in use."""
        found = self._objects(namespace, _QUEUES)
        return None if found is None else (MessageQueue(*row) for row in found)

    def segments(self, namespace: int) -> Iterator[Segment] | None:
        """The shared memory; None where none is in use."""
        found = self._objects(namespace, _SEGMENTS)
        return None if found is None else (Segment(*row) for row in found)

    def backing(self, segment: Segment) -> Backing:
        """Where the memory of a segment is."""
        kernel, files = self._kernel, self._kernel.part(Files)
        file = files.get(segment.file)
        inode = kernel.part(Inodes).get(files.inode(file))
        at = inode.mapping + member_offset(kernel.prog, "struct address_space", "nrpages")
        pages = kernel.read_word(at, "address_space.nrpages")
        if self._is_huge(file):
            return Backing(inode.address, pages << self._huge_order(inode.superblock), 0)
        layout = self._shmem
        at = inode.address - layout.at("vfs_inode") + layout.at("swapped")
        return Backing(inode.address, pages, kernel.read_word(at, "shmem_inode_info.swapped"))

    def _objects(self, namespace: int, kind: _Kind) -> Iterator[tuple[Any, ...]] | None:
        """(address, permissions, further members) of each object that is not being removed."""
        kernel, ids = self._kernel, self._ids
        size = type_size(kernel.prog, "struct ipc_ids") or 0
        first = member_offset(kernel.prog, "struct ipc_namespace", "ids")
        at = namespace + first + kind.place * size
        data = kernel.read(at, ids.whole, "ipc_ids.in_use")
        if not ids.unpack(data, ids.start)[0]:
            return None
        return self._in_tree(at + ids.at("ipcs_idr.idr_rt"), kind)

    def _in_tree(self, tree: int, kind: _Kind) -> Iterator[tuple[Any, ...]]:
        kernel, prog = self._kernel, self._kernel.prog
        name = f"struct {kind.structure}"
        before = member_offset(prog, name, kind.permissions)
        inside = (f"{kind.permissions}.{field}" for field in _PERMISSIONS)
        layout = Layout(prog, name, (*inside, *kind.fields))
        for _, entry in walk(kernel, tree, _give_up):
            address = entry - before
            data = kernel.read(address, layout.whole, kind.structure)
            key, number, uid, gid, mode, deleted, *rest = layout.unpack(data, layout.start)
            if not deleted:
                yield address, Permissions(key & 0xFFFFFFFF, number, uid, gid, mode), *rest

    @cached_property
    def _ids(self) -> Layout:
        return Layout(self._kernel.prog, "struct ipc_ids", ("in_use", "ipcs_idr.idr_rt"))

    @cached_property
    def _shmem(self) -> Layout:
        return Layout(self._kernel.prog, "struct shmem_inode_info", ("vfs_inode", "swapped"))

    def _is_huge(self, file: File) -> bool:
        """Whether a segment's file is made of huge pages."""
        kernel = self._kernel
        names = ("hugetlbfs_file_operations", "shm_file_operations_huge")
        at = file.address + member_offset(kernel.prog, "struct file", "f_op")
        operations = kernel.read_word(at, "file.f_op")
        return operations in {kernel.symbol_address(name) for name in names} - {None}

    def _huge_order(self, superblock: int) -> int:
        """How many times two pages make a huge page of a hugetlbfs. Raises CrashError."""
        kernel = self._kernel
        prog = kernel.prog
        at = superblock + member_offset(prog, "struct super_block", "s_fs_info")
        info = kernel.read_word(at, "super_block.s_fs_info")
        at = info + member_offset(prog, "struct hugetlbfs_sb_info", "hstate")
        state = kernel.read_word(at, "hugetlbfs_sb_info.hstate")
        order = Layout(prog, "struct hstate", ("order",))
        data = kernel.read(state + order.start, order.size, "hstate.order")
        (found,) = order.unpack(data)
        if found > _MOST_ORDER:
            raise CrashError(f"invalid hstate order: {found}")
        return int(found)


def _give_up(error: ReadError) -> None:
    raise error
