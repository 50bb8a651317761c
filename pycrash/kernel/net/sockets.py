"""Sockets (struct socket, struct sock and what families add to it) of open files."""

from __future__ import annotations

import socket
import stat
from functools import cached_property
from typing import Any, NamedTuple

from pycrash.errors import MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, bit_places, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.vfs.files import Files
from pycrash.kernel.vfs.inodes import Inodes

UNIX, INET, INET6 = 1, 2, 10

#: Bytes of a struct sockaddr_un.
_MOST_UNIX = 110

_COMMON = "sk.__sk_common."
_FIELDS = (
    *(f"{_COMMON}skc_{name}" for name in ("family", "state", "bound_dev_if")),
    *("sk.sk_backlog.rmem_alloc.counter", "sk.sk_wmem_queued"),
    *("sk.sk_ack_backlog", "sk.sk_max_ack_backlog"),
    *(f"{_COMMON}skc_{name}" for name in ("rcv_saddr", "daddr")),
    *("inet_sport", f"{_COMMON}skc_dport"),
    *(f"{_COMMON}skc_{name}" for name in ("v6_rcv_saddr", "v6_daddr")),
)


class End(NamedTuple):
    """One end of a connection: what the kernel has, whether or not it is bound."""

    address: str
    port: int


class Sock(NamedTuple):
    """One struct sock. `family` is AF_*, `type` SOCK_*, `state` TCP_*, which all families use;
    `device` is the index of the device it is bound to, or 0.

    `received` and `queued` are the bytes of memory of what waits to be read and to be sent,
    `backlog` the connections that wait to be accepted and `most_backlog` how many may.
    `source` and `destination` are those of INET and INET6. `path` is the name of a UNIX socket,
    with "@" in front of one in the abstract name space, None where it has none or it cannot be
    read; `peer` the sock at its other end, or 0.
    """

    address: int
    family: int
    type: int
    protocol: int
    state: int
    device: int
    received: int
    queued: int
    backlog: int
    most_backlog: int
    source: End | None
    destination: End | None
    path: str | None = None
    peer: int = 0


class Sockets:
    """Sockets by the files that stand for them. Every method raises ReadError."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._files = kernel.part(Files)
        self._inodes = kernel.part(Inodes)
        #: By the address of a struct file: of its struct socket and struct sock, if it has any.
        self._of_file: dict[int, tuple[int, int] | None] = {}

    def of_file(self, file: int) -> tuple[int, int] | None:
        """(struct socket, struct sock) that a struct file stands for; None for other files."""
        if file not in self._of_file:
            self._of_file[file] = self._find(file)
        return self._of_file[file]

    def _find(self, file: int) -> tuple[int, int] | None:
        inode = self._files.inode(self._files.get(file))
        if not inode or not stat.S_ISSOCK(self._inodes.get(inode).mode):
            return None
        kernel = self._kernel
        address = inode - member_offset(kernel.prog, "struct socket_alloc", "vfs_inode")
        data = kernel.read(address, self._socket.whole, "socket buffer")
        return address, self._socket.unpack(data, self._socket.start)[0]

    def get(self, address: int) -> Sock:
        """The struct sock at an address."""
        layout = self._sock
        data = self._kernel.read(address, layout.whole, "inet_sock buffer")
        row = layout.unpack(data, layout.start)
        (family, *facts), (saddr, daddr, sport, dport, saddr6, daddr6) = row[:7], row[7:]
        source = destination = None
        if family == INET:
            source, destination = self._end(saddr, sport), self._end(daddr, dport)
        elif family == INET6 and saddr6 and daddr6:
            source, destination = self._end6(saddr6, sport), self._end6(daddr6, dport)
        kind, protocol = self._bits(data, "sk_type"), self._bits(data, "sk_protocol")
        path, peer = self._unix(address) if family == UNIX else (None, 0)
        ends: tuple[Any, ...] = source, destination, path, peer
        return Sock(address, family, kind, protocol, *facts, *ends)

    def _end(self, address: int, port: int) -> End:
        return End(socket.inet_ntoa(self._bytes(address, 4)), self._port(port))

    def _end6(self, address: bytes, port: int) -> End:
        return End(socket.inet_ntop(socket.AF_INET6, address), self._port(port))

    def _port(self, port: int) -> int:
        return int.from_bytes(self._bytes(port, 2), "big")

    def _bytes(self, value: int, size: int) -> bytes:
        """A number of the kernel as it stands in memory, which is the network's order."""
        return value.to_bytes(size, "little" if self._kernel.byte_order == "<" else "big")

    def _bits(self, sock: bytes, name: str) -> int:
        """A member of struct sock that is a bit-field before 5.6."""
        first, width = self._places[name]
        span = self._kernel.unsigned(sock[first // 8 : (first + width + 7) // 8])
        return span >> first % 8 & (1 << width) - 1

    def _unix(self, address: int) -> tuple[str | None, int]:
        """The name of a UNIX socket, and its peer."""
        try:
            layout = self._unix_sock
            data = self._kernel.read(address + layout.start, layout.size, "unix_sock")
            name, peer = layout.unpack(data)
            return (self._unix_name(name) if name else None), peer
        except (ReadError, MissingFeature):
            return None, 0

    def _unix_name(self, address: int) -> str:
        kernel, layout = self._kernel, self._unix_address
        data = kernel.read(address + layout.at("len"), layout.width("len"), "unix_address")
        # A struct sockaddr_un: the family in two bytes, then the path.
        size = min(kernel.unsigned(data), _MOST_UNIX)
        path = kernel.read(address + layout.at("name"), size, "unix_address")[2:]
        text = path if path[:1] == b"\0" else path.partition(b"\0")[0]
        return text.replace(b"\0", b"@").decode("utf-8", "surrogateescape")

    @cached_property
    def _socket(self) -> Layout:
        return Layout(self._kernel.prog, "struct socket", ("sk",))

    @cached_property
    def _sock(self) -> Layout:
        optional = (f"{_COMMON}skc_v6_rcv_saddr", f"{_COMMON}skc_v6_daddr")
        return Layout(self._kernel.prog, "struct inet_sock", _FIELDS, optional)

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        found: dict[str, Any] | None = bit_places(self._kernel.prog, "struct sock")
        if not found or not found.keys() >= {"sk_type", "sk_protocol"}:
            raise MissingFeature("no struct sock.sk_type in this kernel")
        return found

    @cached_property
    def _unix_sock(self) -> Layout:
        return Layout(self._kernel.prog, "struct unix_sock", ("addr", "peer"))

    @cached_property
    def _unix_address(self) -> Layout:
        return Layout(self._kernel.prog, "struct unix_address", ("len", "name"))
