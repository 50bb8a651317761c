"""PCI buses and devices made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from pycrash.kernel.devices.pci import PciBuses
from pycrash.kernel.walks.lists import DuplicateEntry
from tests.kernel.fake_kernel import FakeKernel

BASE = 0xFFFF888000000000
HEAD, ROOT, CHILD, BRIDGE, CARD = (BASE + 0x100 * n for n in range(5))
TEXT = BASE + 0x1000


@pytest.fixture
def fake() -> FakeKernel:
    """A root bus with a bridge, and behind that a bus with a card."""
    made = FakeKernel()
    kobject = made.struct("kobject", 8, name=(0, "P"))
    device = made.struct("device", 8, kobj=(0, kobject))
    bus_members: dict[str, Any] = {
        **{name: (16 * n, "P") for n, name in enumerate(("node", "children", "devices"))},
        **{"parent": (48, "P"), "self": (56, "P"), "dev": (64, device)},
    }
    made.struct("pci_bus", 72, **bus_members)
    members: dict[str, Any] = {
        **{"bus_list": (0, "P"), "vendor": (16, "H"), "device": (18, "H"), "hdr_type": (20, "B")},
        **{"pcie_flags_reg": (22, "H"), "class": (24, "I"), "dev": (32, device)},
    }
    made.struct("pci_dev", 64, **members)
    made.symbol("pci_root_buses", HEAD)
    made.room(BASE, 0x600)
    made.room(TEXT, 128)
    for place, name in enumerate((b"0000:00", b"0000:01", b"0000:00:02.0")):
        made.write(TEXT + 32 * place, "32s", name)
    made.write(ROOT + 48, "QQQ", 0, 0, TEXT)
    made.write(CHILD + 48, "QQQ", ROOT, BRIDGE, TEXT + 32)
    made.write(BRIDGE + 16, "HHBxHI", 0x8086, 0x10, 1, 0x42, 0x60400)
    made.write(BRIDGE + 32, "Q", TEXT + 64)
    made.write(CARD + 16, "HHBxHI", 0x1AF4, 0x1000, 0, 0xF0, 0x20000)
    made.write(CARD + 32, "Q", 0xDEAD0000)
    ring(made, HEAD, ROOT)
    ring(made, ROOT + 16, CHILD)
    ring(made, CHILD + 16)
    ring(made, ROOT + 32, BRIDGE)
    ring(made, CHILD + 32, CARD)
    return made


def ring(fake: FakeKernel, *places: int) -> None:
    for here, following in zip(places, (*places[1:], places[0]), strict=True):
        fake.write(here, "Q", following)


def test_buses_and_what_is_on_them(fake: FakeKernel) -> None:
    buses = PciBuses(fake.kernel)
    (root,) = buses.roots()
    assert (root.name, root.bridge) == ("0000:00", None)
    (bridge,) = buses.devices(ROOT)
    assert bridge == (BRIDGE, "0000:00:02.0", 0x604, 0x8086, 0x10, "ROOT_PORT", True)
    (child,) = buses.below(ROOT)
    assert (child.name, child.parent, child.bridge) == ("0000:01", ROOT, bridge)
    (card,) = buses.devices(CHILD)
    assert card == (CARD, "", 0x200, 0x1AF4, 0x1000, "", False)


def test_a_bus_behind_itself_ends(fake: FakeKernel) -> None:
    ring(fake, CHILD + 16, ROOT)
    with pytest.raises(DuplicateEntry):
        list(PciBuses(fake.kernel).below(ROOT))
