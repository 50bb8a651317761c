"""Memory laid over a dump's: what a case damages, without a copy of the dump.

Bytes are changed wherever the kernel maps them: at the address given, at that of the direct map,
and at the physical one, which page tables are followed by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import drgn
from drgn.helpers.linux.mm import follow_phys, phys_to_virt

from pycrash.kernel.kernel import Kernel

_UNREADABLE = (drgn.FaultError, LookupError, ValueError, OverflowError, NotImplementedError)


class NothingDamaged(Exception):
    """A case that changes nothing is a fault of the injector."""


class Overlay:
    """Changes to be made to the memory of one program."""

    def __init__(self, kernel: Kernel) -> None:
        self._prog = kernel.prog
        self._page = kernel.page_size
        self._bytes: dict[tuple[bool, int], int] = {}
        #: What was changed, one line each.
        self.told: list[str] = []

    def write(self, address: int, data: bytes, what: str) -> None:
        """Change kernel virtual memory; nothing happens where there is none."""
        try:
            if self._prog.read(address, len(data)) == data:
                return
        except _UNREADABLE:
            return
        for at, piece in self._pieces(address, data):
            self._put(False, at, piece)
            physical = self._physical(at)
            if physical is not None:
                self._alias(physical, piece)
        self.told.append(f"{what}: {address:x} = {data[:16].hex()}")

    def write_physical(self, address: int, data: bytes, what: str) -> None:
        """Change physical memory."""
        try:
            if self._prog.read(address, len(data), physical=True) == data:
                return
        except _UNREADABLE:
            return
        self._alias(address, data)
        self.told.append(f"{what}: physical {address:x} = {data[:16].hex()}")

    def pointer(self, address: int, value: int, what: str) -> None:
        """Change a pointer."""
        self.write(address, (value % (1 << 64)).to_bytes(8, "little"), what)

    def apply(self) -> None:
        """Lay it over. Raises NothingDamaged."""
        if not self.told:
            raise NothingDamaged
        for (physical, begin), data in self._runs():
            self._prog.add_memory_segment(begin, len(data), _reader(data), physical)
        physical, begin = next(iter(self._bytes))
        if self._prog.read(begin, 1, physical)[0] != self._bytes[physical, begin]:
            raise NothingDamaged

    def _pieces(self, address: int, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The data page by page."""
        end = address + len(data)
        inner = range(address - address % self._page + self._page, end, self._page)
        for low, high in pairwise([address, *inner, end]):
            yield low, data[low - address : high - address]

    def _physical(self, address: int) -> int | None:
        try:
            return int(follow_phys(self._prog["init_mm"].address_of_(), address).value_())
        except _UNREADABLE:
            return None

    def _alias(self, physical: int, data: bytes) -> None:
        self._put(True, physical, data)
        try:
            mapped = int(phys_to_virt(self._prog, physical).value_())
        except _UNREADABLE:
            return
        self._put(False, mapped, data)

    def _put(self, physical: bool, address: int, data: bytes) -> None:
        self._bytes.update({(physical, address + at): byte for at, byte in enumerate(data)})

    def _runs(self) -> Iterator[tuple[tuple[bool, int], bytes]]:
        """The bytes that lie side by side."""
        begin, run = (False, -1), bytearray()
        for physical, at in sorted(self._bytes):
            if not run or (physical, at) != (begin[0], begin[1] + len(run)):
                if run:
                    yield begin, bytes(run)
                begin, run = (physical, at), bytearray()
            run.append(self._bytes[physical, at])
        if run:
            yield begin, bytes(run)


def _reader(data: bytes) -> Callable[[int, int, int, bool], bytes]:
    return lambda address, count, offset, physical: data[offset : offset + count]
