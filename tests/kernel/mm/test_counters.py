"""Counters by the names of the kernel's enumerations."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pycrash.kernel.core.cpus import Cpus
from pycrash.kernel.mm.counters import Counters
from tests.kernel.fake_kernel import FakeKernel

STAT, EVENTS = 0xFFFFFFFF82000000, 0x1000


def enum(made: FakeKernel, name: str, *items: tuple[str, int]) -> None:
    prog: Any = made.prog
    import drgn

    enumerators = [drgn.TypeEnumerator(item, value) for item, value in items]
    made.types[name] = prog.enum_type(name, prog.int_type("unsigned int", 4, False), enumerators)


def test_of_several_names_of_a_counter_the_last_counts() -> None:
    made = FakeKernel()
    enum(made, "zone_stat_item", ("FREE", 0), ("LRU_BASE", 1), ("ANON", 1), ("FILE", 2))
    assert made.kernel.part(Counters).groups == []
    made = FakeKernel()
    items = ("FREE", 0), ("LRU_BASE", 1), ("ANON", 1), ("NR_VM_ZONE_STAT_ITEMS", 2)
    enum(made, "zone_stat_item", *items)
    made.symbol("vm_zone_stat", STAT, 16)
    made.write(STAT, "qq", 77, -3)
    counters = made.kernel.part(Counters)
    assert counters.groups == [("VM_ZONE_STAT", {"FREE": 77, "ANON": -3})]
    assert (counters.value("ANON"), counters.value("LRU_BASE")) == (-3, None)
    assert counters.of_zone((1, 2, 3)) == {"FREE": 1, "ANON": 2}


def test_events_are_those_of_all_cpus() -> None:
    made = FakeKernel()
    enum(made, "vm_event_item", ("PGPGIN", 0), ("PGPGOUT", 1), ("NR_VM_EVENT_ITEMS", 2))
    made.symbol("vm_event_states", EVENTS, 16)
    cpus = SimpleNamespace(count=2, address=lambda base, cpu: STAT + 4096 * cpu + base)
    made.give(Cpus, cpus)
    made.write(STAT + EVENTS, "QQ", 5, 6)
    made.write(STAT + EVENTS + 4096, "QQ", 50, 60)
    events = made.kernel.part(Counters).events
    assert events == ("VM_EVENT_STATES", {"PGPGIN": 55, "PGPGOUT": 66})
