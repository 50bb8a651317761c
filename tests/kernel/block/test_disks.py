"""Disks and their requests under way, from structures made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import drgn
import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.block.disks import Disk, Disks
from pycrash.kernel.block.inflight import InFlight
from pycrash.kernel.core.cpus import Cpus
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.walks.lists import DuplicateEntry
from tests.kernel.fake_kernel import FakeKernel

BASE = 0xFFFF888000000000
CLASS, PRIVATE, NODES, DEVICES = (BASE + 0x1000 * n for n in range(4))
BLOCKS, DISK, QUEUE, TAG_SET = (BASE + 0x1000 * n for n in range(4, 8))
CONTEXTS, TAGS, WORDS, REQUESTS = (BASE + 0x1000 * n for n in range(8, 12))
TABLE, STATS = BASE + 0x20000, 0x400
WHOLE = BASE + 0x30000
CPU_OFFSETS = (BASE + 0x40000, BASE + 0x50000)
VDA = Disk(DISK, "vda", 254, QUEUE)


def types(fake: FakeKernel) -> None:
    char = fake.prog.int_type("char", 1, True)
    fake.struct("klist", 16, k_list=(0, "P"))
    fake.struct("subsys_private", 64, klist_devices=(32, fake.types["klist"]))
    fake.struct("class", 16, p=(8, "P"))
    fake.struct("klist_node", 24, n_klist=(0, "P"), n_node=(8, "P"))
    fake.struct("device", 16, type=(8, "P"))
    node = fake.types["klist_node"]
    fake.struct("device_private", 64, knode_class=(8, node), device=(40, "P"))
    device = fake.types["device"]
    fake.struct("block_device", 64, bd_disk=(0, "P"), bd_device=(16, device), bd_stats=(40, "P"))
    fake.struct(
        *("gendisk", 64),
        disk_name=(0, fake.array(char, 32)),
        major=(32, "i"),
        queue=(40, "P"),
        part0=(48, "P"),
    )
    fake.struct(
        "disk_stats", 32, in_flight=(16, fake.array(fake.prog.int_type("long", 8, True), 2))
    )


def queue_types(fake: FakeKernel, in_an_xarray: bool) -> None:
    pointer = fake.prog.pointer_type(fake.prog.void_type())
    fake.struct("xarray", 16, xa_head=(8, "P"))
    fake.struct("xa_node", 64, shift=(0, "B"), slots=(16, fake.array(pointer, 4)))
    members: dict[str, tuple[int, str | drgn.Type]] = {"mq_ops": (0, "P"), "tag_set": (8, "P")}
    if in_an_xarray:
        members["hctx_table"] = (16, fake.types["xarray"])
    else:
        members |= {"nr_hw_queues": (16, "I"), "queue_hw_ctx": (24, "P")}
    fake.struct("request_queue", 64, **members)
    fake.struct("request", 32, q=(0, "P"), cmd_flags=(8, "I"), state=(12, "I"))
    fake.struct("blk_mq_tag_set", 32, flags=(0, "I"), shared_tags=(8, "P"))
    fake.struct("blk_mq_hw_ctx", 16, tags=(8, "P"))
    fake.struct("sbitmap", 24, depth=(0, "I"), shift=(4, "I"), map_nr=(8, "I"), map=(16, "P"))
    fake.struct("sbitmap_word", 16, word=(0, "Q"), cleared=(8, "Q"))
    bitmap = fake.struct("sbitmap_queue", 32, sb=(8, fake.types["sbitmap"]))
    fake.struct(
        *("blk_mq_tags", 128),
        nr_reserved_tags=(0, "I"),
        bitmap_tags=(8, bitmap),
        breserved_tags=(40, bitmap),
        rqs=(72, "P"),
    )


@pytest.fixture
def fake() -> FakeKernel:
    """A class of three devices: a dead one, a partition, and the disk vda."""
    made = FakeKernel()
    types(made)
    made.symbol("block_class", CLASS)
    made.symbol("disk_type", WHOLE)
    made.write(CLASS, "QQ", 0, PRIVATE)
    for base in (PRIVATE, NODES, DEVICES, BLOCKS, DISK, QUEUE, TAG_SET, CONTEXTS, TAGS, WORDS):
        made.room(base, 0x1000)
    made.room(REQUESTS, 0x1000)
    links = [NODES + 64 * n + 16 for n in range(3)]
    for place, (at, following) in enumerate(zip(links, [*links[1:], PRIVATE + 32], strict=True)):
        made.write(at - 8, "QQ", place == 0, following)
        made.write(at + 24, "Q", DEVICES + 64 * place + 16)
    made.write(PRIVATE + 32, "Q", links[0])
    made.write(DEVICES + 64 * 2, "QQQQ", DISK, 0, 0, WHOLE)
    made.write(DISK, "32siIQQ", b"vda", 254, 0, QUEUE, BLOCKS)
    places = SimpleNamespace(count=2, address=lambda base, cpu: base + CPU_OFFSETS[cpu])
    made.give(Cpus, places)
    missing = made.kernel.part(Memory).read_slowly
    made.give(Memory, SimpleNamespace(is_kernel=lambda at: at >= BASE, read_slowly=missing))
    return made


def test_dead_devices_and_partitions_are_no_disks(fake: FakeKernel) -> None:
    assert list(Disks(fake.kernel).all()) == [VDA]


def test_a_circle_of_devices_ends(fake: FakeKernel) -> None:
    fake.write(NODES + 64 * 2 + 16, "Q", NODES + 16)
    with pytest.raises(DuplicateEntry):
        list(Disks(fake.kernel).all())


def test_a_class_that_is_found_by_name(fake: FakeKernel) -> None:
    fake.struct("class", 8, name=(0, "P"))
    fake.struct("kset", 16, list=(0, "P"))
    kobject = fake.struct("kobject", 16, name=(0, "P"), entry=(8, "P"))
    kset = fake.struct("kset", 32, list=(0, "P"), kobj=(16, kobject))
    made = fake.struct(
        "subsys_private", 64, subsys=(0, kset), klist_devices=(32, fake.types["klist"])
    )
    assert made.size == 64
    fake.symbol("class_kset", TABLE)
    fake.write(TABLE, "QQ", TABLE + 8, PRIVATE + 24)
    fake.write(PRIVATE + 16, "QQ", TABLE + 64, TABLE + 8)
    fake.write(TABLE + 64, "8s", b"block")
    assert list(Disks(fake.kernel).all()) == [VDA]
    fake.write(TABLE + 64, "8s", b"net")
    with pytest.raises(CrashError, match="cannot determine subsys_private"):
        list(Disks(fake.kernel).all())


def never(problem: ReadError) -> None:
    raise AssertionError(problem)


def test_a_disk_without_a_queue_of_requests_has_counters(fake: FakeKernel) -> None:
    fake.struct("request_queue", 8)
    fake.write(BLOCKS + 40, "Q", STATS)
    for offset, pair in zip(CPU_OFFSETS, ((5, 1), (-2, 2)), strict=True):
        fake.write(STATS + offset + 16, "qq", *pair)
    flight = InFlight(fake.kernel)
    assert flight.of(VDA, never) == (3, 3)
    assert not flight.has_driver_count


def multiqueue(fake: FakeKernel, in_an_xarray: bool = True) -> None:
    """One hardware queue: a reserved tag and two others in use, of which one is not under way."""
    queue_types(fake, in_an_xarray)
    fake.write(QUEUE, "QQ", 1, TAG_SET)
    if in_an_xarray:
        fake.write(QUEUE + 24, "Q", CONTEXTS)
    else:
        fake.write(QUEUE + 16, "QQ", 1, TABLE)
        fake.write(TABLE, "Q", CONTEXTS)
    fake.write(CONTEXTS + 8, "Q", TAGS)
    fake.write(TAGS, "I", 1)
    fake.write(TAGS + 16, "IIIIQ", 8, 3, 1, 0, WORDS)
    fake.write(TAGS + 48, "IIIIQ", 1, 3, 1, 0, WORDS + 16)
    fake.write(TAGS + 72, "Q", REQUESTS)
    fake.write(WORDS, "QQQQ", 0b1011, 0b0010, 1, 0)
    # The reserved tag comes first; a write, a read, and a request of another queue.
    fake.write(REQUESTS, "5Q", *(REQUESTS + 256 + 32 * n for n in range(5)))
    for place, (queue, flags, state) in {
        0: (QUEUE, 0x8801, 1),
        1: (QUEUE, 2, 1),
        4: (QUEUE + 8, 1, 1),
    }.items():
        fake.write(REQUESTS + 256 + 32 * place, "QII", queue, flags, state)


@pytest.mark.parametrize("in_an_xarray", [True, False])
def test_tags_in_use_are_counted(fake: FakeKernel, in_an_xarray: bool) -> None:
    multiqueue(fake, in_an_xarray)
    assert InFlight(fake.kernel).of(VDA, never) == (1, 1)


def test_a_request_that_is_done_does_not_count(fake: FakeKernel) -> None:
    multiqueue(fake)
    fake.write(REQUESTS + 256 + 12, "I", 2)
    assert InFlight(fake.kernel).of(VDA, never) == (1, 0)


def test_shared_tags(fake: FakeKernel) -> None:
    multiqueue(fake)
    fake.constants["BLK_MQ_F_TAG_HCTX_SHARED"] = 8
    fake.write(TAG_SET, "IIQ", 8, 0, TAGS)
    fake.write(CONTEXTS + 8, "Q", 0)
    assert InFlight(fake.kernel).of(VDA, never) == (1, 1)


def test_what_cannot_be_read_is_told_and_the_rest_counts(fake: FakeKernel) -> None:
    multiqueue(fake)
    fake.write(TAGS + 32, "Q", 0xDEAD0000)
    problems: list[ReadError] = []
    assert InFlight(fake.kernel).of(VDA, problems.append) == (0, 1)
    assert [problem.address for problem in problems] == [0xDEAD0000]
