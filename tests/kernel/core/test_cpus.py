"""Which CPUs there are, by the kernel's maps and the array of per-CPU offsets."""

from __future__ import annotations

import pytest

from pycrash.errors import CrashError
from pycrash.kernel.core.cpus import Cpus
from tests.kernel.fake_kernel import FakeKernel

OFFSETS, ONLINE = 0xFFFFFFFF82100000, 0xFFFFFFFF82100108


def made(online: int) -> Cpus:
    fake = FakeKernel()
    fake.symbol("__per_cpu_offset", OFFSETS, 16)
    fake.symbol("__cpu_online_mask", ONLINE, 8)
    fake.room(OFFSETS, 0x200)
    fake.write(OFFSETS, "QQ", 0x1000, 0x2000)
    fake.write(ONLINE, "Q", online)
    return Cpus(fake.kernel)


def test_a_map_and_the_offsets() -> None:
    cpus = made(online=0b10)
    assert cpus.online == {1}
    assert not cpus.is_online(0)
    assert cpus.address(0x18, 1) == 0x2018
    with pytest.raises(CrashError, match="invalid cpu: 2"):
        cpus.address(0x18, 2)


def test_a_map_that_names_more_cpus_than_there_can_be() -> None:
    assert made(online=(1 << 64) - 1).online == {0, 1}
