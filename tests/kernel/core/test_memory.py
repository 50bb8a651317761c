"""Memory that can be read, and why other memory cannot."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace

import pytest

from pycrash.errors import ReadError
from pycrash.files.dumpfile import DumpFile
from pycrash.kernel.arch.x86_64.pagetables import START_KERNEL_MAP
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.symbols.table import SymbolTable
from tests.kernel.fake_kernel import FakeKernel

OFFSET = 0xFFFF888000000000
VMALLOC = 0xFFFFC90000000000
TABLE = 0x1000


class FakePages(FakeKernel):
    """Physical memory of ten pages; the page at 0x7000 is left out, 0x9000 is no memory."""

    def __init__(self) -> None:
        super().__init__()
        self.note(f"NUMBER(phys_base)={-0x100000}\nNUMBER(KERNEL_IMAGE_SIZE)={1 << 30}\n")
        for page in range(10):
            if page not in (7, 9):
                self.room(page << 12, 4096, physical=True)
        self.kernel.__dict__["dump_file"] = SimpleNamespace(page_state=self._state)
        symbols = SimpleNamespace(kernel_symbols=SimpleNamespace(find=self._symbol, bias=0))
        self.give(SymbolTable, symbols)
        self.give(Memory, Memory(self.kernel))

    @staticmethod
    def _state(address: int) -> str:
        return {7: "excluded", 9: "absent"}.get(address >> 12, "present")

    @staticmethod
    def _symbol(name: str) -> list[tuple[int, str]]:
        found = {"init_top_pgt": START_KERNEL_MAP + TABLE + 0x100000, "pti_init": START_KERNEL_MAP}
        return [(found[name], "T")] if name in found else []

    def entry(self, table: int, index: int, value: int) -> None:
        self.write(table + index * 8, "Q", value, physical=True)


@pytest.fixture
def fake() -> FakePages:
    made = FakePages()
    # vmalloc address 0: four tables down to the page at 0x6000, the next to one left out.
    made.entry(0x1000, VMALLOC >> 39 & 0x1FF, 0x2000 | 3)
    made.entry(0x2000, 0, 0x3000 | 3)
    made.entry(0x3000, 0, 0x4000 | 3)
    made.entry(0x3000, 1, 0x0 | 0x83)
    made.entry(0x4000, 0, 0x6000 | 3 | 1 << 63)
    made.entry(0x4000, 1, 0x7000 | 3)
    made.write(0x6000, "4s", b"here", physical=True)
    return made


def test_the_direct_map_is_arithmetic(fake: FakePages) -> None:
    fake.write(0x5008, "4s", b"data", physical=True)
    assert fake.kernel.memory.read_slowly(OFFSET + 0x5008, 4, "x") == b"data"


def test_page_tables_are_followed(fake: FakePages) -> None:
    tables = fake.kernel.arch.tables
    assert tables.kernel_physical(VMALLOC + 0x10) == 0x6010
    assert tables.kernel_physical(VMALLOC + 0x200123) == 0x123
    assert tables.kernel_physical(VMALLOC + 0x2000) is None
    assert tables.kernel_physical(START_KERNEL_MAP + 0x101000) == 0x1000
    assert fake.kernel.memory.read_slowly(VMALLOC, 4, "x") == b"here"


@pytest.mark.parametrize(
    ("address", "message", "quiet"),
    [
        (0x1000, 'invalid kernel virtual address: 1000  type: "x"', False),
        (VMALLOC + 0x5000, 'invalid kernel virtual address: ffffc90000005000  type: "x"', False),
        (OFFSET + 0x9010, 'seek error: kernel virtual address: ffff888000009010  type: "x"', False),
        (VMALLOC + 0x1000, "page excluded", True),
    ],
)
def test_reasons(fake: FakePages, address: int, message: str, quiet: bool) -> None:
    with pytest.raises(ReadError) as caught:
        fake.kernel.memory.read_slowly(address, 8, "x")
    assert str(caught.value).startswith(message)
    assert caught.value.quiet is quiet


def test_the_failing_page_is_named(fake: FakePages) -> None:
    with pytest.raises(ReadError) as caught:
        fake.kernel.memory.read_slowly(VMALLOC + 0xFFC, 8, "x")
    assert caught.value.address == VMALLOC + 0x1000


def test_pages_left_out_may_read_as_zeros(fake: FakePages) -> None:
    fake.kernel.memory.zero_excluded = True
    assert fake.kernel.memory.read_slowly(VMALLOC + 0x1000, 4, "x") == bytes(4)
    with pytest.raises(ReadError):
        fake.kernel.memory.read_physical(0x9000, 4, "x")


def test_a_size_that_no_machine_has(fake: FakePages) -> None:
    with pytest.raises(ReadError, match="page excluded"):
        fake.kernel.read(OFFSET + 0x6000, 1 << 61, "x")


def test_user_addresses_are_told_by_their_value(fake: FakePages) -> None:
    with pytest.raises(ReadError, match="invalid user virtual address: 8000"):
        fake.kernel.memory.read_user(0, 1 << 47, 8, "x")


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
