"""The firmware's map of memory and the processors of x86-64, made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.arch.x86_64.board import cpu_data, firmware_map
from pycrash.kernel.core.cpus import Cpus
from pycrash.kernel.stacks.machine import FirmwareRange
from tests.kernel.fake_kernel import FakeKernel

TABLE, POINTER = 0xFFFFFFFF82000000, 0xFFFFFFFF82001000
RANGES = [FirmwareRange(0, 0x1000, 2), FirmwareRange(0x1000, 0x9FC00, 1)]


@pytest.fixture
def fake() -> FakeKernel:
    made = FakeKernel()
    made.struct("e820_entry", 20, addr=(0, "Q"), size=(8, "Q"), type=(16, "I"))
    made.write(TABLE, "IQQIQQI", 2, 0, 0x1000, 2, 0x1000, 0x9EC00, 1)
    made.give(Cpus, SimpleNamespace(count=2, address=lambda base, cpu: base + 0x100 * cpu))
    return made


def test_the_map_behind_a_pointer(fake: FakeKernel) -> None:
    fake.symbol("e820_table", POINTER, 8)
    fake.write(POINTER, "Q", TABLE)
    assert firmware_map(fake.kernel) == RANGES


def test_the_map_itself_before_4_10(fake: FakeKernel) -> None:
    fake.symbol("e820", TABLE, 44)
    assert firmware_map(fake.kernel) == RANGES


def test_a_count_that_is_damaged_ends_at_what_can_be_read(fake: FakeKernel) -> None:
    fake.symbol("e820", TABLE, 44)
    fake.write(TABLE, "I", 0xFFFFFFFF)
    with pytest.raises(ReadError):
        firmware_map(fake.kernel)


def test_no_map(fake: FakeKernel) -> None:
    with pytest.raises(CrashError, match="neither e820 or e820_table"):
        firmware_map(fake.kernel)


def test_each_processor(fake: FakeKernel) -> None:
    fake.symbol("cpu_info", 0x40)
    fake.symbol("boot_cpu_data", TABLE)
    assert cpu_data(fake.kernel) == ("cpuinfo_x86", [0x40, 0x140], False)


def test_the_only_processor(fake: FakeKernel) -> None:
    fake.symbol("boot_cpu_data", TABLE)
    assert cpu_data(fake.kernel) == ("cpuinfo_x86", [TABLE], True)
