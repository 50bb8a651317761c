"""Network devices (struct net_device) of a namespace (struct net), and their addresses."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, has_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.walks.lists import Chain, entries


class Device(NamedTuple):
    """One device, the `number`-th that was made.

    `type` is ARPHRD_* and `address_length` the bytes of a hardware address of it, `flags` IFF_*,
    `mtu` in bytes; `ipv4` and `ipv6` are its in_device and inet6_dev, or 0.
    """

    address: int
    name: str
    number: int
    type: int
    address_length: int
    flags: int
    mtu: int
    ipv4: int
    ipv6: int


class Devices:
    """Every method raises ReadError."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._known: dict[int, Device] = {}

    def namespace(self, task: int) -> int:
        """The struct net of the task_struct at an address.

        Raises CrashError where the task, having ended, has none.
        """
        kernel, prog = self._kernel, self._kernel.prog
        if not has_member(prog, "struct nsproxy", "net_ns"):
            return kernel.required_symbol("init_net")
        at = task + member_offset(prog, "struct task_struct", "nsproxy")
        proxy = kernel.read_word(at, "task_struct.nsproxy")
        try:
            return kernel.read_word(proxy + member_offset(prog, "struct nsproxy", "net_ns"))
        except ReadError:
            raise CrashError("cannot determine net_namespace location!") from None

    def all(self, namespace: int) -> Iterator[Device]:
        """The devices of a namespace, in the kernel's order."""
        prog = self._kernel.prog
        head = namespace + member_offset(prog, "struct net", "dev_base_head")
        link = self._link
        for place in self._list(head):
            yield self.get(place - link)

    def get(self, address: int) -> Device:
        """The device at an address."""
        found = self._known.get(address)
        if found is None:
            layout = self._layout
            data = self._kernel.read(address, layout.whole, "net_device buffer")
            name, number, *facts, ipv6 = layout.unpack(data, layout.start)
            text = name.partition(b"\0")[0].decode("utf-8", "surrogateescape")
            found = Device._make((address, text, number, *facts, ipv6 or 0))
            self._known[address] = found
        return found

    def ipv4(self, device: Device) -> list[str]:
        """The IPv4 addresses of a device."""
        if not device.ipv4:
            return []
        kernel, layout = self._kernel, self._ipv4
        at = device.ipv4 + member_offset(kernel.prog, "struct in_device", "ifa_list")
        first = kernel.read_word(at, "ifa_list")
        chain = Chain(first, layout.at("ifa_next"))
        found = []
        for place in entries(kernel, chain, "ifa_next"):
            data = kernel.read(place + layout.at("ifa_address"), 4, "ifa_address")
            found.append(socket.inet_ntoa(data))
        return found

    def ipv6(self, device: Device) -> list[str]:
        """The IPv6 addresses of a device; none where what the module says of them is missing."""
        if not device.ipv6:
            return []
        kernel, prog = self._kernel, self._kernel.prog
        try:
            head = device.ipv6 + member_offset(prog, "struct inet6_dev", "addr_list")
            link = member_offset(prog, "struct inet6_ifaddr", "if_list")
            at = member_offset(prog, "struct inet6_ifaddr", "addr")
        except MissingFeature:
            return []
        found = []
        for place in self._list(head):
            data = kernel.read(place - link + at, 16, "in6_addr.in6_u")
            found.append(socket.inet_ntop(socket.AF_INET6, data))
        return found

    def _list(self, head: int) -> Iterator[int]:
        """The entries of a list_head, without the head."""
        kernel = self._kernel
        return entries(kernel, Chain(kernel.read_word(head, "list entry"), end=head), "list entry")

    @cached_property
    def _link(self) -> int:
        return member_offset(self._kernel.prog, "struct net_device", "dev_list")

    @cached_property
    def _layout(self) -> Layout:
        fields = ("name", "ifindex", "type", "addr_len", "flags", "mtu", "ip_ptr", "ip6_ptr")
        return Layout(self._kernel.prog, "struct net_device", fields, optional=("ip6_ptr",))

    @cached_property
    def _ipv4(self) -> Layout:
        return Layout(self._kernel.prog, "struct in_ifaddr", ("ifa_next", "ifa_address"))
