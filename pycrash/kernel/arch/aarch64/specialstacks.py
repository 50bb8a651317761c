"""The stacks that the CPUs of 64-bit ARM switch to: one for interrupts, one for overflows."""

from __future__ import annotations

from functools import cached_property

from pycrash.errors import ReadError
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.stacks.stacks import Stack, Stacks, StackSet

#: Crash's words for them.
IRQ, OVERFLOW = "IRQ", "Overflow"
#: Bytes of an overflow stack, a constant of the kernel.
_OVERFLOW_SIZE = 4096


class SpecialStacks:
    """The IRQ and overflow stacks of a kernel."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def at(self, cpu: int, address: int) -> Stack | None:
        """The special stack of a CPU that an address lies in."""
        found = [row[cpu] for row in (self.irq, self.overflow) if 0 <= cpu < len(row)]
        return next((s for s in found if s is not None and address in s), None)

    @cached_property
    def irq(self) -> list[Stack | None]:
        """Each CPU's IRQ stack (irq_stack_ptr, and before 4.14 irq_stack)."""
        kernel = self._kernel
        inside = kernel.symbol_span("irq_stack")
        if inside is not None:
            return self._per_cpu(*inside, IRQ)
        pointer = kernel.symbol_address("irq_stack_ptr")
        if pointer is None:
            return []
        size = kernel.part(Stacks).size
        return [self._pointed(pointer, cpu, size) for cpu in range(kernel.cpus.count)]

    @cached_property
    def overflow(self) -> list[Stack | None]:
        """Each CPU's overflow stack (overflow_stack, 4.14)."""
        base = self._kernel.symbol_address("overflow_stack")
        return [] if base is None else self._per_cpu(base, _OVERFLOW_SIZE, OVERFLOW)

    @property
    def sets(self) -> list[StackSet]:
        """Both, each by CPU."""
        found = []
        for stacks in (self.irq, self.overflow):
            first = next((stack for stack in stacks if stack is not None), None)
            if first is not None:
                bases = tuple(stack.base if stack else 0 for stack in stacks)
                found.append(StackSet(first.name.upper(), first.size, bases))
        return found

    def _per_cpu(self, base: int, size: int, name: str) -> list[Stack | None]:
        cpus = self._kernel.cpus
        return [Stack(cpus.address(base, cpu), size, name) for cpu in range(cpus.count)]

    def _pointed(self, pointer: int, cpu: int, size: int) -> Stack | None:
        kernel = self._kernel
        try:
            base = kernel.read_word(kernel.cpus.address(pointer, cpu), "IRQ stack pointer")
        except ReadError:
            return None
        return Stack(base, size, IRQ) if base else None
