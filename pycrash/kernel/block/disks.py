"""Disks (struct gendisk), from the devices of the class "block"."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, find_member, has_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.walks.lists import Chain, entries

#: Set in klist_node.n_klist where the node only waits for its last user.
_DEAD = 1


class Disk(NamedTuple):
    """A disk: the address of its gendisk, and of its request_queue."""

    address: int
    name: str
    major: int
    queue: int


class Disks:
    """The disks of a kernel. Methods raise CrashError, ReadError and MissingFeature."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @property
    def are_known(self) -> bool:
        """Whether this kernel has a class of block devices."""
        return self._kernel.symbol_address("block_class") is not None

    def all(self) -> Iterator[Disk]:
        """Each disk in the order of the class's list."""
        kernel, layout = self._kernel, self._layout
        for device in self._devices():
            address = self._gendisk(device)
            what = "gen_disk.disk_name"
            data = kernel.read(address + layout.start, layout.size, what)
            name, queue, major = layout.unpack(data)
            text = name.partition(b"\0")[0].decode("utf-8", "surrogateescape")
            yield Disk(address, text, major, queue)

    def _devices(self) -> Iterator[int]:
        """Each struct device of the class that is a whole disk (device.type is disk_type)."""
        kernel, prog = self._kernel, self._kernel.prog
        whole = kernel.required_symbol("disk_type")
        kind = member_offset(prog, "struct device", "type")
        node = Layout(prog, "struct klist_node", ("n_klist", "n_node"))
        head = self._list_head
        chain = Chain(kernel.read_word(head, "list_head.next"), end=head)
        for entry in entries(kernel, chain, "list_head.next"):
            at = entry - node.at("n_node")
            if kernel.read_word(at + node.at("n_klist"), "klist_node.n_klist") & _DEAD:
                continue
            device = self._device(at)
            if kernel.read_word(device + kind, "device.type") == whole:
                yield device

    def _device(self, node: int) -> int:
        """The struct device that a node of the class's list is of."""
        prog = self._kernel.prog
        # In struct device until 5.0, then in its device_private.
        place = find_member(prog, "struct device", "knode_class")
        if place is not None:
            return node - place.offset
        layout = Layout(prog, "struct device_private", ("knode_class", "device"))
        at = node - layout.at("knode_class") + layout.at("device")
        return self._kernel.read_word(at, "device_private.device")

    def _gendisk(self, device: int) -> int:
        """The disk of a struct device, which is in the first partition's structure."""
        prog = self._kernel.prog
        part = find_member(prog, "struct hd_struct", "__dev")
        if part is not None:
            return device - part.offset - member_offset(prog, "struct gendisk", "part0")
        layout = Layout(prog, "struct block_device", ("bd_device", "bd_disk"))
        at = device - layout.at("bd_device") + layout.at("bd_disk")
        return self._kernel.read_word(at, "block_device.bd_disk")

    @cached_property
    def _list_head(self) -> int:
        prog = self._kernel.prog
        at = member_offset(prog, "struct subsys_private", "klist_devices.k_list")
        return self._private + at

    @property
    def _private(self) -> int:
        """The class's subsys_private: pointed to by the class until 6.3."""
        kernel, prog = self._kernel, self._kernel.prog
        if has_member(prog, "struct class", "p"):
            at = kernel.required_symbol("block_class") + member_offset(prog, "struct class", "p")
            found = kernel.read_word(at, "class.p")
        else:
            found = self._private_by_name("block")
        if not found:
            raise CrashError("cannot determine subsys_private for block.")
        return found

    def _private_by_name(self, name: str) -> int:
        """The subsys_private of a name in the set of classes, 0 where there is none."""
        kernel, prog = self._kernel, self._kernel.prog
        at = kernel.symbol_address("class_kset")
        if at is None:
            return 0
        head = kernel.read_word(at, "class_kset") + member_offset(prog, "struct kset", "list")
        kobject = Layout(prog, "struct kobject", ("entry", "name"))
        outer = member_offset(prog, "struct subsys_private", "subsys.kobj")
        chain = Chain(kernel.read_word(head, "kset.list"), end=head)
        for entry in entries(kernel, chain, "kset.list"):
            at = entry - kobject.at("entry")
            text = kernel.read_word(at + kobject.at("name"), "kobject.name")
            if self._text(text) == name:
                return at - outer
        return 0

    def _text(self, address: int) -> str:
        try:
            return read_text(self._kernel, address, "kobject.name")
        except ReadError:
            return ""

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self._kernel.prog, "struct gendisk", ("disk_name", "queue", "major"))


def block_part(kernel: Reader, disk: Disk) -> int:
    """Where the counters of a whole disk are found: its first partition's structure."""
    place = find_member(kernel.prog, "struct gendisk", "part0")
    if place is None:
        raise MissingFeature("no struct gendisk.part0 in this kernel")
    at = disk.address + place.offset
    # A pointer to a block_device since 5.11.
    inside = has_member(kernel.prog, "struct hd_struct", "__dev")
    return at if inside else kernel.read_word(at, "gendisk.part0")
