"""What net shows: devices, the ARP cache, sockets."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pycrash.api.context import View
from pycrash.api.fields import Address, Bits, Bytes, Hidden, Nested
from pycrash.api.rows import Row, TaskRow
from pycrash.render.columns import centered

#: What crash calls the families (AF_*), those it has a name for.
FAMILIES = {
    **{0: "UNSPEC", 1: "UNIX", 2: "INET", 3: "AX25", 4: "IPX", 5: "APPLETALK", 6: "NETROM"},
    **{7: "BRIDGE", 8: "ATMPVC", 9: "X25", 10: "INET6", 11: "ROSE", 12: "DECnet", 13: "NETBEUI"},
    **{14: "SECURITY", 16: "NETLINK", 17: "PACKET", 18: "ASH", 19: "ECONET", 20: "ATMSVC"},
    **{22: "SNA", 23: "IRDA", 24: "PPPOX"},
}
_LONGER = {"SECURITY": "SECURITY/KEY", "NETLINK": "NETLINK/ROUTE"}
#: The types of sockets (SOCK_*).
TYPES = {1: "STREAM", 2: "DGRAM", 3: "RAW", 4: "RDM", 5: "SEQPACKET", 10: "PACKET"}
#: The states of sockets (TCP_*).
STATES = dict(
    enumerate(
        (
            *("ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT"),
            *("CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV"),
        ),
        1,
    )
)
#: The types of hardware addresses (ARPHRD_*), those crash has a name for.
HARDWARE = {
    **{0: "NETROM", 1: "ETHER", 2: "EETHER", 3: "AX25", 4: "PRONET", 5: "CHAOS"},
    **{6: "IEEE802", 7: "ARCNET", 8: "APPLETLK", 15: "DLCI", 23: "METRICOM"},
}
_NEIGHBOUR = ("INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "NOARP", "PERMANENT")

NEIGHBOUR_HEADING = "NEIGHBOUR        IP ADDRESS      HW TYPE    HW ADDRESS         DEVICE  STATE"
SOCKET_HEADING = "FD      SOCKET            SOCK       FAMILY:TYPE SOURCE-PORT DESTINATION-PORT"


@dataclass(frozen=True)
class DeviceRow(Row, kind="net.device"):
    """A network device; `type` is ARPHRD_*, `flags` IFF_*."""

    address: Address
    name: str
    index: int
    type: int
    flags: Bits
    mtu: Bytes
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class NeighbourRow(Row, kind="net.neighbour"):
    """An entry of the ARP cache. `type` is "UNKNOWN" for a device without such addresses as
    `hardware`."""

    address: Address
    ip: str
    type: str
    hardware: bytes
    device: str
    states: tuple[str, ...]


@dataclass(frozen=True)
class InetAddressRow(Row, kind="net.address"):
    """A number as an IPv4 address."""

    value: Bits
    address: str


@dataclass(frozen=True)
class SocketRow(TaskRow, kind="net.socket"):
    """A socket a task has open. `socket` and `sock` are the addresses of its structures.

    `family`, `type` and `state` are numbers in text where there is no name for them; `device` is
    the index of the device it is bound to. `receive` and `send` are the bytes of memory of what
    waits to be read and to be sent, `backlog` the connections that wait to be accepted and
    `most_backlog` how many may. `source` and `destination` are those of INET and INET6. `path`
    is the name of a UNIX socket, with "@" in front of an abstract one, `peer` the sock at its
    other end.
    """

    fd: int
    socket: Address
    sock: Address
    family: str
    type: str
    protocol: int
    state: str
    device: int | None
    source: str | None
    source_port: int | None
    destination: str | None
    destination_port: int | None
    receive: Bytes
    send: Bytes
    backlog: int
    most_backlog: int
    path: str | None
    peer: Address | None


@dataclass(frozen=True)
class StructuresRow(TaskRow, kind="net.structures"):
    """A socket a task has open, and what its two structures hold."""

    fd: int
    socket: Address
    sock: Address
    socket_fields: Nested
    sock_fields: Nested
    lines: Hidden[tuple[Callable[[], Iterable[str]], ...]]


def neighbour_states(state: int) -> tuple[str, ...]:
    """The names of the bits of NUD_*."""
    return tuple(name for bit, name in enumerate(_NEIGHBOUR) if state >> bit & 1)


def device_width(view: View) -> int:
    """The width of the column of devices."""
    return max(view.pointer_width, len("net_device"))


def device_heading(view: View) -> str:
    return f"{centered('NET_DEVICE', device_width(view))}  NAME       IP ADDRESS(ES)"


def device_line(row: DeviceRow, view: View) -> str:
    address = f"{row.address:x}".center(device_width(view))
    return f"{address}  {row.name:<10} {', '.join(row.addresses)}"


def neighbour_line(row: NeighbourRow) -> str:
    address = f"{row.address:x}"
    digits = [f"{byte:02x}" for byte in row.hardware]
    # Ethernet's has a blank behind it, the others one behind each byte: the same for both.
    joined = (":" if row.type == "ETHER" else " ").join(digits) + (" " if digits else "")
    begun = f"{address:<16} {row.ip:<16}{row.type:<10} {joined}"
    return f"{begun} {row.device:<6}  {'|'.join(row.states)}"


def socket_line(row: SocketRow, view: View) -> str:
    width = view.pointer_width
    kind = "DGRAM " if row.type == "DGRAM" else row.type
    begun = f"{row.fd:>2} {row.socket:>{width}x} {row.sock:>{width}x} "
    return f"{begun}{_LONGER.get(row.family, row.family)}:{kind} {_ends(row)}"


def _ends(row: SocketRow) -> str:
    if row.source is None or row.destination is None:
        return "(cannot get IPv6 addresses)" if row.family == "INET6" else ""
    if row.family == "INET":
        return f" {row.source}-{row.source_port} {row.destination}-{row.destination_port}"
    source = f"{_groups(row.source)}-{row.source_port}"
    destination = f"{_groups(row.destination)}-{row.destination_port}"
    return f"{source:>12} {centered(destination, len(source))}"


def _groups(address: str) -> str:
    """An IPv6 address with all of its eight groups."""
    data = socket.inet_pton(socket.AF_INET6, address)
    return ":".join(f"{group:x}" for group in struct.unpack(">8H", data))


def structure_lines(row: StructuresRow, view: View) -> Iterator[str]:
    width = view.pointer_width
    yield f"FD  {centered('SOCKET', width)}  {centered('SOCK', width)}"
    yield f"{row.fd:>2}  {row.socket:>{width}x}  {row.sock:>{width}x}"
    yield ""
    for lines in row.lines:
        yield from lines()
