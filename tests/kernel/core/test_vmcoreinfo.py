"""The VMCOREINFO note, and what stands in for it."""

from __future__ import annotations

import pytest

from pycrash.errors import MissingFeature
from pycrash.kernel.core.places import Places
from pycrash.kernel.core.vmcoreinfo import Vmcoreinfo
from tests.kernel.fake_kernel import FakeKernel

NOTE = """OSRELEASE=6.12.0
BUILD-ID=00ff
PAGESIZE=4096
SYMBOL(prb)=ffffffff82000000
SIZE(thing)=24
OFFSET(thing.member)=8
LENGTH(thing.list)=11
NUMBER(phys_base)=-350224384
NUMBER(VMALLOC_START)=0xff29846b80000000
NUMBER(odd)=nonsense
no key
"""


def test_values_are_numbers_of_their_kind() -> None:
    note = Vmcoreinfo(NOTE)
    assert note.release == "6.12.0"
    assert note.build_id == "00ff"
    assert note.symbol("prb") == 0xFFFFFFFF82000000
    assert note.size("thing") == 24
    assert note.offset("thing.member") == 8
    assert note.length("thing.list") == 11
    assert note.number("phys_base") == -350224384
    assert note.number("VMALLOC_START") == 0xFF29846B80000000
    assert note.get("no key") is None


@pytest.mark.parametrize("key", ["missing", "odd"])
def test_what_is_not_there_or_no_number_is_named(key: str) -> None:
    with pytest.raises(MissingFeature, match=key):
        Vmcoreinfo(NOTE).number(key)


def test_places_come_from_the_note_and_then_from_symbols_and_types() -> None:
    fake = FakeKernel()
    fake.struct("thing", 64, member=(16, "Q"), other=(24, "I"))
    fake.symbol("prb", 0x1000)
    fake.symbol("log_buf", 0x2000, 512)
    fake.note(NOTE)
    places = Places(fake.kernel)
    assert places.symbol("prb") == 0xFFFFFFFF82000000
    assert places.symbol("log_buf") == 0x2000
    assert places.symbol_size("log_buf") == 512
    assert places.size("thing") == 24
    assert places.offset("thing.member") == 8
    assert places.offset("thing.other") == 24
    assert places.find("nothing") is None
    with pytest.raises(MissingFeature, match="nothing"):
        places.symbol("nothing")
    with pytest.raises(MissingFeature, match="no type other"):
        places.size("other")
