"""Rows of slab caches, and their lines: lists, slabs and objects, damage among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pycrash.api.args import Args, Flag, parse_args
from pycrash.api.context import Context, View
from pycrash.api.rows import Bundle, Gap, Notice, Row
from pycrash.api.slabfacts import SlabFinder, SlabRequest
from pycrash.api.slabline import SlabLine
from pycrash.api.slabrows import CacheRow, ObjectRow, SlabListRow, SlabRow
from pycrash.errors import CrashError
from pycrash.render.slablines import SlabText
from pycrash.settings import Settings
from tests.kernel.mm.fake_slabs import DIRECT, MAP, PAGE, SIZE, FakeSlabs, object_at

HEADING = "CACHE             OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE  NAME"
SLABS = "  SLAB              MEMORY            NODE  TOTAL  ALLOCATED  FREE"


def finder(made: FakeSlabs, **asked: Any) -> SlabFinder:
    return SlabFinder(made.kernel, SlabRequest(**asked))


def lines(rows: Iterable[Row], redzone: bool = True) -> list[str]:
    """The text of rows, messages in their place."""
    makers: dict[type[Row], Callable[[Any], Iterable[str]]] = {
        **SlabText(View(Settings(redzone=redzone))).makers,
        Gap: lambda row: [""],
        Notice: lambda row: [f"! {row.text}"],
    }
    return [line for row in rows for line in makers[type(row)](row)]


def objects(rows: Iterable[Row]) -> list[ObjectRow]:
    bundles = (row for row in rows if isinstance(row, Bundle))
    return [row for bundle in bundles for row in bundle.rows() if isinstance(row, ObjectRow)]


def busy(made: FakeSlabs) -> int:
    """CPU 0 has a slab (object 2 free on the CPU) and a partial one; the node one more."""
    cache = made.cache("busy")
    first = made.slab(cache, 1, 4)
    made.on_cpu(cache, 0, first, made.chain(1, (2,)), [made.slab(cache, 2, 3, (1,))])
    made.on_node(cache, [made.slab(cache, 3, 1, (0, 3, 1))], 3)
    return cache


def test_a_line_for_each_cache_and_of_one_left_out() -> None:
    made = FakeSlabs()
    other, cache = made.cache("other"), busy(made)
    assert lines(finder(made, ignored={"other"}).caches()) == [
        HEADING,
        f"{cache:x}       56          7        12      3     4k  busy",
        f"{other:x} [IGNORED]                                    other",
    ]
    assert lines(finder(made).names()) == [f"{cache:x} busy", f"{other:x} other"]
    assert lines(finder(made).caches("other")) == [
        HEADING,
        f"{other:x}       56          0         0      0     4k  other",
    ]
    assert lines(finder(made).caches("nosuch")) == []


def test_what_cpus_and_nodes_have() -> None:
    made = FakeSlabs()
    cache = busy(made)
    found = lines(finder(made, whole=True, cpus=[0]).caches())
    assert found[2:] == [
        "CPU 0 KMEM_CACHE_CPU:",
        "  ffff888200000000",
        "CPU 0 SLAB:",
        SLABS,
        f"  {MAP + SIZE:x}  {object_at(1, 0):x}     0      4          3     1",
        "  FREE / [ALLOCATED]",
        f"  [{object_at(1, 0):x}]",
        f"  [{object_at(1, 1):x}]",
        f"   {object_at(1, 2):x}  (cpu 0 cache)",
        f"  [{object_at(1, 3):x}]",
        "CPU 0 PARTIAL:",
        SLABS,
        f"  {MAP + 2 * SIZE:x}  {object_at(2, 0):x}     0      4          3     1",
        "  FREE / [ALLOCATED]",
        f"  [{object_at(2, 0):x}]",
        f"   {object_at(2, 1):x}  ",
        f"  [{object_at(2, 2):x}]",
        f"  [{object_at(2, 3):x}]",
        "KMEM_CACHE_NODE   NODE  SLABS  PARTIAL  PER-CPU",
        "ffff888300000000     0      3        1        1",
        "NODE 0 PARTIAL:",
        SLABS,
        f"  {MAP + 3 * SIZE:x}  {object_at(3, 0):x}     0      4          1     3",
        "NODE 0 FULL:",
        "  (not tracked)",
        "",
    ]
    assert [row.address for row in finder(made).caches() if isinstance(row, CacheRow)] == [cache]


def test_a_cpu_that_is_offline_may_be_hidden() -> None:
    made = FakeSlabs()
    busy(made)
    found = lines(finder(made, whole=True, cpus=[1], hide_offline=True).caches())
    assert found[2] == "CPU 1 [OFFLINE]"


@pytest.mark.parametrize(
    ("bit", "tracked"), [(None, True), (16, True), (7, False)], ids=["fixed", "same", "moved"]
)
def test_full_slabs_are_shown_where_the_kernel_tracks_them(bit: int | None, tracked: bool) -> None:
    made = FakeSlabs()
    made.cache("traced", flags=0x10000)
    if bit is not None:  # kernels that number their flags say themselves which it is
        made.constants["_SLAB_STORE_USER"] = bit
    rows = list(finder(made, whole=True, cpus=[]).caches())
    assert [(row.list, row.tracked) for row in rows if isinstance(row, SlabListRow)] == [
        ("partial", True),
        ("full", tracked),
    ]


def test_the_object_at_an_address() -> None:
    made = FakeSlabs()
    busy(made)
    rows = list(finder(made).at(object_at(1, 2) + 9))
    assert lines(rows)[-1] == f"   {object_at(1, 2):x}  (cpu 0 cache)"
    (row,) = objects(rows)
    assert (row.address, row.state, row.cpu) == (object_at(1, 2), "free", 0)
    assert (row.cache, row.slab, row.node) == ("busy", MAP + SIZE, 0)
    (row,) = objects(finder(made).at(object_at(1, 1)))
    assert (row.state, row.cpu) == ("allocated", None)


@pytest.mark.parametrize(
    ("page", "role", "cpu"), [(1, "cpu", 0), (2, "cpu partial", 0), (3, "node partial", None)]
)
def test_what_the_slab_of_an_object_is(page: int, role: str, cpu: int | None) -> None:
    made = FakeSlabs()
    busy(made)
    rows = finder(made).at(object_at(page, 0))
    assert [(row.role, row.cpu) for row in rows if isinstance(row, SlabRow)] == [(role, cpu)]


def test_all_objects_of_the_slab_with_an_address() -> None:
    made = FakeSlabs()
    busy(made)
    assert len(objects(finder(made).at(MAP + SIZE))) == 4
    assert len(objects(finder(made, whole=True).at(object_at(1, 1)))) == 4


def test_an_address_of_no_slab() -> None:
    made = FakeSlabs()
    busy(made)
    wrong = "! address is not allocated in slab subsystem:"
    assert lines(finder(made).at(DIRECT + 20 * PAGE)) == [f"{wrong} {DIRECT + 20 * PAGE:x}"]
    beyond = DIRECT + 0x1000000
    assert lines(finder(made).at(beyond)) == [
        f"! cannot find mem_map page for address: {beyond:x}",
        f"{wrong} {beyond:x}",
    ]
    assert lines(finder(made).at(0x1000)) == [
        "! cannot make virtual-to-physical translation: 1000",
        f"{wrong} 1000",
    ]


def test_red_zones_are_shown_or_not() -> None:
    made = FakeSlabs()
    cache = made.cache("padded", flags=0x400, padding=16)
    made.slab(cache, 1, 4)
    assert lines(finder(made).at(object_at(1, 2)))[-1] == f"  [{object_at(1, 2):x}]"
    shown = lines(finder(made).at(object_at(1, 2)), redzone=False)
    assert shown[-1] == f"  [{object_at(1, 2) + 16:x}]"


def test_a_list_that_leads_back_ends_the_slab_and_what_its_cpu_has() -> None:
    made = FakeSlabs()
    cache = busy(made)
    made.chain(1, (0, 1))
    made.point(object_at(1, 1), object_at(1, 0))
    made.on_cpu(cache, 0, MAP + SIZE, object_at(1, 0), [MAP + 2 * SIZE])
    found = lines(finder(made, whole=True, cpus=[0]).caches())
    wrong = f"! busy: slab: {MAP + SIZE:x} duplicate freelist object: {object_at(1, 0):x}"
    assert found[:2] == [HEADING, wrong]
    assert found[5:14] == [
        "CPU 0 SLAB:",
        SLABS,
        wrong,
        f"  {MAP + SIZE:x}  {object_at(1, 0):x}     0      4          2     2",
        "  FREE / [ALLOCATED]",
        f"   {object_at(1, 0):x}  (cpu 0 cache)",
        f"   {object_at(1, 1):x}  (cpu 0 cache)",
        wrong,
        "KMEM_CACHE_NODE   NODE  SLABS  PARTIAL  PER-CPU",
    ]


def test_a_cache_that_cannot_be_counted_says_so() -> None:
    made = FakeSlabs()
    cache = made.cache("loop")
    one, two = made.slab(cache, 1, 3, (0,)), made.slab(cache, 2, 3, (0,))
    made.on_node(cache, [one, two], 2)
    made.write(two + 16, "Q", one + 16)
    assert lines(finder(made).caches()) == [
        HEADING,
        f"! loop: partial list slab: {one:x} duplicate slab entry: {two + 16:x}",
        "! loop: cannot gather relevant slab data",
        f"{cache:x}       56          ?         ?      ?     4k  loop",
    ]


def test_a_link_that_is_no_slab_ends_what_a_node_has() -> None:
    made = FakeSlabs()
    cache = made.cache("torn")
    one = made.slab(cache, 1, 3, (0,))
    made.on_node(cache, [one], 2)
    made.write(one + 16, "Q", DIRECT)
    wrong = f"! torn: partial list slab: {one:x} invalid page.lru.next: {DIRECT:x}"
    assert lines(finder(made, whole=True, cpus=[]).caches())[-4:] == [
        SLABS,
        f"  {one:x}  {object_at(1, 0):x}     0      4          3     1",
        wrong,
        "",
    ]


def test_sheaves_and_what_is_in_them() -> None:
    made = FakeSlabs()
    cache = made.cache("kept")
    made.slab(cache, 1, 4)
    made.on_node(cache, [], 1)
    mine, theirs = made.sheaf(0, [object_at(1, 2)]), made.sheaf(1, [object_at(1, 0)])
    empty = made.sheaf(2, [])
    made.keep(cache, [mine, empty], [theirs])
    found = lines(finder(made, whole=True, cpus=[1]).caches())
    start = found.index("CPU 1 SLUB_PERCPU_SHEAVES:")
    assert found[start + 2 : start + 8] == [
        "CPU 1 MAIN SHEAF:",
        f"  {empty:x}",
        "  (empty)",
        "NODE 0 FULL SHEAF:",
        f"  {theirs:x}",
        f"   {object_at(1, 0):x}",
    ]
    assert lines(finder(made).at(MAP + SIZE))[5:] == [
        f"   {object_at(1, 0):x}  (node 0 cache)",
        f"  [{object_at(1, 1):x}]",
        f"   {object_at(1, 2):x}  (cpu 0 cache)",
        f"  [{object_at(1, 3):x}]",
    ]


def line(made: FakeSlabs, *words: str) -> SlabLine:
    flags = (Flag("s", ""), Flag("S", "", value=None), Flag("P", ""))
    args: Args = parse_args("kmem", flags, words)
    settings = Settings()
    return SlabLine(cast(Context, SimpleNamespace(kernel=made.kernel, settings=settings)), args)


def test_a_cache_by_its_address_is_the_one_that_is_meant() -> None:
    made = FakeSlabs()
    cache = busy(made)
    asked = line(made, "-s")
    assert list(asked.address(cache, last=False)) == []
    with pytest.raises(CrashError, match="only one kmem_cache reference"):
        list(asked.address(cache, last=True))
    found = lines(asked.address(object_at(1, 0), last=True))
    assert found[0] == f"! ignoring pre-selected busy cache for address: {object_at(1, 0):x}"


def test_an_empty_line_stands_between_what_is_at_addresses() -> None:
    made = FakeSlabs()
    cache = busy(made)
    asked = line(made, "-s")
    assert lines(asked.address(object_at(1, 0), last=False))[0] == HEADING
    assert lines(asked.address(cache, last=True))[:2] == ["", HEADING]
