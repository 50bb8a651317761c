"""Where the stacks of x86-64 lie, from tables made by hand."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any, cast

import drgn
import pytest

from pycrash.errors import ReadError
from pycrash.kernel.stacks.stacks import Stack, Stacks
from pycrash.kernel.symbols.table import Symbol
from pycrash.kernel.tasks.table import Task

IDT, TSS, HARDIRQ, PER_CPU = 0x10000, 0x2000, 0x3000, 0x100000
HANDLERS = {0x8000: "asm_exc_nmi", 0x9000: "asm_exc_double_fault", 0xA000: "asm_exc_debug"}
TOPS = {"DF": 0x202000, "NMI": 0x205000}
IRQ_TOP = 0x304000
STACK_END_MAGIC = 0x57AC6E9D


def gate(handler: int, stack: int) -> bytes:
    low = handler & 0xFFFF | stack << 32 | (handler & 0xFFFF0000) << 32
    return struct.pack("<QQ", low, handler >> 32)


def program() -> drgn.Program:
    prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    char = prog.int_type("char", 1, True)
    long = prog.int_type("unsigned long", 8, False)

    def member(type_: drgn.Type, name: str, at: int) -> drgn.TypeMember:
        return drgn.TypeMember(type_, name, 8 * at)

    hardware = prog.struct_type("x86_hw_tss", 64, [member(prog.array_type(long, 7), "ist", 8)])
    known = {
        "tss_struct": prog.struct_type("tss_struct", 128, [member(hardware, "x86_tss", 0)]),
        "cea_exception_stacks": prog.struct_type(
            "cea_exception_stacks",
            0x6000,
            [
                member(prog.array_type(char, 0x2000), "DF_stack", 0),
                member(prog.array_type(char, 0x1000), "NMI_stack", 0x3000),
            ],
        ),
        "irq_stack": prog.struct_type(
            "irq_stack", 0x4000, [member(prog.array_type(char, 0x4000), "stack", 0)]
        ),
        "thread_info": prog.struct_type("thread_info", 16, [member(long, "task", 0)]),
    }

    def find(
        prog: drgn.Program, kinds: drgn.TypeKindSet, name: str, file: str | None
    ) -> drgn.Type | None:
        return known.get(name)

    prog.register_type_finder("fake", find, enable_index=0)
    return prog


class FakeKernel:
    word_size, word, byte_order, page_size = 8, "Q", "<", 4096

    def __init__(self) -> None:
        self.prog = program()
        gates = [gate(0x8000, 2), gate(0x9000, 1), gate(0x1000, 0)]
        self.spans = {
            IDT: b"".join(gates).ljust(16 * 256, b"\0"),
            PER_CPU + TSS + 8: struct.pack("<7Q", TOPS["DF"], TOPS["NMI"], *[0] * 5),
            PER_CPU + HARDIRQ: struct.pack("<Q", IRQ_TOP - 8),
        }
        self.names = {
            "idt_table": IDT,
            "cpu_tss_rw": TSS,
            "hardirq_stack_ptr": HARDIRQ,
            "__start_init_stack": 0x1000,
            "__end_init_stack": 0x5000,
            "init_task": 0x7000,
        }
        self.symbols = SimpleNamespace(
            lookup=lambda address: (Symbol(address, HANDLERS.get(address, "other"), "T"), 0)
        )
        self.memory = SimpleNamespace(is_kernel=lambda address: address >= 0x1000)
        self.cpus = SimpleNamespace(count=1, present={0}, address=lambda base, cpu: base + PER_CPU)
        self.prog.add_memory_segment(0, 1 << 40, self._segment)

    def _segment(self, address: int, count: int, offset: int, physical: bool) -> bytes:
        if 0x200000 <= address < 0x300000:
            return bytes(count)
        raise drgn.FaultError("not in the dump", address)

    def symbol_address(self, name: str) -> int | None:
        return self.names.get(name)

    def has_member(self, name: str, member: str) -> bool:
        try:
            return self.prog.type(name).has_member(member)
        except LookupError:
            return False

    def read(self, address: int, size: int, what: str = "") -> bytes:
        for start, data in self.spans.items():
            if start <= address and address + size <= start + len(data):
                return data[address - start : address - start + size]
        raise ReadError(address, what)

    def read_word(self, address: int, what: str = "") -> int:
        return self.unsigned(self.read(address, 8, what))

    def unsigned(self, data: bytes) -> int:
        return int.from_bytes(data, "little")


def stacks(kernel: FakeKernel) -> Stacks:
    return Stacks(cast(Any, kernel))


def task(stack: int, thread_info: int = 0, address: int = 0x9000, pid: int = 1) -> Task:
    values: dict[str, Any] = dict.fromkeys(Task._fields, 0)
    values |= {"address": address, "pid": pid, "stack": stack, "thread_info": thread_info}
    return Task(**values)


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel()


def test_the_size_of_a_task_stack(kernel: FakeKernel) -> None:
    assert stacks(kernel).of_task(0x40000) == Stack(0x40000, 0x4000)
    del kernel.names["__end_init_stack"]
    assert stacks(kernel).size == 2 * kernel.page_size


def test_exception_stacks_are_named_by_their_gates(kernel: FakeKernel) -> None:
    assert stacks(kernel).exception == [
        (
            Stack(TOPS["DF"] - 0x2000, 0x2000, "DOUBLEFAULT"),
            Stack(TOPS["NMI"] - 0x1000, 0x1000, "NMI"),
        )
    ]


def test_which_stack_an_address_lies_in(kernel: FakeKernel) -> None:
    found = stacks(kernel)
    nmi = found.exception_stack(TOPS["NMI"] - 8)
    assert nmi is not None
    assert nmi.name == "NMI"
    assert found.exception_stack(TOPS["NMI"]) is None
    assert found.irq_stack(IRQ_TOP - 8) == Stack(IRQ_TOP - 0x4000, 0x4000)
    assert found.irq_stack(IRQ_TOP) is None


def test_tables_that_cannot_be_read(kernel: FakeKernel) -> None:
    kernel.spans.clear()
    found = stacks(kernel)
    assert found.exception == [()]
    assert found.irq == [None]


def test_the_mark_at_the_end_of_a_stack(kernel: FakeKernel) -> None:
    found = stacks(kernel)
    kernel.spans[0x50000] = struct.pack("<Q", STACK_END_MAGIC)
    assert found.overflows(task(0x50000)) == []
    kernel.spans[0x50000] = struct.pack("<Q", 5)
    assert found.overflows(task(0x50000)) == ["50000: 5 != STACK_END_MAGIC"]
    assert found.overflows(task(0x50000, address=0x7000, pid=0)) == []
    with pytest.raises(ReadError):
        found.overflows(task(0x60000))


def test_memory_that_is_not_the_kernels(kernel: FakeKernel) -> None:
    kernel.spans[0] = bytes(0x4000)
    for ask in (stacks(kernel).raw, lambda base: stacks(kernel).overflows(task(base))):
        with pytest.raises(ReadError, match="invalid kernel virtual address: 0 "):
            ask(0)


def test_thread_info_at_the_end_of_the_stack(kernel: FakeKernel) -> None:
    kernel.spans[0x50000] = struct.pack("<QQQ", 0x1234, 0, STACK_END_MAGIC)
    damaged = task(0x50000, thread_info=0x50000)
    assert stacks(kernel).overflows(damaged) == ["thread_info.task: 1234 != 9000"]
