"""Slab caches: lists of free objects, counts, and the object at an address, damage among them."""

from __future__ import annotations

import pytest

from pycrash.errors import ReadError
from pycrash.kernel.mm.slab import Slab
from pycrash.kernel.mm.slabcaches import SlabCaches
from pycrash.kernel.mm.slabcounts import Counted, Counts, SlabCounts
from pycrash.kernel.mm.slabfree import FreeLists
from pycrash.kernel.mm.slabobjects import Objects, SlabObjects
from pycrash.kernel.mm.slabpages import SlabPages
from pycrash.kernel.walks.lists import DuplicateEntry
from tests.kernel.mm.fake_slabs import (
    CACHES,
    DIRECT,
    LIST,
    MAP,
    PAGE,
    SHEAVES,
    SIZE,
    FakeSlabs,
    object_at,
)


def counted(made: FakeSlabs, cache: int) -> Counted:
    kernel = made.kernel
    return kernel.part(SlabCounts).of(kernel.part(SlabCaches).get(cache))


def objects(made: FakeSlabs, cache: int, slab: int) -> Objects:
    kernel = made.kernel
    found = kernel.part(SlabCaches).get(cache)
    return kernel.part(SlabObjects).of(found, kernel.part(SlabPages).get(slab))


def busy(made: FakeSlabs) -> int:
    """A cache with a slab on CPU 1 (2 free on the CPU, 1 given back), a partial one there (1
    free), one on the node (3 free), and a full one."""
    cache = made.cache("busy")
    first = made.slab(cache, 1, 3, (3,))
    made.on_cpu(cache, 1, first, made.chain(1, (2, 0)), [made.slab(cache, 2, 3, (1,))])
    made.slab(cache, 4, 4)
    made.on_node(cache, [made.slab(cache, 3, 1, (0, 3, 1))], 4)
    return cache


def test_caches_are_known_in_the_order_of_the_list() -> None:
    made = FakeSlabs()
    older, newer = made.cache("older"), made.cache("newer")
    caches = made.kernel.part(SlabCaches)
    assert caches.listed == ((newer, older), None)
    assert caches.names == {newer: "newer", older: "older"}
    found = caches.get(older)
    assert (found.size, found.object_size, found.objects, found.order) == (64, 56, 4, 0)
    assert found.random is None


def test_a_list_of_caches_that_leads_back_keeps_what_it_has() -> None:
    made = FakeSlabs()
    older, newer = made.cache("older"), made.cache("newer")
    made.write(older + 48, "Q", newer + 48)
    addresses, error = made.kernel.part(SlabCaches).listed
    assert addresses == (newer, older)
    assert isinstance(error, DuplicateEntry)


def test_a_list_of_caches_that_leads_nowhere_keeps_what_it_has() -> None:
    made = FakeSlabs()
    cache = made.cache("only")
    made.write(cache + 48, "Q", 0xFFFF999900000000)
    addresses, error = made.kernel.part(SlabCaches).listed
    assert addresses == (cache, 0xFFFF999900000000 - 48)
    assert isinstance(error, ReadError)


def test_what_is_free_is_counted_wherever_it_is() -> None:
    made = FakeSlabs()
    cache = busy(made)
    assert counted(made, cache) == Counted(Counts(16 - 2 - 1 - 1 - 3, 16, 4), ())


@pytest.mark.parametrize("hardened", ["", "plain", "turned"])
def test_pointers_are_followed_however_they_are_kept(hardened: str) -> None:
    made = FakeSlabs(hardened)
    cache = made.kernel.part(SlabCaches).get(made.cache("mixed"))
    first = made.chain(1, (2, 0, 3))
    found = made.kernel.part(FreeLists).walk(cache, MAP + SIZE, first)
    assert list(found.objects) == [object_at(1, number) for number in (2, 0, 3)]
    assert found.damage is None


def test_a_list_of_free_objects_that_leads_back_is_named() -> None:
    made = FakeSlabs("turned")
    cache = made.cache("ring")
    slab = made.slab(cache, 1, 4)
    made.on_cpu(cache, 0, slab, made.chain(1, (0, 1, 2)))
    made.on_node(cache, [], 1)
    made.point(object_at(1, 2), object_at(1, 1))
    wanted = f"ring: slab: {slab:x} duplicate freelist object: {object_at(1, 1):x}"
    counts, problems = counted(made, cache)
    assert counts == Counts(1, 4, 1)
    assert list(map(str, problems)) == [wanted]
    found = objects(made, cache, slab)
    assert str(found.hides()) == wanted
    assert [free for _, free in found.states()] == [True, True, True]


def test_a_pointer_to_memory_that_is_not_there_is_named() -> None:
    made = FakeSlabs()
    cache = made.cache("wild")
    slab = made.slab(cache, 1, 2, (1, 0))
    made.point(object_at(1, 0), 0xFFFF999900000000)
    made.on_node(cache, [slab], 1)
    assert counted(made, cache) == Counted(Counts(2, 4, 1), ())
    found = objects(made, cache, slab)
    # The two that the list has are free; of the third nobody knows.
    assert [free for _, free in found.states()] == [True, True]
    assert str(found.hides()) == f"wild: slab: {slab:x} invalid freepointer: ffff999900000020"


def test_a_list_of_slabs_that_leads_back_leaves_nothing_to_count() -> None:
    made = FakeSlabs()
    cache = made.cache("loop")
    one, two = made.slab(cache, 1, 3, (0,)), made.slab(cache, 2, 3, (0,))
    made.on_node(cache, [one, two], 2)
    made.write(two + 16, "Q", one + 16)
    counts, problems = counted(made, cache)
    assert counts is None
    assert list(map(str, problems)) == [
        f"loop: partial list slab: {one:x} duplicate slab entry: {two + 16:x}"
    ]


def test_a_link_that_is_no_slab_ends_the_list_and_the_rest_counts() -> None:
    made = FakeSlabs()
    cache = made.cache("torn")
    one = made.slab(cache, 1, 3, (0,))
    made.on_node(cache, [one], 2)
    made.write(one + 16, "Q", DIRECT)
    counts, problems = counted(made, cache)
    assert counts == Counts(7, 8, 2)
    assert list(map(str, problems)) == [
        f"torn: partial list slab: {one:x} invalid page.lru.next: {DIRECT:x}"
    ]


def test_partial_slabs_of_a_cpu_that_lead_back_are_named() -> None:
    made = FakeSlabs()
    cache = made.cache("cpu")
    one, two = made.slab(cache, 1, 3, (0,)), made.slab(cache, 2, 3, (0,))
    made.on_cpu(cache, 0, made.slab(cache, 3, 4), 0, [one, two])
    made.write(two + 16, "Q", one)
    made.on_node(cache, [], 3)
    counts, problems = counted(made, cache)
    assert counts is not None
    assert [str(problem) for problem in problems] == [
        f"cpu: duplicate partial list slab pointer: {one:x}"
    ]


def test_a_slab_that_is_no_page_leaves_nothing_to_count() -> None:
    made = FakeSlabs()
    cache = made.cache("gone")
    made.on_cpu(cache, 0, 0xFFFF999900000000)
    counts, problems = counted(made, cache)
    assert counts is None
    assert [str(p) for p in problems] == ["page_to_nid: invalid page: ffff999900000000"]


def test_memory_of_a_cache_that_was_left_out_is_an_error() -> None:
    made = FakeSlabs()
    made.write(LIST, "Q", CACHES + 48)
    made.write(CACHES + 48, "Q", LIST)
    caches = made.kernel.part(SlabCaches)
    assert caches.names == {CACHES: "(unknown)"}
    with pytest.raises(ReadError, match="kmem_cache buffer"):
        caches.get(CACHES)


def test_objects_of_a_cpus_slab() -> None:
    made = FakeSlabs()
    cache = busy(made)
    found = objects(made, cache, MAP + SIZE)
    assert (found.cpu, found.allocated, found.node) == (1, 1, 0)
    assert list(found.states()) == [
        (object_at(1, 0), True),
        (object_at(1, 1), False),
        (object_at(1, 2), True),
        (object_at(1, 3), True),
    ]


@pytest.mark.parametrize(
    ("page", "number", "allocated", "role", "cpu"),
    [
        (1, 1, True, "cpu", 1),
        (1, 3, False, "cpu", 1),
        (2, 1, False, "cpu partial", 1),
        (3, 2, True, "node partial", None),
        (4, 0, True, "full", None),
    ],
)
def test_the_object_at_an_address(
    page: int, number: int, allocated: bool, role: str, cpu: int | None
) -> None:
    made = FakeSlabs()
    cache = busy(made)
    held = made.kernel.part(Slab).object_at(object_at(page, number) + 17)
    assert held is not None
    assert (held.cache.address, held.slab) == (cache, MAP + page * SIZE)
    assert (held.start, held.allocated) == (object_at(page, number), allocated)
    assert (held.role, held.cpu, held.node) == (role, cpu, 0)


def test_no_object_behind_the_last_and_none_elsewhere() -> None:
    made = FakeSlabs()
    busy(made)
    slab = made.kernel.part(Slab)
    assert slab.cache_of(object_at(1, 5)) == "busy"
    assert slab.object_at(object_at(1, 5)) is None
    assert slab.object_at(object_at(9, 0)) is None
    assert slab.object_at(0x1000) is None


def test_a_red_zone_lies_before_each_object() -> None:
    made = FakeSlabs()
    cache = made.cache("padded", flags=0x400, padding=16)
    made.slab(cache, 1, 3)
    made.point(object_at(1, 2) + 16, 0)
    made.write(MAP + SIZE + 32, "Q", object_at(1, 2) + 16)
    held = made.kernel.part(Slab).object_at(object_at(1, 2) + 40)
    assert held is not None
    assert (held.start, held.allocated) == (object_at(1, 2) + 16, False)


def test_pages_behind_the_first_belong_to_the_slab() -> None:
    made = FakeSlabs()
    cache = made.cache("large")
    slab = made.slab(cache, 1, 4)
    made.write(MAP + 2 * SIZE + 8, "Q", slab | 1)
    assert made.kernel.part(SlabPages).holding(object_at(2, 0)) == slab
    # Since 7.0 that word may be a mask, which makes the address of the page the first one's.
    made.write(MAP + 2 * SIZE + 8, "Q", -(2 * SIZE) % 2**64 | 1)
    made.write(MAP + 3 * SIZE + 8, "Q", -(2 * SIZE) % 2**64 | 1)
    pages = made.kernel.part(SlabPages)
    assert pages.head(MAP + 3 * SIZE) == MAP + 2 * SIZE


def test_what_kind_a_page_is_may_be_a_type() -> None:
    made = FakeSlabs()
    made.struct("page", SIZE, flags=(0, "Q"), compound_head=(8, "Q"), page_type=(48, "I"))
    made.constants["PGTY_slab"] = 0xF5
    made.write(MAP + 48, "I", 0xF5000000)
    made.write(MAP + SIZE, "Q", 1 << 9)
    pages = made.kernel.part(SlabPages)
    assert pages.is_slab(MAP)
    assert not pages.is_slab(MAP + SIZE)


def kept(made: FakeSlabs) -> int:
    """A full slab of which CPU 0 keeps object 2 in a sheaf, and the node object 0."""
    cache = made.cache("kept")
    made.slab(cache, 1, 4)
    made.on_node(cache, [], 1)
    mine, theirs = made.sheaf(0, [object_at(1, 2)]), made.sheaf(1, [object_at(1, 0)])
    made.keep(cache, [mine, made.sheaf(2, [])], [theirs])
    return cache


def test_objects_in_sheaves_are_free() -> None:
    made = FakeSlabs()
    cache = kept(made)
    assert counted(made, cache) == Counted(Counts(2, 4, 1), ())
    found = objects(made, cache, MAP + SIZE)
    assert [free for _, free in found.states()] == [True, False, True, False]
    assert (found.allocated, found.keeper(object_at(1, 2))) == (2, 0)
    assert found.keeper(object_at(1, 0)) is None
    held = made.kernel.part(Slab).object_at(object_at(1, 2))
    assert held is not None
    assert (held.allocated, held.cpu, held.sheaf) == (False, 0, SHEAVES)


def test_a_sheaf_of_more_than_fits_is_named_and_the_rest_counts() -> None:
    made = FakeSlabs()
    cache = kept(made)
    made.write(SHEAVES + PAGE + 24, "I", 0x7FFFFFFF)
    counts, problems = counted(made, cache)
    assert counts == Counts(3, 4, 1)
    assert [str(problem) for problem in problems] == [
        f"kept: invalid sheaf: {SHEAVES + PAGE:x} size: 2147483647"
    ]


def test_full_sheaves_of_a_node_that_lead_back_end() -> None:
    made = FakeSlabs()
    cache = kept(made)
    made.write(SHEAVES + PAGE, "Q", SHEAVES + PAGE)
    counts, problems = counted(made, cache)
    assert counts == Counts(2, 4, 1)
    assert [type(problem) for problem in problems] == [DuplicateEntry]
