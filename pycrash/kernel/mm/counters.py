"""Counters of memory management: of zones, nodes and NUMA (vm_zone_stat and its like), and of
events (vm_event_states), by the names of the kernel's enumerations."""

from __future__ import annotations

import struct
from functools import cached_property
from typing import NamedTuple

from pycrash.kernel.core.layout import enumerators
from pycrash.kernel.core.reader import Reader

#: More counters than there are in any of them.
_MOST = 4096


class _Source(NamedTuple):
    """Where counters of one kind are: their heading, the array's symbol, the enumeration that
    names them, and its member that is no counter but their number."""

    name: str
    symbol: str
    enum: str
    last: str


_SOURCES = (
    _Source("VM_STAT", "vm_stat", "zone_stat_item", "NR_VM_ZONE_STAT_ITEMS"),  # before 4.8
    _Source("VM_ZONE_STAT", "vm_zone_stat", "zone_stat_item", "NR_VM_ZONE_STAT_ITEMS"),
    _Source("VM_NODE_STAT", "vm_node_stat", "node_stat_item", "NR_VM_NODE_STAT_ITEMS"),
    # 4.14 to 5.13
    _Source("VM_NUMA_STAT", "vm_numa_stat", "numa_stat_item", "NR_VM_NUMA_STAT_ITEMS"),
)
_EVENTS = _Source("VM_EVENT_STATES", "vm_event_states", "vm_event_item", "NR_VM_EVENT_ITEMS")


class CounterGroup(NamedTuple):
    """Counters of one kind, in the kernel's order."""

    name: str
    counters: dict[str, int]


class Counters:
    """The counters of a kernel. Raises ReadError."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @property
    def groups(self) -> list[CounterGroup]:
        """Those of the whole machine but for events; none on a kernel that keeps none."""
        return [
            CounterGroup(source.name, self._read(source, at))
            for source in _SOURCES
            if (at := self._kernel.symbol_address(source.symbol)) is not None
        ]

    def value(self, name: str) -> int | None:
        """One counter of the whole machine, None where this kernel keeps none of that name."""
        for group in self.groups:
            if name in group.counters:
                return group.counters[name]
        return None

    def of_zone(self, counters: tuple[int, ...]) -> dict[str, int]:
        """The counters of a zone (zone.vm_stat) by their names."""
        return dict(zip(self.zone_names, counters, strict=False))

    @cached_property
    def zone_names(self) -> tuple[str, ...]:
        return self._names(_SOURCES[0])

    @property
    def events(self) -> CounterGroup | None:
        """Events since boot, of all CPUs; None on a kernel that counts none."""
        kernel = self._kernel
        base = kernel.symbol_address(_EVENTS.symbol)
        names = self._names(_EVENTS)
        if base is None or not names:
            return None
        totals = [0] * len(names)
        for cpu in range(kernel.cpus.count):
            counts = self._words(
                kernel.cpus.address(base, cpu), len(names), "vm_event_states buffer"
            )
            totals = [total + count for total, count in zip(totals, counts, strict=True)]
        return CounterGroup(_EVENTS.name, dict(zip(names, totals, strict=True)))

    def _read(self, source: _Source, address: int) -> dict[str, int]:
        names = self._names(source)
        return dict(zip(names, self._words(address, len(names), source.symbol), strict=True))

    def _words(self, address: int, count: int, what: str) -> tuple[int, ...]:
        kernel = self._kernel
        data = kernel.read(address, count * kernel.word_size, what)
        return struct.unpack(f"{kernel.byte_order}{count}{kernel.word.lower()}", data)

    def _names(self, source: _Source) -> tuple[str, ...]:
        """The names of the counters, by number: the last of several of one number."""
        found = enumerators(self._kernel.prog, f"enum {source.enum}")
        by_name = dict(found)
        count = min(by_name.get(source.last, 0), _MOST)
        names = {number: name for name, number in found if 0 <= number < count}
        return tuple(names.get(number, "") for number in range(count))
