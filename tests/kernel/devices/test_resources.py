"""Trees of resources made by hand."""

from __future__ import annotations

import pytest

from pycrash.errors import ReadError
from pycrash.kernel.devices.resources import PORTS, Resource, resources
from pycrash.kernel.walks.lists import DuplicateEntry
from tests.kernel.fake_kernel import FakeKernel

BASE, TEXT = 0xFFFF888000000000, 0xFFFF888000001000
ROOT, FIRST, INNER, SECOND = (BASE + 64 * n for n in range(4))


@pytest.fixture
def fake() -> FakeKernel:
    made = FakeKernel()
    made.struct(
        *("resource", 40),
        start=(0, "Q"),
        end=(8, "Q"),
        name=(16, "P"),
        sibling=(24, "P"),
        child=(32, "P"),
    )
    made.symbol(PORTS, ROOT)
    made.room(BASE, 256)
    made.write(TEXT, "16s", b"PCI IO")
    made.write(ROOT, "5Q", 0, 0xFFFF, TEXT, 0, FIRST)
    made.write(FIRST, "5Q", 0, 0x1F, 0, SECOND, INNER)
    made.write(INNER, "5Q", 1, 2, TEXT, 0, 0)
    made.write(SECOND, "5Q", 0x20, 0x21, TEXT, 0, 0)
    return made


def test_each_comes_before_those_inside_of_it(fake: FakeKernel) -> None:
    assert list(resources(fake.kernel, PORTS)) == [
        Resource(ROOT, 0, 0xFFFF, "PCI IO", 0),
        Resource(FIRST, 0, 0x1F, None, 1),
        Resource(INNER, 1, 2, "PCI IO", 2),
        Resource(SECOND, 0x20, 0x21, "PCI IO", 1),
    ]


def test_a_tree_that_comes_back_to_itself_ends(fake: FakeKernel) -> None:
    fake.write(INNER + 32, "Q", FIRST)
    with pytest.raises(DuplicateEntry):
        list(resources(fake.kernel, PORTS))


def test_what_is_not_there_is_an_error_behind_the_rest(fake: FakeKernel) -> None:
    fake.write(SECOND + 24, "Q", 0xDEAD000000)
    found = resources(fake.kernel, PORTS)
    assert [next(found).address for _ in range(4)] == [ROOT, FIRST, INNER, SECOND]
    with pytest.raises(ReadError):
        next(found)
