"""Swap areas and their names."""

from __future__ import annotations

import drgn
import pytest

from pycrash.errors import MissingFeature
from pycrash.kernel.core.pagetables import SwapEntry
from pycrash.kernel.mm.swap import SwapAreas
from tests.kernel.fake_files import FakeFiles

TABLE, COUNT, FIRST, THIRD = (0xFFFFFFFF82000000 + 0x1000 * n for n in range(4))
BLOCK, REGULAR = 0o060600, 0o100600


class FakeSwap(FakeFiles):
    """A kernel with room for four swap areas."""

    def __init__(self) -> None:
        super().__init__()
        self.struct(
            "swap_info_struct",
            64,
            flags=(0, "Q"),
            prio=(8, "H"),
            pages=(12, "I"),
            inuse_pages=(16, "q"),
            swap_file=(24, "P"),
        )
        old = self.types["file"]
        members = [*(old.members or ()), drgn.TypeMember(self._member("P"), "f_inode", 48 * 8)]
        self.types["file"] = self.prog.struct_type("file", 64, members)
        self.symbol("nr_swapfiles", COUNT, 4)
        self.symbol("swap_info", TABLE, 32)
        self.write(TABLE, "QQQQ", 0, 0, 0, 0)
        self.write(COUNT, "I", 3)

    def area(self, number: int, file: int, used: int = 5, flags: int = 3, at: int = FIRST) -> int:
        self.room(at, 64)
        self.write(at, "QHxxIqQ", flags, 7, 100, used, file)
        self.write(TABLE + 8 * number, "Q", at)
        return at

    def backing(self, name: str, mode: int, devname: str = "/dev/vda") -> int:
        """A file in the root of a file system that was mounted from `devname`."""
        top = self.dentry("/", inode=self.inode(0o040755))
        inode = self.inode(mode)
        mount = self.mount(top, devname=devname)
        file = self.file(self.dentry(name, top, inode), mount)
        self.write(file + 48, "Q", inode)
        return file


def test_a_swap_file() -> None:
    fake = FakeSwap()
    address = fake.area(0, fake.backing("swap", REGULAR))
    areas = fake.kernel.part(SwapAreas)
    (area,) = areas.all
    assert area[:2] == (0, address)
    assert (area.pages, area.used, area.priority) == (100, 5, 7)
    assert not areas.is_partition(area)
    assert areas.path(area) == "/swap"
    assert areas.place(SwapEntry(0, 12)) == "/swap"


def test_a_partition_is_named_as_below_dev() -> None:
    fake = FakeSwap()
    fake.area(2, fake.backing("vdb", BLOCK, "devtmpfs"))
    areas = fake.kernel.part(SwapAreas)
    (area,) = areas.all
    assert areas.is_partition(area)
    assert (area.number, areas.path(area)) == (2, "/dev/vdb")


def test_the_mark_of_a_full_area_is_no_use_of_it() -> None:
    fake = FakeSwap()
    fake.area(0, fake.backing("swap", REGULAR), used=9 | 1 << 62)
    assert fake.kernel.part(SwapAreas).all[0].used == 9


def test_an_area_that_is_off_has_no_place() -> None:
    fake = FakeSwap()
    fake.area(0, fake.backing("swap", REGULAR), flags=2)
    areas = fake.kernel.part(SwapAreas)
    assert areas.all == []
    assert [areas.place(SwapEntry(number, 1)) for number in (0, 1, 31)] == ["", "", ""]


def test_an_area_without_a_file_has_no_name() -> None:
    fake = FakeSwap()
    fake.area(0, 0)
    areas = fake.kernel.part(SwapAreas)
    assert areas.path(areas.all[0]) == ""


def test_a_kernel_without_swap() -> None:
    fake = FakeFiles()
    with pytest.raises(MissingFeature, match="nr_swapfiles doesn't exist in this kernel!"):
        _ = fake.kernel.part(SwapAreas).all
    assert fake.kernel.part(SwapAreas).place(SwapEntry(0, 1)) == ""
