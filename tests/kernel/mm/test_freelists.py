"""Lists of free blocks, whole and damaged."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.errors import ReadError
from pycrash.kernel.mm.freelists import FreeList, FreeLists
from pycrash.kernel.mm.pages import Pages
from pycrash.kernel.mm.zones import FreeArea, Zone, Zones
from pycrash.kernel.walks.lists import DuplicateEntry
from tests.kernel.fake_kernel import FakeKernel

MAP, SIZE, LRU, HEAD = 0xFFFFEA0000000000, 64, 8, 0xFFFF888000001000


def page(number: int) -> int:
    return MAP + number * SIZE


def fake(*links: tuple[int, int]) -> FakeKernel:
    """A page array of which some pages lead to others by their lru, 0 to the list's head."""
    made = FakeKernel()
    made.struct("page", SIZE, flags=(0, "Q"), lru=(LRU, "16s"))
    made.give(Pages, SimpleNamespace(size=SIZE))
    made.give(Zones, SimpleNamespace(areas=lambda zone: [FreeArea(3, 77, ((HEAD, 5), (9, 9)))]))
    made.room(MAP, 1 << 16)
    for here, there in links:
        made.write(page(here) + LRU, "Q", page(there) + LRU if there else HEAD)
    return made


def free_list(first: int) -> FreeList:
    zone: Zone = SimpleNamespace()  # type: ignore[assignment]
    return FreeList(zone, 3, 77, 0, HEAD, page(first) + LRU if first else HEAD)


def test_blocks_come_in_the_order_of_their_list() -> None:
    walker = FreeLists(fake((1, 9), (9, 5), (5, 0)).kernel)
    assert list(walker.blocks(free_list(1))) == [page(1), page(9), page(5)]
    assert list(walker.blocks(free_list(0))) == []


def test_a_list_that_leads_in_a_circle_ends_behind_the_first_block_that_came_before() -> None:
    walker = FreeLists(fake((1, 2), (2, 3), (3, 4), (4, 3)).kernel)
    found: list[int] = []
    with pytest.raises(DuplicateEntry) as caught:
        found.extend(walker.blocks(free_list(1)))
    assert caught.value.address == page(3)


def test_a_block_on_two_lists_is_found_out() -> None:
    walker = FreeLists(fake((1, 2), (2, 0), (7, 2)).kernel)
    assert len(list(walker.blocks(free_list(1)))) == 2
    with pytest.raises(DuplicateEntry):
        list(walker.blocks(free_list(7)))


def test_a_wild_pointer_is_a_failed_read_that_names_it() -> None:
    made = fake((1, 2))
    made.write(page(2) + LRU, "Q", 0x4141414141414141)
    with pytest.raises(ReadError) as caught:
        list(FreeLists(made.kernel).blocks(free_list(1)))
    assert (caught.value.address, caught.value.what) == (0x4141414141414141, "list entry")


def test_a_null_pointer_ends_a_list() -> None:
    made = fake((1, 2))
    made.write(page(2) + LRU, "Q", 0)
    assert list(FreeLists(made.kernel).blocks(free_list(1))) == [page(1), page(2)]


def test_each_migrate_type_has_a_list() -> None:
    zone: Zone = SimpleNamespace()  # type: ignore[assignment]
    lists = list(FreeLists(fake().kernel).of_zone(zone))
    assert [(one.migrate_type, one.head, one.first, one.pages) for one in lists] == [
        (0, HEAD, 5, 8),
        (1, 9, 9, 8),
    ]
