"""Names of addresses: what is asked of the vmlinux, and what of the modules."""

from __future__ import annotations

from types import SimpleNamespace

from pycrash.cexpr.printing.addressnames import AddressNames
from tests.cexpr.fake import FakeKernel

NAMED, NAMELESS, IN_MODULE = 0x1010, 0x2000, 0x3004


def test_each_address_is_looked_for_in_the_vmlinux_once() -> None:
    kernel = FakeKernel()
    names = kernel.part(AddressNames)
    asked: list[int] = []

    def find(address: int, decoded: bool) -> tuple[str, int] | None:
        asked.append(address)
        return ("schedule", 0x10) if address == NAMED else None

    names.__dict__["_image"] = SimpleNamespace(find=find)
    shown = [names.describe(address) for address in (NAMED, NAMELESS) * 2]
    assert shown == ["<schedule+16>", ""] * 2
    assert asked == [NAMED, NAMELESS]


def test_modules_are_asked_anew() -> None:
    kernel = FakeKernel()
    names = kernel.part(AddressNames)
    names.__dict__["_image"] = None
    assert names.describe(IN_MODULE) == ""
    entry = SimpleNamespace(name="probe", address=IN_MODULE - 4)
    region = SimpleNamespace(entries=[entry])
    kernel.__dict__["symbols"] = SimpleNamespace(
        module_symbols=SimpleNamespace(
            find=lambda address: region, search=lambda address: (region, 0)
        )
    )
    assert names.describe(IN_MODULE) == "<probe+4>"
