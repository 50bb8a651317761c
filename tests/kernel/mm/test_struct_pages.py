"""From a struct page back to the memory it stands for, over sections with holes between."""

from __future__ import annotations

from pycrash.kernel.core.memory import Memory
from pycrash.kernel.mm.pages import Pages
from tests.kernel.fake_kernel import FakeKernel

ROOT, MAPS = 0xFFFF888000001000, (0xFFFFEA0000000000, 0xFFFFEA0100000000)
SIZE = 64
SECTION = 1 << 27


def test_the_memory_of_a_struct_page() -> None:
    fake = FakeKernel()
    fake.struct(
        "page", SIZE, flags=(0, "Q"), mapping=(8, "P"), index=(16, "Q"), _refcount=(24, "i")
    )
    fake.struct("mem_section", 16, section_mem_map=(0, "Q"))
    fake.give(Memory, type("All", (), {"is_kernel": lambda self, at: at > 99})())
    fake.symbol("mem_section", 0xFFFFFFFF82000000, 16)
    fake.write(0xFFFFFFFF82000000, "QQ", 0, ROOT)
    fake.room(ROOT, 4096)
    # The second root's first section, and its third, whose map is before the other's.
    numbers = (256, 258)
    for number, first in zip(numbers, reversed(MAPS), strict=True):
        encoded = first - number * (SECTION // 4096) * SIZE
        fake.write(ROOT + (number - 256) * 16, "Q", encoded | 3)
    pages = fake.kernel.part(Pages)
    for number, first in zip(numbers, reversed(MAPS), strict=True):
        assert pages.address(number * SECTION) == first
        assert pages.physical(first) == number * SECTION
        last = first + (SECTION // 4096 - 1) * SIZE
        assert pages.physical(last) == (number + 1) * SECTION - 4096
        assert pages.physical(last + SIZE) is None
        assert pages.physical(first + 8) is None
    assert pages.physical(MAPS[0] - SIZE) is None
