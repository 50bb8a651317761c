"""Interrupt descriptors and their actions, from structures made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.cpus import Cpus
from pycrash.kernel.irq.interrupts import Interrupts, IrqAction, softirqs
from pycrash.kernel.walks.lists import DuplicateEntry
from tests.kernel.fake_kernel import FakeKernel

BASE = 0xFFFF888000000000
TREE, COUNT, VECTORS, NODE = (BASE + 0x1000 * n for n in range(4))
DESC, ACTION, CHIP, TEXT = (BASE + 0x10000 * n for n in range(1, 5))
KSTAT, OFFSETS = 0x9000, (BASE + 0x100000, BASE + 0x200000)


@pytest.fixture
def fake() -> FakeKernel:
    """A kernel of three interrupts in an xarray of one node: 0 and 2 have descriptors."""
    made = FakeKernel()
    pointer = made.prog.pointer_type(made.prog.void_type())
    long = made.prog.int_type("unsigned long", 8, False)
    made.struct("xarray", 16, xa_head=(8, "P"))
    made.struct("xa_node", 64, shift=(0, "B"), slots=(16, made.array(pointer, 4)))
    made.struct("softirq_action", 8, action=(0, "P"))
    made.struct("irqaction", 32, name=(0, "P"), next=(8, "P"))
    made.struct("irq_chip", 16, name=(8, "P"))
    cpumask = made.struct("cpumask", 8, bits=(0, made.array(long, 1)))
    common = made.struct("irq_common_data", 16, affinity=(8, made.array(cpumask, 1)))
    data = made.struct("irq_data", 16, irq=(0, "I"), chip=(8, "P"))
    made.struct(
        "irq_desc",
        128,
        irq_common_data=(0, common),
        irq_data=(16, data),
        kstat_irqs=(32, "P"),
        action=(40, "P"),
        name=(48, "P"),
    )
    made.symbol("irq_desc_tree", TREE, 16)
    made.symbol("nr_irqs", COUNT, 4)
    made.symbol("softirq_vec", VECTORS, 24)
    made.write(TREE, "QQ", 0, NODE | 2)
    made.write(COUNT, "I", 3)
    made.write(VECTORS, "QQQ", 0x1111, 0, 0x2222)
    made.room(NODE, 64)
    made.write(NODE + 16, "4Q", DESC, 0, DESC + 128, 0)
    made.room(DESC, 256)
    places = SimpleNamespace(count=2, address=lambda base, cpu: base + OFFSETS[cpu])
    made.give(Cpus, places)
    return made


def action(fake: FakeKernel, address: int, name: bytes, following: int = 0) -> None:
    fake.write(address, "QQ16s", address + 16, following, name)


def test_descriptors_are_found_by_number(fake: FakeKernel) -> None:
    table = Interrupts(fake.kernel)
    assert table.count == 3
    assert [table.address(number) for number in range(4)] == [DESC, 0, DESC + 128, 0]


def test_a_table_of_descriptors_needs_no_tree(fake: FakeKernel) -> None:
    fake.symbol("irq_desc", DESC, 256)
    table = Interrupts(fake.kernel)
    assert (table.count, table.address(1)) == (2, DESC + 128)


def test_a_tree_that_cannot_be_read_is_an_error(fake: FakeKernel) -> None:
    fake.write(TREE + 8, "Q", 0xDEAD0002)
    with pytest.raises(ReadError):
        Interrupts(fake.kernel).address(0)


def test_actions_come_in_order_and_a_lost_name_is_none(fake: FakeKernel) -> None:
    table = Interrupts(fake.kernel)
    action(fake, ACTION, b"first", ACTION + 64)
    action(fake, ACTION + 64, b"second")
    fake.write(ACTION + 64, "Q", 0xDEAD0000)
    fake.write(DESC + 40, "Q", ACTION)
    assert list(table.actions(DESC)) == [IrqAction(ACTION, "first"), IrqAction(ACTION + 64, None)]
    assert table.first_action(DESC + 128) == 0


def test_a_circle_of_actions_ends(fake: FakeKernel) -> None:
    action(fake, ACTION, b"turn", ACTION)
    fake.write(DESC + 40, "Q", ACTION)
    with pytest.raises(DuplicateEntry):
        list(Interrupts(fake.kernel).actions(DESC))


def test_affinity_and_counts_are_by_cpu(fake: FakeKernel) -> None:
    table = Interrupts(fake.kernel)
    # Bits beyond the CPUs there are do not count.
    fake.write(DESC + 8, "Q", 0b1110)
    fake.write(DESC + 32, "Q", KSTAT)
    for cpu, count in enumerate((7, 9)):
        fake.write(KSTAT + OFFSETS[cpu], "I", count)
    assert table.affinity(DESC) == [1]
    assert table.counts(DESC, [0, 1]) == {0: 7, 1: 9}


def test_the_controller_and_the_trigger_have_names(fake: FakeKernel) -> None:
    table = Interrupts(fake.kernel)
    fake.write(DESC + 24, "Q", CHIP)
    fake.write(CHIP, "QQ", 0, TEXT)
    fake.write(TEXT, "8s8s", b"IO-APIC", b"edge")
    fake.write(DESC + 48, "Q", TEXT + 8)
    assert (table.chip(DESC), table.flow(DESC)) == ("IO-APIC", "edge")
    assert table.flow(DESC + 128) is None


def test_softirqs(fake: FakeKernel) -> None:
    assert softirqs(fake.kernel) == [0x1111, 0, 0x2222]
    del fake.symbols["softirq_vec"]
    with pytest.raises(CrashError, match="bottom-half"):
        softirqs(fake.kernel)
