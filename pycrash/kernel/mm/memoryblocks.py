"""Blocks of memory that can be plugged in and out (struct memory_block)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError
from pycrash.kernel.core.layout import Layout, find_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.mm.sections import Sections
from pycrash.kernel.walks.lists import Chain, entries

_LONGEST_NAME = 256
#: memory_block.state, by the kernel's numbers.
_STATES = {
    1: "ONLINE",
    2: "GOING_OFFLINE",
    4: "OFFLINE",
    8: "GOING_ONLINE",
    16: "CANCEL_ONLINE",
    32: "CANCEL_OFFLINE",
}


class MemoryBlock(NamedTuple):
    """One block: the struct memory_block, its name, the physical addresses of its first and last
    byte, the latter None where that is not known, its node, None on a kernel that does not keep
    it, its state, and its first section."""

    address: int
    name: str
    start: int
    last: int | None
    node: int | None
    state: str
    section: int


class MemoryBlocks:
    """The blocks of a kernel, in its order."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @property
    def exist(self) -> bool:
        """Whether this kernel has blocks at all."""
        kernel = self._kernel
        has_bus = kernel.symbol_address("memory_subsys") is not None
        return has_bus and kernel.has_type("struct memory_block")

    @property
    def all(self) -> Iterator[MemoryBlock]:
        """Raises ReadError, MissingFeature, CrashError."""
        kernel = self._kernel
        head = self._bus + self._offset("subsys_private", "klist_devices.k_list")
        back = self._offset("device_private", "knode_bus.n_node")
        device_at = self._offset("device_private", "device") - back
        device_in = self._offset("memory_block", "dev")
        first = kernel.read_word(head, "klist klist")
        for entry in entries(kernel, Chain(first, end=head), "list entry"):
            device = kernel.read_word(entry + device_at, "device_private device")
            yield self._block(device - device_in)

    @cached_property
    def ends_known(self) -> bool:
        """Whether the kernel tells where a block ends."""
        return self._size is not None or "end_section_nr" in self._layout

    @cached_property
    def nodes_known(self) -> bool:
        """Whether the kernel tells the node of a block."""
        return "nid" in self._layout

    def _block(self, address: int) -> MemoryBlock:
        kernel, layout = self._kernel, self._layout
        data = kernel.read(address + layout.start, layout.size, "memory_block")
        section, state, name, end, node = layout.unpack(data)
        bits = kernel.part(Sections).bits
        start, last = section << bits, None
        if self._size is not None:
            last = start + self._size - 1
        elif end is not None:
            last = (end + 1 << bits) - 1
        text = read_text(kernel, name, "kobject name", _LONGEST_NAME)
        known = _STATES.get(state, "UNKNOWN")
        return MemoryBlock(address, text, start, last, node, known, section)

    @cached_property
    def _size(self) -> int | None:
        at = self._kernel.symbol_address("memory_block_size_probed")
        return None if at is None else self._kernel.read_word(at, "memory_block_size_probed")

    @cached_property
    def _bus(self) -> int:
        """The struct subsys_private of the blocks' bus."""
        kernel = self._kernel
        bus = kernel.required_symbol("memory_subsys")
        place = find_member(kernel.prog, "struct bus_type", "p")
        if place is not None:
            return kernel.read_word(bus + place.offset, "memory_subsys.private")
        return self._bus_of_set(bus)

    def _bus_of_set(self, bus: int) -> int:
        """The same on a kernel (6.4) where only the set of all buses leads there."""
        kernel = self._kernel
        every = kernel.read_word(kernel.required_symbol("bus_kset"), "bus_kset")
        head = every + self._offset("kset", "list")
        back = self._offset("subsys_private", "subsys.kobj.entry")
        bus_at = self._offset("subsys_private", "bus")
        first = kernel.read_word(head, "kset.list")
        for entry in entries(kernel, Chain(first, end=head), "kset.list"):
            if kernel.read_word(entry - back + bus_at, "subsys_private.bus") == bus:
                return entry - back
        raise CrashError("cannot determine subsys_private for memory.")

    @cached_property
    def _layout(self) -> Layout:
        fields = ("start_section_nr", "state", "dev.kobj.name", "end_section_nr", "nid")
        return Layout(
            self._kernel.prog, "struct memory_block", fields, optional=("end_section_nr", "nid")
        )

    def _offset(self, structure: str, member: str) -> int:
        return member_offset(self._kernel.prog, f"struct {structure}", member)
