"""The array of struct pages, read in pieces."""

from __future__ import annotations

import itertools

import pytest

from pycrash.errors import ReadError
from pycrash.kernel.mm import pagearray
from pycrash.kernel.mm.pagearray import PageArray
from pycrash.kernel.mm.pagemembers import PageMembers, member_names
from pycrash.kernel.mm.pages import Page
from tests.kernel.mm.test_pages import IN_SECTION, MAP, SECTION_BITS, SIZE, fake

#: Struct pages in a page of memory.
IN_PAGE = 4096 // SIZE


def test_what_the_dump_lacks_reads_as_zeros() -> None:
    made = fake()
    # The records of section 0, but for their second page of memory.
    made.room(MAP, 4096)
    made.room(MAP + 2 * 4096, (IN_SECTION - 2 * IN_PAGE) * SIZE)
    made.write(MAP + 2 * SIZE, "QQQQQQIi", 5, 0, 0, 0x5001, 77, 0, 0, -1)
    first = next(made.kernel.part(PageArray).pieces())
    pages = list(first.pages())
    assert len(pages) == IN_SECTION
    assert pages[2] == Page(MAP + 2 * SIZE, 0x2000, 0x5001, 77, -1, 5)
    missing = pages[IN_PAGE]
    assert missing == Page(MAP + IN_PAGE * SIZE, IN_PAGE * 4096, 0, 0, 0, 0)


def test_every_section_with_memory_has_its_pages() -> None:
    starts = [(page, physical) for page, physical, _ in fake().kernel.part(PageArray).raw()]
    second = 1 << SECTION_BITS
    assert starts[:2] == [(MAP, 0), (MAP + IN_SECTION * SIZE, second)]
    assert len(starts) == 3


def test_sections_without_pages_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagearray, "_MOST_MISSING", 1)
    made = fake()
    found = made.kernel.part(PageArray).raw()
    assert len([*itertools.islice(found, 2)]) == 2
    with pytest.raises(ReadError, match=f"{MAP:x}.*virtual page struct cache"):
        next(found)
    # One that is there between them begins the count anew.
    made = fake()
    made.room(MAP + IN_SECTION * SIZE, 4096)
    assert len([*made.kernel.part(PageArray).raw()]) == 3


def test_shared_pages_have_several_users_and_are_not_reserved() -> None:
    made = fake(PG_reserved=12)
    made.room(MAP, IN_SECTION * SIZE)
    for number, (flags, users) in enumerate([(0, 2), (1 << 12, 2), (0, 1), (0, -1), (1, 300)]):
        made.write(MAP + number * SIZE, "QQQQQQIi", flags, 0, 0, 0, 0, 0, 0, users)
    assert made.kernel.part(PageArray).count_shared() == 2


def test_members_by_name() -> None:
    made = fake()
    members = made.kernel.part(PageMembers)
    count, mapping = members.get("_refcount"), members.get("mapping")
    assert (count.kind, count.signed, mapping.kind) == ("integer", True, "pointer")
    data = bytearray(2 * SIZE)
    data[52:56] = b"\xff\xff\xff\xff"
    assert members.values(bytes(data), count, SIZE) == [-1, 0]
    assert member_names("index,mapping lru") == ["index", "mapping", "lru"]
