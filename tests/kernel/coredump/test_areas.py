"""Which areas go into a core file, by the bits of the filter."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from pycrash.kernel.coredump.areas import USUAL, DumpedAreas, Filter
from pycrash.kernel.coredump.memory import Piece, UserMemory
from pycrash.kernel.mm.vmas import (
    VM_DONTDUMP,
    VM_HUGETLB,
    VM_IO,
    VM_PFNMAP,
    VM_READ,
    VM_SHARED,
    Vma,
    Vmas,
)
from pycrash.kernel.vfs.files import Files
from pycrash.kernel.vfs.inodes import Inodes
from tests.kernel.fake_kernel import FakeKernel

AT, NAMED, UNNAMED, PAGE, WHOLE = 0xFFFF888000001000, 0x5000, 0x6000, 4096, 8192


@pytest.fixture
def fake() -> FakeKernel:
    made = FakeKernel()
    made.struct("vm_area_struct", 64, anon_vma=(0, "P"), vm_ops=(8, "P"))
    made.symbol("special_mapping_vmops", 0xFFFFFFFF82000000)
    made.room(AT, 64)
    made.give(Files, SimpleNamespace(get=lambda at: at, inode=lambda at: at))
    links = {NAMED: 1, UNNAMED: 0}
    made.give(Inodes, SimpleNamespace(get=lambda at: SimpleNamespace(links=links[at])))
    made.give(UserMemory, SimpleNamespace(pieces=lambda area, size: first_page(b"\x7fELF\2")))
    made.give(Vmas, Vmas(made.kernel))
    return made


def first_page(data: bytes) -> Iterator[Piece]:
    return iter([Piece(0, PAGE, data.ljust(PAGE, b"\0"))])


def size(
    fake: FakeKernel, wanted: int, flags: int = VM_READ, file: int = 0, offset: int = 0
) -> int:
    area = Vma(AT, 0x400000, 0x400000 + WHOLE, flags, file, offset, 0x2000)
    return fake.kernel.part(DumpedAreas).size(area, Filter(wanted))


#: Flags, file, whether it has pages of its own, and the one bit by which it is written.
KINDS = [
    (0, 0, True, Filter.ANONYMOUS_PRIVATE),
    (0, NAMED, True, Filter.ANONYMOUS_PRIVATE),
    (VM_SHARED, UNNAMED, False, Filter.ANONYMOUS_SHARED),
    (VM_SHARED, 0, False, Filter.ANONYMOUS_SHARED),
    (0, NAMED, False, Filter.FILE_PRIVATE),
    (VM_SHARED, NAMED, False, Filter.FILE_SHARED),
    (VM_HUGETLB, NAMED, True, Filter.HUGE_PRIVATE),
    (VM_HUGETLB | VM_SHARED, NAMED, False, Filter.HUGE_SHARED),
]


@pytest.mark.parametrize(("flags", "file", "own", "bit"), KINDS)
def test_each_kind_has_a_bit(
    fake: FakeKernel, flags: int, file: int, own: bool, bit: Filter
) -> None:
    fake.write(AT, "Q", 0xFFFF888000009000 if own else 0)
    assert size(fake, bit, flags, file) == WHOLE
    # A private mapping of a file is written for either of two reasons.
    others = 0xFF & ~bit & ~(Filter.FILE_PRIVATE if own and file else 0)
    assert size(fake, others & ~Filter.ELF_HEADERS, flags, file) == 0


def test_nothing_of_what_nobody_ever_touched(fake: FakeKernel) -> None:
    assert size(fake, 0xFF) == 0


def test_what_the_program_asked_to_leave_out(fake: FakeKernel) -> None:
    fake.write(AT, "Q", 0xFFFF888000009000)
    assert size(fake, USUAL, VM_DONTDUMP) == 0
    assert size(fake, USUAL | Filter.DONTDUMP, VM_DONTDUMP) == WHOLE


def test_memory_of_devices_is_never_written(fake: FakeKernel) -> None:
    fake.write(AT, "Q", 0xFFFF888000009000)
    assert size(fake, 0xFF, VM_IO) == 0


def test_the_vdso_always_is_and_its_data_never(fake: FakeKernel) -> None:
    fake.write(AT + 8, "Q", 0xFFFFFFFF82000000)
    assert size(fake, 0) == WHOLE
    assert size(fake, 0xFF, VM_PFNMAP | VM_IO | VM_DONTDUMP) == 0


def test_the_first_page_of_a_program(fake: FakeKernel) -> None:
    assert size(fake, Filter.ELF_HEADERS, VM_READ, NAMED) == PAGE
    assert size(fake, Filter.ELF_HEADERS, VM_READ, NAMED, offset=PAGE) == 0
    assert size(fake, Filter.ELF_HEADERS, 0, NAMED) == 0
    fake.give(UserMemory, SimpleNamespace(pieces=lambda area, size: first_page(b"#!/bin/sh")))
    assert size(fake, Filter.ELF_HEADERS, VM_READ, NAMED) == 0


def test_a_first_page_that_is_missing(fake: FakeKernel) -> None:
    gone = Piece(0, PAGE, None, "not cached")
    fake.give(UserMemory, SimpleNamespace(pieces=lambda area, size: iter([gone])))
    assert size(fake, Filter.ELF_HEADERS, VM_READ, NAMED) == 0
