"""Memory that can be read, and why other memory cannot."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import drgn
import pytest

from pycrash.errors import MissingFeature, ReadError
from pycrash.files.dumpfile import DumpFile
from pycrash.kernel.arch.x86_64.pagetables import START_KERNEL_MAP, PageTables
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.kernel import Kernel

OFFSET = 0xFFFF888000000000
VMALLOC = 0xFFFFC90000000000
TABLE = 0x1000


class Note:
    def number(self, key: str) -> int:
        try:
            return {"phys_base": -0x100000, "KERNEL_IMAGE_SIZE": 1 << 30}[key]
        except KeyError:
            raise MissingFeature(key) from None


class FakeKernel:
    """Physical memory of ten pages; the page at 0x7000 is left out, 0x9000 is no memory."""

    def __init__(self) -> None:
        self.prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
        self.pages: dict[int, bytearray] = {page: bytearray(4096) for page in range(10)}
        self.prog.add_memory_segment(0, 1 << 40, self._physical, physical=True)
        self.vmcoreinfo = Note()
        self.dump = None
        self.dump_file = SimpleNamespace(page_state=self._state)
        self.word_mask, self.byte_order = 2**64 - 1, "<"
        self.symbols = SimpleNamespace(kernel_symbols=SimpleNamespace(find=self._symbol, bias=0))
        self.memory = Memory(cast("Kernel", self))
        self.arch = SimpleNamespace(tables=PageTables(cast("Kernel", self)))

    @staticmethod
    def _state(address: int) -> str:
        return {7: "excluded", 9: "absent"}.get(address >> 12, "present")

    def _physical(self, address: int, count: int, offset: int, physical: bool) -> bytes:
        if address >> 12 in (7, 9) or address >> 12 not in self.pages:
            raise drgn.FaultError("not there", address)
        return bytes(self.pages[address >> 12][address & 0xFFF :][:count])

    @staticmethod
    def _symbol(name: str) -> list[tuple[int, str]]:
        found = {"init_top_pgt": START_KERNEL_MAP + TABLE + 0x100000, "pti_init": START_KERNEL_MAP}
        return [(found[name], "T")] if name in found else []

    def part(self, make: object) -> object:
        return self.symbols

    def has_type(self, name: str) -> bool:
        return False

    @staticmethod
    def unsigned(data: bytes) -> int:
        return int.from_bytes(data, "little")

    def entry(self, table: int, index: int, value: int) -> None:
        struct.pack_into("<Q", self.pages[table >> 12], index * 8, value)


@pytest.fixture
def kernel() -> FakeKernel:
    kernel = FakeKernel()
    # vmalloc address 0: four tables down to the page at 0x6000, the next to one left out.
    kernel.entry(0x1000, VMALLOC >> 39 & 0x1FF, 0x2000 | 3)
    kernel.entry(0x2000, 0, 0x3000 | 3)
    kernel.entry(0x3000, 0, 0x4000 | 3)
    kernel.entry(0x3000, 1, 0x0 | 0x83)
    kernel.entry(0x4000, 0, 0x6000 | 3 | 1 << 63)
    kernel.entry(0x4000, 1, 0x7000 | 3)
    kernel.pages[6][:4] = b"here"
    return kernel


def test_the_direct_map_is_arithmetic(kernel: FakeKernel) -> None:
    kernel.pages[5][8:12] = b"data"
    assert kernel.memory.read_slowly(OFFSET + 0x5008, 4, "x") == b"data"


def test_page_tables_are_followed(kernel: FakeKernel) -> None:
    tables = kernel.arch.tables
    assert tables.kernel_physical(VMALLOC + 0x10) == 0x6010
    assert tables.kernel_physical(VMALLOC + 0x200123) == 0x123
    assert tables.kernel_physical(VMALLOC + 0x2000) is None
    assert tables.kernel_physical(START_KERNEL_MAP + 0x101000) == 0x1000
    assert kernel.memory.read_slowly(VMALLOC, 4, "x") == b"here"


@pytest.mark.parametrize(
    ("address", "message", "quiet"),
    [
        (0x1000, 'invalid kernel virtual address: 1000  type: "x"', False),
        (VMALLOC + 0x5000, 'invalid kernel virtual address: ffffc90000005000  type: "x"', False),
        (OFFSET + 0x9010, 'seek error: kernel virtual address: ffff888000009010  type: "x"', False),
        (VMALLOC + 0x1000, "page excluded", True),
    ],
)
def test_reasons(kernel: FakeKernel, address: int, message: str, quiet: bool) -> None:
    with pytest.raises(ReadError) as caught:
        kernel.memory.read_slowly(address, 8, "x")
    assert str(caught.value).startswith(message)
    assert caught.value.quiet is quiet


def test_the_failing_page_is_named(kernel: FakeKernel) -> None:
    with pytest.raises(ReadError) as caught:
        kernel.memory.read_slowly(VMALLOC + 0xFFC, 8, "x")
    assert caught.value.address == VMALLOC + 0x1000


def test_pages_left_out_may_read_as_zeros(kernel: FakeKernel) -> None:
    kernel.memory.zero_excluded = True
    assert kernel.memory.read_slowly(VMALLOC + 0x1000, 4, "x") == bytes(4)
    with pytest.raises(ReadError):
        kernel.memory.read_physical(0x9000, 4, "x")


def test_user_addresses_are_told_by_their_value(kernel: FakeKernel) -> None:
    with pytest.raises(ReadError, match="invalid user virtual address: 8000"):
        kernel.memory.read_user(0, 1 << 47, 8, "x")


def test_bitmaps_tell_what_a_dump_has(tmp_path: Path) -> None:
    block = 4096
    head = bytearray(block)
    head[:8] = b"KDUMP   "
    struct.pack_into("<I", head, 8, 6)
    struct.pack_into("<IIIII", head, 424, 1, block, 1, 2, 0)
    sub = bytearray(block)
    struct.pack_into("<ii", sub, 8, 31, 0)
    struct.pack_into("<Q", sub, 96, 20)
    memory, dumped = bytearray(block), bytearray(block)
    memory[0], dumped[0] = 0b0110, 0b0010
    path = tmp_path / "vmcore"
    path.write_bytes(bytes(head + sub + memory + dumped))
    dump = DumpFile(path)
    states = [dump.page_state(page * block) for page in (0, 1, 2, 30)]
    assert states == ["absent", "present", "excluded", "absent"]
    path.write_bytes(b"\x7fELF" + bytes(200))
    assert DumpFile(path).page_state(0) is None
