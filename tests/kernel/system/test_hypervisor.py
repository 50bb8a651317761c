"""What a kernel says it runs on."""

from __future__ import annotations

import pytest

from pycrash.kernel.system.hypervisor import hypervisor
from tests.kernel.fake_kernel import FakeKernel

INFO, TEXT = 0xFFFFFFFF82000000, 0xFFFFFFFF82001000


@pytest.mark.parametrize(("said", "name"), [(b"KVM", "KVM"), (b"bare hardware", None)])
def test_the_name_paravirtualization_has(said: bytes, name: str | None) -> None:
    fake = FakeKernel()
    fake.struct("pv_info", 16, name=(8, "P"))
    fake.symbol("pv_info", INFO, 16)
    fake.write(INFO, "QQ", 0, TEXT)
    assert hypervisor(fake.kernel) is None
    fake.write(TEXT, "16s", said)
    assert hypervisor(fake.kernel) == name


def test_the_structure_of_an_older_kernel() -> None:
    assert hypervisor(FakeKernel().kernel) is None
    fake = FakeKernel()
    fake.struct("hypervisor_x86", 16, name=(0, "P"))
    fake.symbol("x86_hyper", INFO)
    fake.write(INFO, "Q", INFO + 64)
    fake.write(INFO + 64, "Q", TEXT)
    fake.write(TEXT, "8s", b"VMware")
    assert hypervisor(fake.kernel) == "VMware"
