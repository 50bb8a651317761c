"""Who is reached at which hardware address: the ARP cache (arp_tbl, struct neighbour)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from pycrash.errors import CrashError
from pycrash.kernel.core.layout import Layout, find_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.walks.lists import Chain, entries

#: No kernel has a hash table of more than 2^24 chains.
_MOST_SHIFT = 24


class Neighbour(NamedTuple):
    """One entry. `hardware` has room for the longest address of any device, `device` is its
    net_device, `state` NUD_*."""

    address: int
    ip: str
    hardware: bytes
    device: int
    state: int


class Neighbours:
    """`arp` gives the ARP cache, chain by chain. Raises ReadError."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def arp(self) -> Iterator[Neighbour]:
        """Raises CrashError where this kernel has none."""
        kernel = self._kernel
        table = kernel.symbol_address("arp_tbl")
        if table is None:
            raise CrashError("arp_tbl does not exist in this kernel")
        layout = Layout(kernel.prog, "struct neighbour", ("primary_key", "ha", "dev", "nud_state"))
        # Since 6.13 the chains are of struct hlist_node.
        node = find_member(kernel.prog, "struct neighbour", "hash")
        back = node.offset if node else 0
        link = 0 if node else member_offset(kernel.prog, "struct neighbour", "next")
        for first in self._chains(table):
            for place in entries(kernel, Chain(first, link), "neighbour next"):
                yield self._read(place - back, layout)

    def _read(self, address: int, layout: Layout) -> Neighbour:
        kernel = self._kernel
        key = kernel.read(address + layout.at("primary_key"), 4, "neighbour primary_key")
        data = kernel.read(address + layout.start, layout.size, "neighbour ha")
        _, hardware, device, state = layout.unpack(data)
        return Neighbour(address, socket.inet_ntoa(key), hardware, device, state)

    def _chains(self, table: int) -> tuple[int, ...]:
        """The first pointer of each chain of the hash table."""
        kernel, prog = self._kernel, self._kernel.prog
        at = table + member_offset(prog, "struct neigh_table", "nht")
        hashed = kernel.read_word(at, "neigh_table nht")
        heads = ("hash_buckets", "hash_heads")  # renamed in 6.13
        layout = Layout(prog, "struct neigh_hash_table", ("hash_shift", heads))
        data = kernel.read(hashed + layout.start, layout.size, "neigh_hash_table hash_shift")
        shift, first = layout.unpack(data)
        if shift > _MOST_SHIFT:
            raise CrashError(f"invalid neigh_hash_table hash_shift: {shift}")
        count = 1 << shift
        buckets = kernel.read(first, count * kernel.word_size, "neigh_hash_table hash_buckets")
        return struct.unpack(f"{kernel.byte_order}{count}{kernel.word}", buckets)
