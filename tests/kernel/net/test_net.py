"""Devices and their addresses, the ARP cache in both of its forms, sockets of files."""

from __future__ import annotations

import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.net.devices import Device, Devices
from pycrash.kernel.net.neighbours import Neighbours
from pycrash.kernel.net.sockets import End, Sockets
from tests.kernel.fake_files import FakeFiles
from tests.kernel.fake_kernel import FakeKernel

_NET, _FIRST, _SECOND, _OTHER = 0x1000, 0x2000, 0x3000, 0x4000
_TABLE = 0x8000


def _devices(ipv6: bool = True) -> FakeKernel:
    """A namespace of two devices, the first with addresses."""
    fake = FakeKernel()
    links = fake.struct("list_head", 16, next=(0, "P"), prev=(8, "P"))
    fake.struct("net", 32, dev_base_head=(16, links))
    numbers = {"ifindex": (32, "i"), "type": (36, "H"), "addr_len": (38, "B"), "flags": (40, "I")}
    fake.struct(
        "net_device",
        80,
        name=(0, "16s"),
        dev_list=(16, links),
        mtu=(44, "I"),
        ip_ptr=(48, "P"),
        **numbers,
        **({"ip6_ptr": (56, "P")} if ipv6 else {}),
    )
    fake.struct("in_device", 16, ifa_list=(8, "P"))
    fake.struct("in_ifaddr", 16, ifa_next=(0, "P"), ifa_address=(8, "I"))
    address = fake.struct("in6_addr", 16, in6_u=(0, "16s"))
    fake.struct("inet6_dev", 32, addr_list=(8, links))
    fake.struct("inet6_ifaddr", 48, addr=(0, address), if_list=(24, links))
    fake.write(_NET, "16xQQ", _FIRST + 16, _SECOND + 16)
    form = "16sQQiHBxIIQQ16x"
    inside = (1, 772, 0, 0x49, 65536, _OTHER, _OTHER + 0x100)
    fake.write(_FIRST, form, b"lo", _SECOND + 16, _NET + 16, *inside)
    fake.write(_SECOND, form, b"eth0", _NET + 16, _FIRST + 16, 2, 1, 6, 0x1003, 1500, 0, 0)
    fake.write(_OTHER, "8xQ", _OTHER + 0x20)
    fake.write(_OTHER + 0x20, "Q4s4x", _OTHER + 0x40, bytes((127, 0, 0, 1)))
    fake.write(_OTHER + 0x40, "Q4s4x", 0, bytes((10, 0, 2, 15)))
    fake.write(_OTHER + 0x100, "8xQQ8x", _OTHER + 0x218, _OTHER + 0x218)
    fake.write(_OTHER + 0x200, "15xB8xQQ8x", 1, _OTHER + 0x108, _OTHER + 0x108)
    return fake


def test_the_devices_of_a_namespace_and_their_addresses() -> None:
    devices = _devices().kernel.part(Devices)
    first, second = devices.all(_NET)
    assert first == Device(_FIRST, "lo", 1, 772, 0, 0x49, 65536, _OTHER, _OTHER + 0x100)
    assert (second.name, second.number, second.type, second.mtu) == ("eth0", 2, 1, 1500)
    assert devices.ipv4(first) == ["127.0.0.1", "10.0.2.15"]
    assert devices.ipv6(first) == ["::1"]
    assert devices.ipv4(second) == devices.ipv6(second) == []


def test_a_kernel_without_ipv6() -> None:
    devices = _devices(ipv6=False).kernel.part(Devices)
    first, _ = devices.all(_NET)
    assert devices.ipv6(first) == []


def test_the_namespace_of_a_task() -> None:
    fake = _devices()
    fake.symbol("init_net", _NET)
    devices = fake.kernel.part(Devices)
    assert devices.namespace(0x100) == _NET
    other = FakeKernel()
    other.struct("nsproxy", 16, net_ns=(8, "P"))
    other.struct("task_struct", 16, nsproxy=(8, "P"))
    other.write(0x100, "8xQ", 0x200)
    other.write(0x200, "8xQ", _NET)
    assert other.kernel.part(Devices).namespace(0x100) == _NET
    other.write(0x100, "8xQ", 0)
    with pytest.raises(CrashError, match="cannot determine net_namespace location!"):
        other.kernel.part(Devices).namespace(0x100)


@pytest.mark.parametrize("newer", [False, True])
def test_the_arp_cache(newer: bool) -> None:
    fake = FakeKernel()
    fake.symbol("arp_tbl", _TABLE)
    fake.struct("neigh_table", 16, nht=(8, "P"))
    heads = {"hash_heads" if newer else "hash_buckets": (0, "P")}
    fake.struct("neigh_hash_table", 16, hash_shift=(8, "I"), **heads)
    node = fake.struct("hlist_node", 16, next=(0, "P"), pprev=(8, "P"))
    link = {"hash": (8, node)} if newer else {"next": (0, "P")}
    members = {"ha": (32, "8s"), "dev": (40, "P"), "nud_state": (24, "B")}
    fake.struct("neighbour", 64, primary_key=(48, "4s"), **members, **link)
    fake.write(_TABLE, "8xQ", _TABLE + 0x100)
    fake.write(_TABLE + 0x100, "QI", _TABLE + 0x200, 1)
    back = 8 if newer else 0
    fake.write(_TABLE + 0x200, "QQ", 0, _FIRST + back)
    for address, following, last in ((_FIRST, _SECOND + back, 1), (_SECOND, 0, 2)):
        fake.write(address, "24xB7x8sQ4B12x", 0x82, b"hardware", _NET, 10, 0, 0, last)
        fake.write(address + back, "Q", following)
    found = list(fake.kernel.part(Neighbours).arp())
    assert [one[:2] for one in found] == [(_FIRST, "10.0.0.1"), (_SECOND, "10.0.0.2")]
    assert found[0][2:] == (b"hardware", _NET, 0x82)
    fake.write(_TABLE + 0x108, "I", 60)
    with pytest.raises(CrashError, match="hash_shift"):
        list(fake.kernel.part(Neighbours).arp())


def test_a_kernel_without_arp() -> None:
    with pytest.raises(CrashError, match="arp_tbl does not exist in this kernel"):
        list(FakeKernel().kernel.part(Neighbours).arp())


class _FakeSockets(FakeFiles):
    """`socket` gives (file, struct socket, struct sock) with what a sock holds."""

    def __init__(self) -> None:
        super().__init__()
        self.struct("socket", 32, sk=(16, "P"))
        self.struct("socket_alloc", 96, vfs_inode=(32, self.types["inode"]))
        address = self.struct("in6_addr", 16, in6_u=(0, "16s"))
        common = self.struct(
            "sock_common",
            64,
            skc_daddr=(0, "I"),
            skc_rcv_saddr=(4, "I"),
            skc_dport=(8, "H"),
            skc_family=(10, "H"),
            skc_state=(12, "B"),
            skc_bound_dev_if=(16, "i"),
            skc_v6_daddr=(24, address),
            skc_v6_rcv_saddr=(40, address),
        )
        counter = self.struct("atomic", 4, counter=(0, "i"))
        backlog = self.struct("backlog", 8, rmem_alloc=(0, counter))
        queues = {"sk_wmem_queued": (72, "i"), "sk_ack_backlog": (76, "I")}
        sock = self.struct(
            "sock",
            96,
            **{"__sk_common": (0, common), "sk_backlog": (64, backlog)},
            sk_max_ack_backlog=(80, "I"),
            sk_type=(84, "H"),
            sk_protocol=(86, "H"),
            **queues,
        )
        self.struct("inet_sock", 112, sk=(0, sock), inet_sport=(96, "H"))
        self.struct("unix_sock", 128, sk=(0, sock), addr=(112, "P"), peer=(120, "P"))
        self.struct("unix_address", 16, len=(4, "i"), name=(8, "0s"))

    def socket(self, family: int, state: int = 10) -> tuple[int, int, int]:
        place, sock = self.take(), self.take()
        self.write(place + 16, "Q", sock)
        self.write(place + 32, "H", 0o140777)
        self.write(sock, "4B4BHHBxxxi", 1, 0, 0, 127, 127, 0, 0, 1, 0xBB01, family, state, 3)
        self.write(sock + 24, "15xB16x", 1)
        self.write(sock + 64, "iiiIIHH", 100, 0, 200, 1, 128, 1, 6)
        self.write(sock + 96, "H", 0x901F)
        name = self.dentry("TCP", inode=place + 32)
        return self.file(name, self.mount(self.dentry("/"))), place, sock


def test_the_socket_of_a_file() -> None:
    fake = _FakeSockets()
    file, place, sock = fake.socket(2)
    sockets = fake.kernel.part(Sockets)
    assert sockets.of_file(file) == (place, sock)
    other = fake.file(fake.dentry("x", inode=fake.inode()), fake.mount(fake.dentry("/")))
    assert sockets.of_file(other) is None
    assert sockets.of_file(fake.file(0, 0)) is None


def test_both_ends_and_the_queues() -> None:
    fake = _FakeSockets()
    sockets = fake.kernel.part(Sockets)
    found = sockets.get(fake.socket(2)[2])
    assert found[1:10] == (2, 1, 6, 10, 3, 100, 200, 1, 128)
    assert found.source == End("127.0.0.1", 8080)
    assert found.destination == End("1.0.0.127", 443)
    found = sockets.get(fake.socket(10)[2])
    assert (found.source, found.destination) == (End("::", 8080), End("::1", 443))
    found = sockets.get(fake.socket(16)[2])
    assert (found.source, found.destination, found.path, found.peer) == (None, None, None, 0)


@pytest.mark.parametrize(
    ("raw", "path"), [(b"/run/x\0", "/run/x"), (b"\0abstract", "@abstract"), (b"", "")]
)
def test_the_name_of_a_unix_socket(raw: bytes, path: str) -> None:
    fake = _FakeSockets()
    sock, name = fake.socket(1)[2], fake.take()
    fake.write(sock + 112, "QQ", name, 0x1234)
    fake.write(name + 4, "i", len(raw) + 2)
    fake.write(name + 10, f"{len(raw)}s", raw)
    found = fake.kernel.part(Sockets).get(sock)
    assert (found.path, found.peer) == (path, 0x1234)
    fake.write(sock + 112, "Q", 0x10)
    assert fake.kernel.part(Sockets).get(sock).path is None


def test_a_sock_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ReadError, match="inet_sock buffer"):
        _FakeSockets().kernel.part(Sockets).get(0x10)
