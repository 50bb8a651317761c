"""The objects of an IPC namespace, and where the memory of a segment is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.ipc.objects import Backing, IpcObjects, Permissions
from tests.kernel.fake_files import FakeFiles

_NAMESPACE = 0xFFFF888000900000
_OBJECT = 0xFFFF888000A00000
#: The xarray of a kind of objects, and its one node.
_TREE, _NODE = 16, 0xFFFF888000B00000
#: Where a kern_ipc_perm lies in each object, and the members behind it.
_PERM, _REST = 8, 40


class _FakeIpc(FakeFiles):
    """`fill` puts objects of a kind into the namespace; each is 128 bytes from the next."""

    def __init__(self) -> None:
        super().__init__()
        perm = self.struct(
            "kern_ipc_perm",
            32,
            deleted=(4, "B"),
            id=(8, "i"),
            key=(12, "i"),
            uid=(16, "I"),
            gid=(20, "I"),
            mode=(24, "H"),
        )
        self.struct("sem_array", 64, sem_perm=(_PERM, perm), sem_nsems=(_REST, "i"))
        words = {"q_cbytes": (_REST, "Q"), "q_qnum": (_REST + 8, "Q")}
        self.struct("msg_queue", 64, q_perm=(_PERM, perm), **words)
        words = {"shm_segsz": (_REST, "Q"), "shm_nattch": (_REST + 8, "Q")}
        self.struct("shmid_kernel", 64, shm_perm=(_PERM, perm), shm_file=(_REST + 16, "P"), **words)
        root = self.struct("xarray", 16, xa_head=(8, "P"))
        self.struct("xa_node", 576, shift=(0, "B"), slots=(40, self.array(self._member("P"), 64)))
        idr = self.struct("idr", 16, idr_rt=(0, root))
        ids = self.struct("ipc_ids", 40, in_use=(0, "i"), ipcs_idr=(_TREE, idr))
        self.struct("ipc_namespace", 120, ids=(0, self.array(ids, 3)))
        self.room(_NAMESPACE, 120)

    def fill(self, kind: int, objects: Sequence[tuple[int, str, Sequence[int]]]) -> list[int]:
        """Objects as (deleted, codes, what stands behind the permissions)."""
        found = []
        for place, (deleted, codes, values) in enumerate(objects):
            address = _OBJECT + 128 * place
            self.room(address, 64)
            self.write(address + _PERM, "4xB3xiiIIH", deleted, place, -place, 7, 8, 0o1644)
            self.write(address + _REST, codes, *values)
            found.append(address)
        self.spans[_NODE] = bytearray(576)
        self.write(_NODE + 40, f"{len(found)}Q", *(address + _PERM for address in found))
        at = _NAMESPACE + 40 * kind
        self.write(at, "i", len(found))
        self.write(at + _TREE + 8, "Q", _NODE | 2)
        return found


def _permissions(place: int) -> Permissions:
    return Permissions(-place & 0xFFFFFFFF, place, 7, 8, 0o1644)


def test_each_kind_has_its_place_and_what_is_being_removed_is_left_out() -> None:
    fake = _FakeIpc()
    part = fake.kernel.part(IpcObjects)
    first, _, third = fake.fill(0, [(0, "i", [3]), (1, "i", [4]), (0, "i", [5])])
    sets = part.semaphores(_NAMESPACE)
    assert sets is not None
    assert list(sets) == [(first, _permissions(0), 3), (third, _permissions(2), 5)]
    assert part.queues(_NAMESPACE) is None
    (queue,) = fake.fill(1, [(0, "QQ", [50, 2])])
    queues = part.queues(_NAMESPACE)
    assert queues is not None
    assert list(queues) == [(queue, _permissions(0), 50, 2)]


@pytest.mark.parametrize(
    ("operations", "backing"), [(0x1000, (5, 9)), (0x2000, (5 << 9, 0)), (0x3000, (5 << 9, 0))]
)
def test_the_pages_of_a_segment(operations: int, backing: tuple[int, int]) -> None:
    fake = _FakeIpc()
    fake.symbol("hugetlbfs_file_operations", 0x2000)
    fake.symbol("shm_file_operations_huge", 0x3000)
    fake.struct("address_space", 16, nrpages=(8, "Q"))
    inode_type = fake.types["inode"]
    fake.struct("shmem_inode_info", 128, swapped=(0, "Q"), vfs_inode=(16, inode_type))
    fake.struct("super_block", 16, s_fs_info=(8, "P"))
    fake.struct("hugetlbfs_sb_info", 16, hstate=(8, "P"))
    fake.struct("hstate", 16, order=(4, "I"))
    inode = fake.take(128) + 16
    superblock, info, state, mapping = (fake.take(16) for _ in range(4))
    fake.write(inode - 16, "Q", 9)
    fake.write(inode + 8, "QQ", superblock, mapping)
    fake.write(mapping + 8, "Q", 5)
    fake.write(superblock + 8, "Q", info)
    fake.write(info + 8, "Q", state)
    fake.write(state + 4, "I", 9)
    file = fake.file(fake.dentry("x", inode=inode), fake.mount(fake.dentry("/")))
    fake.write(file + 40, "Q", operations)
    (segment,) = fake.fill(2, [(0, "QQQ", [4096, 1, file])])
    part = fake.kernel.part(IpcObjects)
    segments = part.segments(_NAMESPACE)
    assert segments is not None
    (found,) = segments
    assert (found.address, found.size, found.attached, found.file) == (segment, 4096, 1, file)
    assert part.backing(found) == Backing(inode, *backing)
    if operations != 0x1000:
        fake.write(state + 4, "I", 64)
        with pytest.raises(CrashError, match="hstate"):
            part.backing(found)


def test_a_node_that_is_not_there_is_an_error() -> None:
    fake = _FakeIpc()
    fake.fill(0, [(0, "i", [3])])
    del fake.spans[_NODE]
    sets = fake.kernel.part(IpcObjects).semaphores(_NAMESPACE)
    assert sets is not None
    with pytest.raises(ReadError, match="xa_node"):
        list(sets)


def test_a_task_that_has_ended_has_no_namespace() -> None:
    fake = _FakeIpc()
    fake.struct("nsproxy", 16, ipc_ns=(8, "P"))
    fake.struct("task_struct", 16, nsproxy=(8, "P"))
    task, proxy = fake.take(16), fake.take(16)
    part = fake.kernel.part(IpcObjects)
    with pytest.raises(CrashError, match="cannot determine ipc_namespace location!"):
        part.namespace(task)
    fake.write(task + 8, "Q", proxy)
    fake.write(proxy + 8, "Q", _NAMESPACE)
    assert part.namespace(task) == _NAMESPACE
