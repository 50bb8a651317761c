"""How many pages a folio has, on each kind of kernel, and whose node they are."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.errors import MissingFeature
from pycrash.kernel.mm.folios import Folios
from pycrash.kernel.mm.nodes import Nodes
from pycrash.kernel.mm.pages import Page, Pages
from tests.kernel.fake_kernel import FakeKernel

HEAD, PAGE = 1 << 6, 0xFFFFEA0000000000


def with_pages(*members: tuple[str, str, int, str]) -> FakeKernel:
    """A kernel with these members of (type, name, offset, code), and 128 bytes of two pages."""
    fake = FakeKernel()
    fake.give(Pages, SimpleNamespace(flag=lambda name: HEAD if name == "head" else 0))
    fake.struct("page", 64, flags=(0, "Q"), **_of("page", members))
    if _of("folio", members):
        fake.struct("folio", 128, **_of("folio", members))
    fake.room(PAGE, 128)
    return fake


def _of(type_: str, members: tuple[tuple[str, str, int, str], ...]) -> dict[str, tuple[int, str]]:
    return {name: (at, code) for kind, name, at, code in members if kind == type_}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        (("page", "compound_order", 17, "B"), 3),
        (("folio", "_folio_order", 81, "B"), 3),
        # The order is in the low bits of the second page's flags.
        (("folio", "_flags_1", 64, "Q"), 0xFFFF00000003),
    ],
)
def test_the_pages_of_a_folio(member: tuple[str, str, int, str], value: int) -> None:
    fake = with_pages(member)
    at = member[2] + (64 if member[0] == "page" else 0)
    fake.write(PAGE + at, member[3], value)
    pages = fake.kernel.part(Folios).pages
    assert pages(Page(PAGE, 0, 0, 0, 1, HEAD)) == 8
    assert pages(Page(PAGE, 0, 0, 0, 1, 0)) == 1


def test_a_damaged_order_is_bounded() -> None:
    fake = with_pages(("folio", "_flags_1", 64, "Q"))
    fake.write(PAGE + 64, "Q", 0xFF)
    assert fake.kernel.part(Folios).pages(Page(PAGE, 0, 0, 0, 1, HEAD)) == 1 << 32


def nodes(fake: FakeKernel, *places: tuple[int, int]) -> list[int]:
    """A pglist_data for each (first page, pages)."""
    fake.struct(
        "pglist_data",
        32,
        node_start_pfn=(0, "Q"),
        node_spanned_pages=(8, "Q"),
        node_id=(16, "i"),
    )
    found = []
    for number, (first, pages) in enumerate(places):
        found.append(0xFFFF888000001000 + number * 0x1000)
        fake.room(found[-1], 32)
        fake.write(found[-1], "QQi", first, pages, number)
    return found


def test_nodes_of_a_table_with_gaps() -> None:
    fake = FakeKernel()
    first, second = nodes(fake, (1, 99), (200, 100))
    fake.symbol("node_data", 0xFFFFFFFF82000000, 32)
    fake.write(0xFFFFFFFF82000000, "QQQQ", second, 0, first, 0)
    table = fake.kernel.part(Nodes)
    assert [(node.id, node.address) for node in table.all] == [(0, first), (1, second)]
    assert [node and node.id for node in map(table.of_page, (0, 1, 99, 100, 299, 300))] == [
        *(None, 0, 0),
        *(None, 1, None),
    ]


def test_one_node_without_a_table() -> None:
    fake = FakeKernel()
    (only,) = nodes(fake, (0, 4))
    fake.symbol("contig_page_data", only)
    assert [node.address for node in fake.kernel.part(Nodes).all] == [only]
    with pytest.raises(MissingFeature):
        _ = FakeKernel().kernel.part(Nodes).all
