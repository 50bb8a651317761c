"""How entries of page tables and pages are shown."""

from __future__ import annotations

import pytest

from pycrash.api import Settings, View
from pycrash.api.pagerows import PageHeading, PageRow, PteRow
from pycrash.errors import CrashError
from pycrash.render.pagelines import page_heading, page_line, pte_lines

VIEW = View(Settings())


def test_an_entry_of_a_page_in_memory() -> None:
    assert list(pte_lines(PteRow(0xD8E067, 0xD8E000, ("PRESENT", "RW")))) == [
        " PTE    PHYSICAL  FLAGS",
        "d8e067   d8e000   (PRESENT|RW)",
    ]


def test_an_empty_entry() -> None:
    assert list(pte_lines(PteRow(0, 0, ()))) == [
        "PTE  PHYSICAL  FLAGS",
        " 0       0     (no mapping)",
    ]


def test_an_entry_of_a_page_that_was_swapped_out() -> None:
    assert list(pte_lines(PteRow(0x1234, None, (), "/mnt/swap", 7))) == [
        "PTE     SWAP     OFFSET",
        "1234  /mnt/swap     7  ",
    ]


def test_an_entry_of_no_swap_area_ends_the_command() -> None:
    shown = pte_lines(PteRow(0x1234, None, (), "", 7))
    assert next(shown) == "PTE   "
    with pytest.raises(CrashError, match="cannot determine swap location"):
        next(shown)


def test_a_page() -> None:
    row = PageRow(0xFF98B43F800A4EC0, 0x293B000, 0, 1, -1, 0x21, ("locked", "lru"), 8)
    assert page_line(row, VIEW) == (
        "ff98b43f800a4ec0  293b000                0        1 -1 21 locked,lru"
    )
    assert page_heading(PageHeading(8), VIEW) == (
        "      PAGE       PHYSICAL      MAPPING       INDEX CNT FLAGS"
    )


def test_much_memory_makes_the_column_wide() -> None:
    row = PageRow(0xFF98B43F800A4EC0, 0x10293B000, 0, 1, 29, 0, (), 10)
    assert page_line(row, VIEW) == ("ff98b43f800a4ec0  10293b000                0        1 29 0")
    assert page_heading(PageHeading(10), VIEW).split("MAPPING")[0] == (
        "      PAGE         PHYSICAL      "
    )
