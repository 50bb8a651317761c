"""Areas of vmalloc space: their list, and the pages mapped in them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.pagetables import Run
from pycrash.kernel.mm.vmalloc import VmapArea, VmapAreas
from tests.kernel.fake_kernel import FakeKernel

LIST, FIRST, SECOND = 0xFFFFFFFF82000000, 0xFFFF888000001000, 0xFFFF888000002000
SPACE, LINK = 0xFFFFC90000000000, 16


def fake(last: int = LIST, vm: int = 0x99) -> FakeKernel:
    """Two areas of four pages; the second leads on to `last` and has the vm_struct `vm`."""
    made = FakeKernel()
    made.struct(
        "vmap_area", 48, va_start=(0, "Q"), va_end=(8, "Q"), list=(LINK, "16s"), vm=(32, "P")
    )
    made.symbol("vmap_area_list", LIST)
    made.write(LIST, "Q", FIRST + LINK)
    made.write(FIRST, "QQQQQ", SPACE, SPACE + 0x4000, SECOND + LINK, 0, 0x88)
    made.write(SECOND, "QQQQQ", SPACE + 0x5000, SPACE + 0x9000, last, 0, vm)
    return made


def test_areas_without_a_vm_struct_are_left_out() -> None:
    first = VmapArea(FIRST, 0x88, SPACE, SPACE + 0x4000)
    areas = fake().kernel.part(VmapAreas)
    assert areas.all == [first, VmapArea(SECOND, 0x99, SPACE + 0x5000, SPACE + 0x9000)]
    assert areas.at(SPACE + 0x3FFF) == first
    assert areas.at(SPACE + 0x4000) is None
    assert fake(vm=0).kernel.part(VmapAreas).all == [first]


def test_a_list_that_leads_in_a_circle_is_named() -> None:
    with pytest.raises(CrashError, match="invalid/corrupt vmap_area_list"):
        _ = fake(FIRST + LINK).kernel.part(VmapAreas).all


def test_a_wild_pointer_is_a_failed_read() -> None:
    with pytest.raises(ReadError):
        _ = fake(0xFFFF888000777000).kernel.part(VmapAreas).all


def test_a_page_is_found_in_every_area_that_maps_it() -> None:
    made = fake()

    def runs(start: int, end: int) -> list[Run]:
        if start == SPACE:
            return [Run(start, 4096, (0, 1, 1, 0), [None, 0x7000, 0x9000, None])]
        return [Run(start, 0x4000, (1,), [0x8000])]

    made.kernel.__dict__["arch"] = SimpleNamespace(tables=SimpleNamespace(kernel_runs=runs))
    areas = made.kernel.part(VmapAreas)
    found = [address for _, address in areas.of_physical(0x9123)]
    assert found == [SPACE + 0x2123, SPACE + 0x6123]
    assert [address for _, address in areas.of_physical(0x7001)] == [SPACE + 0x1001]
    assert list(areas.of_physical(0x20000)) == []
