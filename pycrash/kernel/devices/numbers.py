"""Device numbers that drivers registered: character devices and block devices by major."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, find_member, member_offset, type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.walks.lists import Chain, entries

#: Entries of the kernel's hash tables of majors, which crash looks at.
MAJORS = 255
_MINOR_BITS = 20


class CharDevice(NamedTuple):
    """A range of numbers of a character driver (struct char_device_struct); `cdev` and its
    `operations` are 0 where nothing was found that serves them."""

    major: int
    minor: int
    name: str
    cdev: int
    operations: int


class BlockDriver(NamedTuple):
    """A block driver (struct blk_major_name); `disk` is a gendisk of that major, and it and its
    `operations` are 0 where there is none."""

    major: int
    name: str
    disk: int
    operations: int


class CharDevices:
    """The character devices of a kernel."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def all(self) -> Iterator[CharDevice]:
        """Each range of numbers by place in the kernel's table. Raises CrashError, ReadError."""
        kernel = self._kernel
        at = kernel.symbol_address("chrdevs")
        if at is None:
            raise CrashError("chrdevs: symbol does not exist")
        for head in _words(kernel, at, "chrdevs array"):
            chain = Chain(head, link=self._layout.at("next"))
            for address in entries(kernel, chain, "char_device_struct"):
                yield self._device(address)

    def _device(self, address: int) -> CharDevice:
        kernel, layout = self._kernel, self._layout
        data = kernel.read(address + layout.start, layout.size, "char_device_struct")
        major, minor, name, cdev, _ = layout.unpack(data)
        operations = self._operations(cdev) if cdev else 0
        if not operations:
            cdev, operations = self._served(major, minor) or (cdev, 0)
        return CharDevice(major, minor, char_text(name), cdev, operations)

    def _served(self, major: int, minor: int) -> tuple[int, int] | None:
        """The cdev registered for just this number, and its operations."""
        for number, cdev in probes(self._kernel, "cdev_map", major):
            if number == major << _MINOR_BITS | minor:
                try:
                    return cdev, self._operations(cdev)
                except ReadError:
                    return None
        return None

    def _operations(self, cdev: int) -> int:
        at = member_offset(self._kernel.prog, "struct cdev", "ops")
        return self._kernel.read_word(cdev + at, "cdev ops")

    @cached_property
    def _layout(self) -> Layout:
        fields = ("major", "baseminor", "name", "cdev", "next")
        return Layout(self._kernel.prog, "struct char_device_struct", fields)


class BlockDrivers:
    """The block drivers of a kernel."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def all(self) -> Iterator[BlockDriver]:
        """Each driver by place in the kernel's table. Raises CrashError, ReadError."""
        kernel = self._kernel
        at = kernel.symbol_address("major_names")
        if at is None:
            raise CrashError("blkdevs or all_bdevs: symbols do not exist")
        layout = Layout(kernel.prog, "struct blk_major_name", ("major", "name", "next"))
        for head in _words(kernel, at, "major_names[] entry"):
            chain = Chain(head, link=layout.at("next"))
            for address in entries(kernel, chain, "blk_major_name"):
                data = kernel.read(address + layout.start, layout.size, "blk_major_name")
                major, name, _ = layout.unpack(data)
                yield BlockDriver(major, char_text(name), *self._disk(major))

    def _disk(self, major: int) -> tuple[int, int]:
        """A disk of a major and its operations; zeros where there is none."""
        if self._kernel.symbol_address("bdev_map") is None:
            return self._by_inode.get(major, (0, 0))
        for number, disk in probes(self._kernel, "bdev_map", major):
            if disk and number >> _MINOR_BITS == major:
                try:
                    _, operations = self._disk_facts(disk)
                except ReadError:
                    break
                if operations:
                    return disk, operations
        return 0, 0

    @cached_property
    def _by_inode(self) -> dict[int, tuple[int, int]]:
        """The first disk of each major among the inodes of block devices (5.11), and its
        operations; what cannot be read is left out."""
        found: dict[int, tuple[int, int]] = {}
        for device in self._devices():
            with suppress(ReadError):
                at = member_offset(self._kernel.prog, "struct block_device", "bd_disk")
                disk = self._kernel.read_word(device + at, "block_device.bd_disk")
                major, operations = self._disk_facts(disk) if disk else (0, 0)
                if operations:
                    found.setdefault(major, (disk, operations))
        return found

    def _devices(self) -> Iterator[int]:
        """Each struct block_device, from the list of inodes of their file system."""
        kernel, prog = self._kernel, self._kernel.prog
        at = kernel.required_symbol("blockdev_superblock")
        blocks = kernel.read_word(at, "blockdev_superblock")
        head = blocks + member_offset(prog, "struct super_block", "s_inodes")
        link = member_offset(prog, "struct inode", "i_sb_list")
        # The block_device lies before the inode in struct bdev_inode.
        link += _inode_at(kernel)
        try:
            chain = Chain(kernel.read_word(head, "blockdev_superblock.s_inodes"), end=head)
            for entry in entries(kernel, chain, "inode.i_sb_list"):
                yield entry - link
        except ReadError:
            return

    def _disk_facts(self, disk: int) -> tuple[int, int]:
        """The major of a gendisk and its operations. Raises ReadError."""
        layout = self._gendisk
        data = self._kernel.read(disk + layout.start, layout.size, "gendisk buffer")
        major, operations = layout.unpack(data)
        return major, operations

    @cached_property
    def _gendisk(self) -> Layout:
        return Layout(self._kernel.prog, "struct gendisk", ("major", "fops"))


def _inode_at(kernel: Reader) -> int:
    """The bytes from a struct block_device to its inode."""
    place = find_member(kernel.prog, "struct bdev_inode", "vfs_inode")
    if place is not None:
        return place.offset
    size = type_size(kernel.prog, "struct block_device")
    if size is None:
        raise MissingFeature("no struct block_device in this kernel")
    return size


def probes(kernel: Reader, symbol: str, major: int) -> Iterator[tuple[int, int]]:
    """The device numbers registered in a kobj_map at the place of a major, and what serves
    them, as far as they can be read."""
    at = kernel.symbol_address(symbol)
    if at is None:
        return
    layout = Layout(kernel.prog, "struct probe", ("dev", "data", "next"))
    place = member_offset(kernel.prog, "struct kobj_map", "probes")
    place += major % MAJORS * kernel.word_size
    try:
        head = kernel.read_word(kernel.read_word(at, symbol) + place, f"{symbol}.probes[]")
        for address in entries(kernel, Chain(head, link=layout.at("next")), "struct probe"):
            data = kernel.read(address + layout.start, layout.size, "struct probe")
            number, served, _ = layout.unpack(data)
            yield number, served
    except ReadError:
        return


def char_text(data: bytes) -> str:
    """The text in an array of characters."""
    return data.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _words(kernel: Reader, address: int, what: str) -> tuple[int, ...]:
    data = kernel.read(address, MAJORS * kernel.word_size, what)
    return struct.unpack(f"{kernel.byte_order}{MAJORS}{kernel.word}", data)
