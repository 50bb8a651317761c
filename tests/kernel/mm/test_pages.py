"""Pages by their physical addresses, and the names of their flags."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.mm.pages import Page, Pages
from tests.kernel.fake_kernel import FakeKernel

ROOTS, SECTIONS, MAP = 0xFFFF888000001000, 0xFFFF888000002000, 0xFFFFEA0000000000
NAMES, TEXT = 0xFFFFFFFF82000000, 0xFFFFFFFF82001000
#: Sections of 1 MiB are of 256 pages.
SECTION_BITS, IN_SECTION, SIZE = 20, 256, 64
PRESENT, HAS_MAP = 1, 2


def fake(**constants: int) -> FakeKernel:
    """Sections 0 and 1 have memory, 2 has no records, 3 is not there, as all of the second root."""
    made = FakeKernel()
    made.constants.update(constants)
    made.give(
        Memory, SimpleNamespace(is_kernel=lambda at: at >= 1 << 63, read_slowly=made._missing)
    )
    made.note(
        f"SYMBOL(mem_section)={ROOTS:x}\nLENGTH(mem_section)=2\n"
        f"NUMBER(SECTION_SIZE_BITS)={SECTION_BITS}\n"
    )
    made.struct("mem_section", 16, section_mem_map=(0, "Q"), usage=(8, "P"))
    made.struct(
        "page", SIZE, flags=(0, "Q"), mapping=(24, "P"), index=(32, "Q"), _refcount=(52, "i")
    )
    made.write(ROOTS, "QQ", SECTIONS, 0)
    made.room(SECTIONS, 4096)
    for number, marks in enumerate((PRESENT | HAS_MAP, PRESENT | HAS_MAP | 8, PRESENT, 0)):
        # The map of a section is kept less the pages before it.
        made.write(SECTIONS + 16 * number, "Q", MAP | marks)
    made.struct("trace_print_flags", 16, mask=(0, "Q"), name=(8, "P"))
    made.symbol("pageflag_names", NAMES, 48)
    made.write(NAMES, "QQQQQQ", 1, TEXT, 4, TEXT + 16, 0, 0)
    made.write(TEXT, "16s16s", b"locked", b"dirty")
    return made


def test_the_page_of_an_address() -> None:
    pages = fake().kernel.part(Pages)
    assert pages.address(0) == MAP
    assert pages.address(0x3FFF) == MAP + 3 * SIZE
    assert pages.address((1 << SECTION_BITS) + 0x1000) == MAP + (IN_SECTION + 1) * SIZE


def test_a_section_without_memory_or_records_has_no_pages() -> None:
    pages = fake().kernel.part(Pages)
    assert pages.address(2 << SECTION_BITS) is None
    assert pages.address(3 << SECTION_BITS) is None
    assert pages.address(256 << SECTION_BITS) is None


def test_an_address_beyond_all_sections_is_refused() -> None:
    with pytest.raises(CrashError, match="sparsemem: invalid section number: 512"):
        fake().kernel.part(Pages).address(512 << SECTION_BITS)


def test_how_many_marks_a_section_has_is_the_kernels_word() -> None:
    made = fake(SECTION_MAP_LAST_BIT=3)
    assert made.kernel.part(Pages).address(1 << SECTION_BITS) == MAP + 8 + IN_SECTION * SIZE


def test_a_page_as_it_stands() -> None:
    made = fake()
    made.write(MAP + 2 * SIZE, "QQQQQQIi", 5, 0, 0, 0xFFFF888000005001, 77, 0, 0, -1)
    pages = made.kernel.part(Pages)
    found = pages.get(0x2ABC)
    assert found == Page(MAP + 2 * SIZE, 0x2000, 0xFFFF888000005001, 77, -1, 5)
    assert pages.flag_names(found.flags) == ("locked", "dirty")
    assert pages.flag_names(0) == ()


def test_a_record_that_is_not_in_the_dump_is_no_page_of_zeros() -> None:
    with pytest.raises(ReadError):
        fake().kernel.part(Pages).get(0x2000)


def test_the_pages_of_zeros() -> None:
    made = fake()
    assert made.kernel.part(Pages).zeros == frozenset()
    made = fake()
    made.symbol("zero_pfn", TEXT + 64)
    made.symbol("huge_zero_pfn", TEXT + 0x100000)
    made.write(TEXT + 64, "Q", 9)
    assert made.kernel.part(Pages).zeros == {0x9000}


def test_a_root_that_cannot_be_read_hides_no_pages_before_it() -> None:
    made = fake()
    made.write(ROOTS, "QQ", SECTIONS, 0xFFFF999900000000)
    pages = made.kernel.part(Pages)
    assert pages.physical(MAP + 3 * SIZE) == 0x3000
    assert pages.physical(MAP - SIZE) is None
