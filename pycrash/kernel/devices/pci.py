"""PCI buses (struct pci_bus) and the devices on them (struct pci_dev)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.walks.lists import Chain, DuplicateEntry, entries

#: Bits 4 to 7 of the PCI Express capability: what kind of port a device is, in crash's words.
_PORTS = {
    **dict(enumerate(("ENDPOINT", "LEG_END"))),
    **dict(enumerate(("ROOT_PORT", "UPSTREAM", "DOWNSTREAM", "PCI_BRIDGE"), 4)),
    **dict(enumerate(("PCIE_BRIDGE", "RC_END", "RC_EC"), 8)),
}
#: Types of configuration headers that only bridges have.
_BRIDGES = (1, 2)


class PciDevice(NamedTuple):
    """A device: its class without the programming interface, and what it is on PCI Express,
    empty where that has no name."""

    address: int
    name: str
    device_class: int
    vendor: int
    device: int
    port: str
    bridge: bool


class PciBus(NamedTuple):
    """A bus. `bridge` is the device that leads to it, None for a root."""

    address: int
    name: str
    parent: int
    bridge: PciDevice | None


class PciBuses:
    """The buses of a machine. Methods raise CrashError and ReadError."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @property
    def is_known(self) -> bool:
        """Whether this kernel keeps a list of PCI buses."""
        return self._kernel.symbol_address("pci_root_buses") is not None

    def roots(self) -> Iterator[PciBus]:
        """The buses that hang off no other."""
        head = self._kernel.required_symbol("pci_root_buses")
        for entry in self._list(head, "pci_root_buses"):
            yield self._bus(entry - self._bus_layout.at("node"))

    def below(self, bus: int) -> Iterator[PciBus]:
        """The buses behind the bridges of a bus, each before those behind it in turn."""
        yield from self._below(bus, {bus})

    def _below(self, bus: int, seen: set[int]) -> Iterator[PciBus]:
        layout = self._bus_layout
        for entry in self._list(bus + layout.at("children"), "pci bus children"):
            address = entry - layout.at("node")
            if address in seen:
                raise DuplicateEntry(address)
            seen.add(address)
            yield self._bus(address)
            yield from self._below(address, seen)

    def devices(self, bus: int) -> Iterator[PciDevice]:
        """The devices on a bus."""
        layout = self._bus_layout
        for entry in self._list(bus + layout.at("devices"), "pci bus devices"):
            yield self._device(entry - self._device_layout.at("bus_list"))

    def _list(self, head: int, what: str) -> Iterator[int]:
        first = self._kernel.read_word(head, what)
        return entries(self._kernel, Chain(first, end=head), what)

    def _bus(self, address: int) -> PciBus:
        kernel, layout = self._kernel, self._bus_layout
        bridge = kernel.read_word(address + layout.at("self"), "pci bus self")
        parent = kernel.read_word(address + layout.at("parent"), "pci bus parent")
        name = self._name(address + layout.at("dev.kobj.name"))
        return PciBus(address, name, parent, self._device(bridge) if bridge else None)

    def _device(self, address: int) -> PciDevice:
        kernel, layout = self._kernel, self._device_layout
        name = self._name(address + layout.at("dev.kobj.name"))
        data = kernel.read(address + layout.start, layout.size, "pci dev device")
        _, _, device_class, vendor, device, header, flags = layout.unpack(data)
        port = "" if flags is None else _PORTS.get(flags >> 4 & 0xF, "")
        return PciDevice(address, name, device_class >> 8, vendor, device, port, header in _BRIDGES)

    def _name(self, at: int) -> str:
        address = self._kernel.read_word(at, "kobject name")
        try:
            return read_text(self._kernel, address, "kobject name")
        except ReadError:
            return ""

    @cached_property
    def _bus_layout(self) -> Layout:
        fields = ("node", "children", "devices", "parent", "self", "dev.kobj.name")
        return Layout(self._kernel.prog, "struct pci_bus", fields)

    @cached_property
    def _device_layout(self) -> Layout:
        fields = ("bus_list", "dev.kobj.name", "class", "vendor", "device", "hdr_type")
        flags = "pcie_flags_reg"
        return Layout(self._kernel.prog, "struct pci_dev", (*fields, flags), optional=(flags,))
