"""Interrupt descriptors (struct irq_desc) and what is registered for each (struct irqaction)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, find_member, member_offset, type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.walks import xarray
from pycrash.kernel.walks.lists import Chain, entries
from pycrash.kernel.walks.maple import MapleTrees

#: The variables that hold the number of interrupts: renamed by 6.13.
_COUNTS = ("nr_irqs", "total_nr_irqs")
#: Trees of descriptors: xarrays or radix trees, and since 6.5 a maple tree.
_TREE, _MAPLE = "irq_desc_tree", "sparse_irqs"
#: More than any kernel has; a number beyond it is damage.
_MOST = 1 << 20


@dataclass(frozen=True)
class IrqAction:
    """What one driver registered for an interrupt (struct irqaction); `name` is None where it
    cannot be read."""

    address: int
    name: str | None


class Interrupts:
    """The interrupts of a kernel. Methods raise ReadError and MissingFeature."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @cached_property
    def count(self) -> int:
        """How many numbers of interrupts there are; 0 where the kernel does not tell."""
        kernel = self._kernel
        span, size = kernel.symbol_span("irq_desc"), type_size(kernel.prog, "struct irq_desc")
        if span is not None and size:
            return min(span[1] // size, _MOST)
        for name in _COUNTS:
            at = kernel.symbol_address(name)
            if at is not None:
                return min(kernel.unsigned(kernel.read(at, 4, name)), _MOST)
        return kernel.arch.default_interrupts

    def address(self, number: int) -> int:
        """The address of an interrupt's descriptor, 0 where it has none."""
        kernel = self._kernel
        span, size = kernel.symbol_span("irq_desc"), type_size(kernel.prog, "struct irq_desc")
        if span is not None and size:
            return span[0] + size * number
        return self._sparse.get(number, 0)

    @cached_property
    def _sparse(self) -> dict[int, int]:
        """The descriptors in the kernel's tree, by number."""
        kernel = self._kernel
        at = kernel.symbol_address(_MAPLE)
        if at is not None:
            number = member_offset(kernel.prog, "struct irq_desc", "irq_data.irq")
            found = kernel.part(MapleTrees).values(at)
            read = kernel.read
            return {kernel.unsigned(read(d + number, 4, "irq_data.irq")): d for d in found}
        at = kernel.symbol_address(_TREE)
        if at is None:
            raise MissingFeature(
                "neither irq_desc, _irq_desc, irq_desc_ptrs, irq_desc_tree or sparse_irqs "
                "symbols exist"
            )
        return dict(xarray.walk(kernel, at, _fail))

    def first_action(self, descriptor: int) -> int:
        """The first action of a descriptor, 0 where it has none."""
        at = member_offset(self._kernel.prog, "struct irq_desc", "action")
        return self._kernel.read_word(descriptor + at, "irq_desc action")

    def actions(self, descriptor: int) -> Iterator[IrqAction]:
        """What is registered for an interrupt, first come first."""
        kernel, layout = self._kernel, self._action
        chain = Chain(self.first_action(descriptor), link=layout.at("next"))
        for address in entries(kernel, chain, "irqaction next"):
            name = kernel.read_word(address + layout.at("name"), "irqaction name")
            yield IrqAction(address, self._text(name))

    @cached_property
    def _action(self) -> Layout:
        return Layout(self._kernel.prog, "struct irqaction", ("name", "next"))

    def _text(self, address: int) -> str | None:
        try:
            return read_text(self._kernel, address, "irq name") or None
        except ReadError:
            return None

    def affinity(self, descriptor: int) -> list[int]:
        """The CPUs that may take an interrupt."""
        kernel, count = self._kernel, self._kernel.cpus.count
        place = self._affinity
        if place is None:
            raise MissingFeature("no irq_common_data.affinity in this kernel")
        at, is_pointer = descriptor + place[0], place[1]
        if is_pointer:
            at = kernel.read_word(at, "irq_desc affinity")
        size = -(-count // (8 * kernel.word_size)) * kernel.word_size
        size = min(size, type_size(kernel.prog, "cpumask_t") or size)
        data = kernel.read(at, size, "irq_desc affinity")
        words = struct.unpack(f"{kernel.byte_order}{size // kernel.word_size}{kernel.word}", data)
        bits = 8 * kernel.word_size
        return [c for c in range(min(count, 8 * size)) if words[c // bits] >> c % bits & 1]

    @property
    def has_affinity(self) -> bool:
        """Whether descriptors say which CPUs may take the interrupt."""
        return self._affinity is not None

    @cached_property
    def _affinity(self) -> tuple[int, bool] | None:
        """Where a descriptor has its mask of CPUs, and whether that is a pointer to it."""
        prog = self._kernel.prog
        # In irq_common_data since 4.3, in irq_data before.
        fields = ("irq_common_data.affinity", "irq_data.affinity")
        try:
            layout = Layout(prog, "struct irq_desc", (fields,))
        except MissingFeature:
            return None
        (mask,) = layout.unpack(bytes(layout.size))
        # With CPUMASK_OFFSTACK cpumask_var_t is a pointer, else an array of one.
        return layout.start, isinstance(mask, int)

    def counts(self, descriptor: int, cpus: list[int]) -> dict[int, int]:
        """How often each of these CPUs took an interrupt."""
        kernel = self._kernel
        at = member_offset(kernel.prog, "struct irq_desc", "kstat_irqs")
        base = kernel.read_word(descriptor + at, "irq_desc kstat_irqs")
        # A number each; since 6.10 the first member of struct irqstat.
        what = "kernel_stat irqs"
        place = kernel.cpus.address
        return {c: kernel.unsigned(kernel.read(place(base, c), 4, what)) for c in cpus}

    def chip(self, descriptor: int) -> str | None:
        """The name of the controller of an interrupt, None where it cannot be read."""
        kernel, prog = self._kernel, self._kernel.prog
        at = member_offset(prog, "struct irq_desc", "irq_data.chip")
        chip = kernel.read_word(descriptor + at, "irq_data chip")
        what = "hw_interrupt_type typename"
        return self._text(
            kernel.read_word(chip + member_offset(prog, "struct irq_chip", "name"), what)
        )

    def flow(self, descriptor: int) -> str | None:
        """How the interrupt is triggered ("edge"), None where nothing tells."""
        kernel = self._kernel
        place = find_member(kernel.prog, "struct irq_desc", "name")
        if place is None:
            return None
        return self._text(kernel.read_word(descriptor + place.offset, "irq_desc name"))


def _fail(problem: ReadError) -> NoReturn:
    raise problem


def softirqs(kernel: Reader) -> list[int]:
    """The function of each softirq by number, 0 for none (softirq_vec).

    Raises CrashError, ReadError.
    """
    span, size = kernel.symbol_span("softirq_vec"), type_size(kernel.prog, "struct softirq_action")
    if span is None or not size:
        raise CrashError("bottom-half option not supported")
    data = kernel.read(span[0], min(span[1], size * 64), "softirq_vec")
    return [
        kernel.unsigned(data[at : at + kernel.word_size])
        for at in range(0, len(data) - size + 1, size)
    ]
