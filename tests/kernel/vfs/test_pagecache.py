"""The pages of a file: counted, and found in the tree without what is no page."""

from __future__ import annotations

import pytest

from pycrash.errors import ReadError
from pycrash.kernel.vfs.pagecache import PageCache
from tests.kernel.fake_kernel import FakeKernel

MAPPING, NODE, PAGE = 0xFFFF888000001000, 0xFFFF888000002000, 0xFFFFEA0000000000


@pytest.fixture
def fake() -> FakeKernel:
    fake = FakeKernel()
    tree = fake.struct("xarray", 16, xa_head=(8, "P"))
    fake.struct("xa_node", 576, shift=(0, "B"), slots=(40, fake.array(fake._member("P"), 64)))
    fake.struct("address_space", 32, i_pages=(0, tree), nrpages=(24, "Q"))
    fake.room(MAPPING, 32)
    fake.write(MAPPING + 24, "Q", 5)
    return fake


def test_pages_in_the_order_of_the_file(fake: FakeKernel) -> None:
    fake.room(NODE, 576)
    fake.write(MAPPING + 8, "Q", NODE | 2)
    # A page, a large folio with a sibling entry, a shadow of a page that is gone.
    fake.write(NODE + 40, "QQQQ", PAGE, PAGE + 64, 1 << 2 | 2, 0x1001)
    cache = fake.kernel.part(PageCache)
    assert cache.count(MAPPING) == 5
    assert list(cache.entries(MAPPING)) == [PAGE, PAGE + 64]
    assert cache.tree_name == "xarray"


@pytest.mark.parametrize(("head", "entry"), [(PAGE, PAGE), (0, 0), (0x1005, 0x1004)])
def test_a_tree_without_a_node(fake: FakeKernel, head: int, entry: int) -> None:
    fake.write(MAPPING + 8, "Q", head)
    assert list(fake.kernel.part(PageCache).entries(MAPPING)) == [entry]


def test_a_tree_that_cannot_be_read(fake: FakeKernel) -> None:
    fake.write(MAPPING + 8, "Q", NODE | 2)
    with pytest.raises(ReadError):
        list(fake.kernel.part(PageCache).entries(MAPPING))
