"""How user spaces are shown, with -R above all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pycrash.api import Begin, Row, Settings, TaskHeader, View
from pycrash.api.vmrows import ByPages, MmRow, NoArea, PageBlock, PagesBegin, VirtualPageRow, VmaRow
from pycrash.kernel.mm.userpages import Block
from pycrash.render.vmlines import VmText

HEAD = "      VMA           START       END     FLAGS FILE"
PAGES = "VIRTUAL     PHYSICAL"
FIRST = "ff30790da13ffbb0     400000     401000 8000071 /bin/sh"
SECOND = "ff30790da13ff9a0 7fd8cd336000 7fd8cd33a000 100073 "


def area(address: int, start: int, end: int, flags: int, path: str) -> VmaRow:
    return VmaRow(address, start, end, flags, "r--p", "", path, None, None)


AREA = area(0xFF30790DA13FFBB0, 0x400000, 0x401000, 0x8000071, "/bin/sh")
OTHER = area(0xFF30790DA13FF9A0, 0x7FD8CD336000, 0x7FD8CD33A000, 0x100073, "")


def shown(rows: Sequence[Row], referring: bool = False) -> list[str]:
    text = VmText(View(Settings()), referring)
    return [line for row in rows for line in text.lines(row)]


def test_a_space() -> None:
    rows = [MmRow(0xFF30790D8105E880, 0xFF30790D82C62000, 1732, 2260), Begin(), AREA, OTHER]
    assert shown(rows) == [
        "       MM               PGD          RSS    TOTAL_VM",
        "ff30790d8105e880  ff30790d82c62000  1732k    2260k  ",
        HEAD,
        FIRST,
        SECOND,
    ]
    assert shown([MmRow(0, 0, 0, 0)])[1] == ("       0                 0            0k       0k   ")


def test_where_pages_are() -> None:
    rows = [
        PagesBegin(8),
        VirtualPageRow(0x400000, 0x2756000),
        VirtualPageRow(0x7FD8CD336000, None, "/mnt/swap", 12),
        VirtualPageRow(0x401000, None, "", 12),
        VirtualPageRow(0x402000, None, None, None, "/bin/sh", 0x2000),
        VirtualPageRow(0x403000, None),
    ]
    assert shown(rows) == [
        PAGES,
        "400000       2756000",
        "7fd8cd336000  SWAP: /mnt/swap  OFFSET: 12",
        "401000      SWAP: (unknown swap location)  OFFSET: 12",
        "402000      FILE: /bin/sh  OFFSET: 2000",
        "403000      (not mapped)",
    ]


@pytest.mark.parametrize("places", [[0x8000, None, None], []])
@pytest.mark.parametrize(("path", "offset"), [("/bin/sh", 0x1000), (None, None)])
def test_many_pages_are_shown_as_each_of_them(
    places: list[int | None], path: str | None, offset: int | None
) -> None:
    block = Block(0x400000, 3, places, {})
    swapped = {2: ("/mnt/swap", 12)} if places else {}
    row = PageBlock(block, 4096, swapped, path, offset)
    heading, *lines = shown([PagesBegin(9), *row.rows()])
    assert shown([PagesBegin(9), row]) == [heading, "\n".join(lines)]


def test_an_area_that_is_not_there() -> None:
    assert shown([NoArea()]) == ["(not found)"]


def test_areas_that_are_meant_stand_below_one_heading() -> None:
    assert shown([AREA, OTHER], referring=True) == [HEAD, FIRST, SECOND]


def test_pages_of_an_area_stand_below_it() -> None:
    page = VirtualPageRow(0x400000, 0x1000)
    rows = [ByPages(), AREA, PagesBegin(8), page, OTHER]
    line = "400000          1000"
    assert shown(rows, referring=True) == [HEAD, FIRST, PAGES, line, HEAD, SECOND]
    # Of an area that is meant itself only the first under a heading is not said again.
    rows = [AREA, OTHER, PagesBegin(8), page]
    assert shown(rows, referring=True) == [HEAD, FIRST, SECOND, HEAD, SECOND, PAGES, line]
    assert shown([AREA, PagesBegin(8), page], referring=True) == [HEAD, FIRST, PAGES, line]


def test_every_task_begins_anew() -> None:
    header = TaskHeader(1, 0xFF30790D8122C200, 0, "sh")
    lines = shown([header, AREA, header, AREA], referring=True)
    assert [line for line in lines if line in (HEAD, FIRST)] == [HEAD, FIRST] * 2
