"""Processors: how many, which are online, and where the per-CPU memory of each one lies."""

from __future__ import annotations

import struct
from functools import cached_property

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.reader import Reader


class Cpus:
    """The processors of one kernel (struct cpumask, __per_cpu_offset)."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @cached_property
    def present(self) -> frozenset[int]:
        """The CPUs of cpu_present_mask."""
        return self._mask("present")

    @cached_property
    def online(self) -> frozenset[int]:
        """The CPUs of cpu_online_mask."""
        return self._mask("online")

    def is_online(self, cpu: int) -> bool:
        """Whether a CPU is online; every one is where the kernel keeps no map."""
        return not self.online or cpu in self.online

    @cached_property
    def possible(self) -> frozenset[int]:
        """The CPUs of cpu_possible_mask."""
        return self._mask("possible")

    @cached_property
    def count(self) -> int:
        """The number of CPUs commands go through: those numbered below it."""
        return self._kernel.arch.count_cpus(self) if self.offsets else 1

    @cached_property
    def offsets(self) -> list[int]:
        """What to add to a per-CPU address for each CPU; empty on a kernel without SMP."""
        kernel = self._kernel
        span = kernel.symbol_span("__per_cpu_offset")
        if span is None:
            return []
        data = kernel.read(*span, "__per_cpu_offset")
        return list(
            struct.unpack(f"{kernel.byte_order}{len(data) // kernel.word_size}{kernel.word}", data)
        )

    def address(self, base: int, cpu: int) -> int:
        """The address of a per-CPU object of one CPU. Raises CrashError for a CPU beyond all."""
        if not self.offsets:
            return base
        if not 0 <= cpu < len(self.offsets):
            raise CrashError(f"invalid cpu: {cpu}")
        return (base + self.offsets[cpu]) & self._kernel.word_mask

    def is_per_cpu(self, address: int) -> bool:
        """Whether an address lies among the kernel's own per-CPU variables."""
        low, high = self._area
        return low <= address < high

    @cached_property
    def _area(self) -> tuple[int, int]:
        """Where the addresses of the kernel's per-CPU variables begin and end."""
        kernel = self._kernel
        low = kernel.symbol_address("__per_cpu_start")
        high = kernel.symbol_address("__per_cpu_end")
        if low is None or high is None or not self.offsets:
            return 0, 0
        return low, high

    def _mask(self, name: str) -> frozenset[int]:
        kernel = self._kernel
        # 4.5 made __cpu_x_mask of the bitmaps cpu_x_bits.
        span = kernel.symbol_span(f"__cpu_{name}_mask") or kernel.symbol_span(f"cpu_{name}_bits")
        if span is None:
            return frozenset()
        try:
            data = kernel.read(*span, f"cpu_{name}_map")
        except ReadError:
            return frozenset()
        word = kernel.word_size
        words = struct.unpack(f"{kernel.byte_order}{len(data) // word}{kernel.word}", data)
        numbers = (
            place * word * 8 + bit
            for place, value in enumerate(words)
            for bit in range(word * 8)
            if value >> bit & 1
        )
        most = self._most
        return frozenset(number for number in numbers if number < most)

    @cached_property
    def _most(self) -> int:
        """How many CPUs the kernel was built for (NR_CPUS): a damaged map may name more."""
        span = self._kernel.symbol_span("__per_cpu_offset")
        return 1 if span is None else span[1] // self._kernel.word_size
