"""The stacks that the CPUs of x86-64 switch to.

Each has an IRQ stack, and one for each exception whose IDT gate names one (the Interrupt
Stack Table).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from itertools import takewhile
from operator import itemgetter

import drgn

from pycrash.errors import ReadError
from pycrash.kernel.arch.x86_64.idt import read_gates
from pycrash.kernel.core.layout import find_member
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.stacks.stacks import MAX_STACK, Stack, StackSet
from pycrash.kernel.symbols.table import SymbolTable

#: Entries of the Interrupt Stack Table, a constant of the processor.
IST_SIZE = 7

#: What the name of a gate's handler says of its stack, the last that fits; crash's words.
_GATE_NAMES = (
    ("nmi", "NMI"),
    ("debug", "DEBUG"),
    ("stack", "STACKFAULT"),
    ("double", "DOUBLEFAULT"),
    ("machine", "MCE"),
    ("vmm", "VC"),
)
#: Member of struct cea_exception_stacks that is a stack.
_MEMBERS = {
    "DEBUG": "DB_stack",
    "NMI": "NMI_stack",
    "DOUBLEFAULT": "DF_stack",
    "MCE": "MCE_stack",
    "VC": "VC_stack",
}


class SpecialStacks:
    """The IRQ and exception stacks of a kernel, by CPU."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def irq_stack(self, address: int) -> Stack | None:
        """The IRQ stack an address lies in."""
        return next((s for s in self.irq if s is not None and address in s), None)

    def exception_stack(self, address: int) -> Stack | None:
        """The exception stack an address lies in."""
        for stacks in self.exception:
            for stack in stacks:
                if address in stack:
                    return stack
        return None

    @cached_property
    def irq(self) -> list[Stack | None]:
        """Each CPU's IRQ stack (hardirq_stack_ptr, irq_stack_union)."""
        kernel = self._kernel
        found: list[Stack | None] = []
        size = self._irq_size
        pointer, union = self._irq_pointer, kernel.symbol_address("irq_stack_union")
        for cpu in range(kernel.cpus.count):
            stack = None
            if pointer is not None:
                try:
                    top = kernel.read_word(kernel.cpus.address(pointer, cpu), "hardirq_stack_ptr")
                except ReadError:
                    top = 0
                if top:
                    # The kernel keeps a pointer to the highest word where the stack is mapped.
                    top += 8 if top % kernel.page_size else 0
                    stack = Stack(top - size, size)
            elif union is not None:
                stack = Stack(kernel.cpus.address(union, cpu), size)
            found.append(stack)
        return found

    @cached_property
    def _irq_pointer(self) -> int | None:
        kernel = self._kernel
        # 6.2 to 6.14 keep it in pcpu_hot; 4.19 had no such pointer yet.
        hot = kernel.symbol_address("pcpu_hot")
        member = self._member("struct pcpu_hot", "hardirq_stack_ptr")
        if hot is not None and member is not None:
            return hot + member[0]
        return kernel.symbol_address("hardirq_stack_ptr")

    @cached_property
    def _irq_size(self) -> int:
        for name, member in (
            ("union irq_stack_union", "irq_stack"),
            ("struct irq_stack", "stack"),
        ):
            found = self._member(name, member)
            if found is not None and 0 < found[1] <= MAX_STACK:
                return found[1]
        return 16384

    def _member(self, name: str, member: str) -> tuple[int, int] | None:
        """(offset, size) of a member, None where this kernel has no such type or member."""
        return find_member(self._kernel.prog, name, member)

    @cached_property
    def exception(self) -> list[tuple[Stack, ...]]:
        """Each CPU's exception stacks in the table's order, up to the first that is not there."""
        return [tuple(takewhile(self._is_there, row)) for row in self.table]

    @cached_property
    def table(self) -> list[tuple[Stack, ...]]:
        """Each CPU's Interrupt Stack Table up to its first empty entry; of size 0 are those
        whose use is not known."""
        tops = self._ist()
        sizes = self._exception_sizes(tops)
        kinds = list(zip(sizes, self._gate_names, strict=True))
        return [
            tuple(
                Stack(top - size, size, name)
                for top, (size, name) in takewhile(itemgetter(0), zip(row, kinds, strict=True))
            )
            for row in tops
        ]

    def _is_there(self, stack: Stack) -> bool:
        return bool(stack.size) and self._is_mapped(stack)

    def _is_mapped(self, stack: Stack) -> bool:
        """Whether a stack has memory: that for #VC has none where the guest is not encrypted."""
        return self._guarded is None or self._readable(stack.base)

    @property
    def sets(self) -> list[StackSet]:
        """The IRQ stacks, and those of each entry of the Interrupt Stack Table."""
        irq = tuple(stack.base if stack else 0 for stack in self.irq)
        found = [StackSet("IRQ", self._irq_size, irq)]
        # crash names as many as the first CPU has.
        for place, first in enumerate(self.table[0] if self.table else ()):
            stacks = [stack for row in self.table for stack in row[place : place + 1]]
            absent = frozenset(c for c, stack in enumerate(stacks) if not self._is_mapped(stack))
            bases = tuple(stack.base for stack in stacks)
            found.append(StackSet(first.name, first.size, bases, absent))
        return found

    @cached_property
    def _guarded(self) -> dict[str, int] | None:
        """Bytes of each exception stack where they lie between guard pages (5.1)."""
        for name in ("struct cea_exception_stacks", "struct exception_stacks"):
            if self._member(name, "NMI_stack") is not None:
                found = {stack: self._member(name, member) for stack, member in _MEMBERS.items()}
                return {stack: place[1] for stack, place in found.items() if place is not None}
        return None

    def _exception_sizes(self, tops: list[tuple[int, ...]]) -> list[int]:
        if self._guarded is not None:
            return [self._guarded.get(name, 0) for name in self._gate_names]
        first = tops[0] if tops else (0, 0)
        step = first[1] - first[0] if first[0] and first[1] else 4096
        step = step if 0 < step <= MAX_STACK else 4096
        return [2 * step if name == "DEBUG" else step for name in self._gate_names]

    def _ist(self) -> list[tuple[int, ...]]:
        """Each CPU's Interrupt Stack Table: the highest address of each stack, 0 for none."""
        kernel = self._kernel
        bases = [self._tss_ist]
        # 4.x to 5.0 left what the debugger stack shifts away in a copy of the table.
        bases.append(kernel.symbol_address("orig_ist"))
        found: list[tuple[int, ...]] = []
        for cpu in range(kernel.cpus.count):
            row: tuple[int, ...] = (0,) * IST_SIZE
            for base in bases:
                if base is None:
                    continue
                try:
                    data = kernel.read(
                        kernel.cpus.address(base, cpu), 8 * IST_SIZE, "tss_struct ist array"
                    )
                except ReadError:
                    continue
                row = struct.unpack(f"<{IST_SIZE}Q", data)
            found.append(row)
        return found

    @cached_property
    def _tss_ist(self) -> int | None:
        kernel = self._kernel
        for name in ("init_tss", "cpu_tss", "cpu_tss_rw"):
            address = kernel.symbol_address(name)
            if address is not None:
                place = find_member(kernel.prog, "struct tss_struct", "x86_tss.ist")
                return None if place is None else address + place.offset
        return None

    @cached_property
    def _gate_names(self) -> list[str]:
        """The name of each entry of the Interrupt Stack Table, from the handlers that use it."""
        names = ["(unknown)"] * IST_SIZE
        for handler, place in self._gates():
            for part, name in _GATE_NAMES:
                if part in handler:
                    names[place] = name
        return names

    def _gates(self) -> Iterator[tuple[str, int]]:
        """Name of the handler and index of the stack of each IDT gate that switches stacks."""
        symbols = self._kernel.part(SymbolTable)
        try:
            gates = self._kernel.part(read_gates)
        except ReadError:
            return
        for gate in gates:
            if gate.stack:
                found = symbols.lookup(gate.handler)
                yield found[0].name if found else "", gate.stack - 1

    def _readable(self, address: int) -> bool:
        try:
            self._kernel.prog.read(address, 8)
        except (drgn.FaultError, OverflowError):  # of damaged offsets the sum may be below 0
            return False
        return True
