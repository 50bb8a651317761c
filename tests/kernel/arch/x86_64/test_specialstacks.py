"""Where the IRQ and exception stacks of x86-64 lie, from tables made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.kernel.arch.x86_64.specialstacks import SpecialStacks
from pycrash.kernel.core.cpus import Cpus
from pycrash.kernel.stacks.stacks import Stack, StackSet
from pycrash.kernel.symbols.table import Symbol, SymbolTable
from tests.kernel.fake_kernel import FakeKernel

IDT, TSS, HARDIRQ, PER_CPU = 0x10000, 0x2000, 0x3000, 0x100000
HANDLERS = {0x8000: "asm_exc_nmi", 0x9000: "asm_exc_double_fault", 0xA000: "asm_exc_debug"}
TOPS = {"DF": 0x202000, "NMI": 0x205000}
IRQ_TOP = 0x304000


def gate(handler: int, stack: int) -> tuple[int, int]:
    low = handler & 0xFFFF | stack << 32 | (handler & 0xFFFF0000) << 32
    return low, handler >> 32


@pytest.fixture
def fake() -> FakeKernel:
    made = FakeKernel()
    char, long = made.prog.int_type("char", 1, True), made.prog.int_type("unsigned long", 8, False)
    hardware = made.struct("x86_hw_tss", 64, ist=(8, made.array(long, 7)))
    made.struct("tss_struct", 128, x86_tss=(0, hardware))
    made.struct(
        "cea_exception_stacks",
        0x6000,
        DF_stack=(0, made.array(char, 0x2000)),
        NMI_stack=(0x3000, made.array(char, 0x1000)),
    )
    made.struct("irq_stack", 0x4000, stack=(0, made.array(char, 0x4000)))
    for name, address in {
        "idt_table": IDT,
        "cpu_tss_rw": TSS,
        "hardirq_stack_ptr": HARDIRQ,
    }.items():
        made.symbol(name, address)
    symbols = SimpleNamespace(
        lookup=lambda address: (Symbol(address, HANDLERS.get(address, "other"), "T"), 0)
    )
    made.give(SymbolTable, symbols)
    made.give(Cpus, SimpleNamespace(count=1, address=lambda base, cpu: base + PER_CPU))
    return made


def fill(fake: FakeKernel) -> SpecialStacks:
    fake.room(IDT, 16 * 256)
    for place, words in enumerate((gate(0x8000, 2), gate(0x9000, 1), gate(0x1000, 0))):
        fake.write(IDT + 16 * place, "QQ", *words)
    fake.write(PER_CPU + TSS + 8, "7Q", TOPS["DF"], TOPS["NMI"], *[0] * 5)
    fake.write(PER_CPU + HARDIRQ, "Q", IRQ_TOP - 8)
    fake.room(0x200000, 0x10000)
    return SpecialStacks(fake.kernel)


def test_exception_stacks_are_named_by_their_gates(fake: FakeKernel) -> None:
    assert fill(fake).exception == [
        (
            Stack(TOPS["DF"] - 0x2000, 0x2000, "DOUBLEFAULT"),
            Stack(TOPS["NMI"] - 0x1000, 0x1000, "NMI"),
        )
    ]


def test_which_stack_an_address_lies_in(fake: FakeKernel) -> None:
    found = fill(fake)
    nmi = found.exception_stack(TOPS["NMI"] - 8)
    assert nmi is not None
    assert nmi.name == "NMI"
    assert found.exception_stack(TOPS["NMI"]) is None
    assert found.irq_stack(IRQ_TOP - 8) == Stack(IRQ_TOP - 0x4000, 0x4000)
    assert found.irq_stack(IRQ_TOP) is None


def test_tables_that_cannot_be_read(fake: FakeKernel) -> None:
    found = SpecialStacks(fake.kernel)
    assert found.exception == [()]
    assert found.irq == [None]


def test_sets_name_what_has_no_memory(fake: FakeKernel) -> None:
    stacks = fill(fake)
    # A third entry, whose use nothing tells and whose page is not there.
    fake.write(PER_CPU + TSS + 8 + 16, "Q", 0x700000)
    assert stacks.sets == [
        StackSet("IRQ", 0x4000, (IRQ_TOP - 0x4000,)),
        StackSet("DOUBLEFAULT", 0x2000, (TOPS["DF"] - 0x2000,)),
        StackSet("NMI", 0x1000, (TOPS["NMI"] - 0x1000,)),
        StackSet("(unknown)", 0, (0x700000,), frozenset({0})),
    ]


@pytest.mark.parametrize("address", [-0x4000, 1 << 64, 0x10])
def test_where_a_damaged_table_leads_no_stack_is(fake: FakeKernel, address: int) -> None:
    assert not fill(fake)._readable(address)
