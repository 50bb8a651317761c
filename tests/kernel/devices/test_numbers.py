"""Registered device numbers, from tables made by hand."""

from __future__ import annotations

import pytest

from pycrash.errors import CrashError
from pycrash.kernel.devices.numbers import (
    MAJORS,
    BlockDriver,
    BlockDrivers,
    CharDevice,
    CharDevices,
)
from pycrash.kernel.walks.lists import DuplicateEntry
from tests.kernel.fake_kernel import FakeKernel

BASE = 0xFFFF888000000000
TABLE, HEADS, MAP = BASE, BASE + 0x1000, BASE + 0x10000
ENTRY, CDEV, PROBE, DISK = (BASE + 0x20000 + 0x10000 * n for n in range(4))
SUPER, BDEV = BASE + 0x80000, BASE + 0x90000
OPS = 0x1234


@pytest.fixture
def fake() -> FakeKernel:
    made = FakeKernel()
    made.struct(
        "char_device_struct",
        64,
        next=(0, "P"),
        major=(8, "I"),
        baseminor=(12, "I"),
        name=(16, "16s"),
        cdev=(32, "P"),
    )
    made.struct("cdev", 16, ops=(8, "P"))
    pointer = made.prog.pointer_type(made.prog.void_type())
    made.struct("kobj_map", 8 * MAJORS, probes=(0, made.array(pointer, MAJORS)))
    made.struct("probe", 32, next=(0, "P"), dev=(8, "I"), data=(16, "P"))
    made.struct("blk_major_name", 40, next=(0, "P"), major=(8, "i"), name=(12, "16s"))
    made.struct("gendisk", 16, major=(0, "i"), fops=(8, "P"))
    made.symbol("chrdevs", TABLE, 8 * MAJORS)
    made.symbol("major_names", TABLE, 8 * MAJORS)
    made.symbol("cdev_map", HEADS)
    made.room(TABLE, 8 * MAJORS)
    made.room(MAP, 8 * MAJORS)
    made.room(ENTRY, 256)
    made.write(HEADS, "Q", MAP)
    return made


def char(fake: FakeKernel, place: int, major: int, minor: int, cdev: int, next_: int = 0) -> int:
    at = ENTRY + 64 * place
    fake.write(at, "QII16sQ", next_, major, minor, b"name", cdev)
    return at


def probe(fake: FakeKernel, major: int, minor: int, data: int) -> None:
    fake.room(PROBE, 32)
    fake.write(PROBE, "QIIQ", 0, major << 20 | minor, 0, data)
    fake.write(MAP + 8 * (major % MAJORS), "Q", PROBE)


def test_a_character_device_with_a_cdev_of_its_own(fake: FakeKernel) -> None:
    fake.write(TABLE + 8 * 4, "Q", char(fake, 0, 4, 64, CDEV))
    fake.write(CDEV, "QQ", 0, OPS)
    assert list(CharDevices(fake.kernel).all()) == [CharDevice(4, 64, "name", CDEV, OPS)]


def test_one_that_is_found_by_its_number(fake: FakeKernel) -> None:
    second = char(fake, 1, 300, 8, 0)
    fake.write(TABLE + 8 * 45, "Q", char(fake, 0, 300, 7, 0, second))
    probe(fake, 300, 8, CDEV)
    fake.write(CDEV, "QQ", 0, OPS)
    first, found = CharDevices(fake.kernel).all()
    assert (first.cdev, first.operations) == (0, 0)
    assert (found.cdev, found.operations) == (CDEV, OPS)


def test_a_circle_of_devices_ends(fake: FakeKernel) -> None:
    at = char(fake, 0, 4, 0, 0, ENTRY)
    fake.write(TABLE, "Q", at)
    with pytest.raises(DuplicateEntry):
        list(CharDevices(fake.kernel).all())


def driver(fake: FakeKernel, major: int) -> None:
    fake.write(ENTRY, "Qi16s", 0, major, b"virtblk")
    fake.write(TABLE + 8 * (major % MAJORS), "Q", ENTRY)
    fake.write(DISK, "iIQ", major, 0, OPS)


def test_a_block_driver_is_found_in_the_map(fake: FakeKernel) -> None:
    driver(fake, 259)
    fake.symbol("bdev_map", HEADS)
    probe(fake, 259, 3, DISK)
    assert list(BlockDrivers(fake.kernel).all()) == [BlockDriver(259, "virtblk", DISK, OPS)]


def test_a_block_driver_is_found_by_inodes(fake: FakeKernel) -> None:
    driver(fake, 254)
    block = fake.struct("block_device", 16, bd_disk=(8, "P"))
    inode = fake.struct("inode", 32, i_sb_list=(16, "P"))
    fake.struct("bdev_inode", 64, bdev=(0, block), vfs_inode=(32, inode))
    fake.struct("super_block", 32, s_inodes=(16, "P"))
    fake.symbol("blockdev_superblock", HEADS)
    fake.write(HEADS, "Q", SUPER)
    # The first inode's device has no disk, the second's page is missing, the third has one.
    links = [BDEV + 0x1000 * n + 32 + 16 for n in range(3)]
    fake.write(SUPER + 16, "Q", links[0])
    for at, following in zip(links, [*links[1:], SUPER + 16], strict=True):
        fake.write(at, "Q", following)
    fake.write(BDEV, "QQ", 0, 0)
    fake.write(BDEV + 0x2000, "QQ", 0, DISK)
    assert list(BlockDrivers(fake.kernel).all()) == [BlockDriver(254, "virtblk", DISK, OPS)]


def test_no_tables() -> None:
    with pytest.raises(CrashError, match="chrdevs: symbol does not exist"):
        list(CharDevices(FakeKernel().kernel).all())
    with pytest.raises(CrashError, match="symbols do not exist"):
        list(BlockDrivers(FakeKernel().kernel).all())
