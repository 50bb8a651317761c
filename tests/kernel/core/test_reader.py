"""Parts, symbols and options of a reader."""

from __future__ import annotations

import pytest

from pycrash.errors import MissingFeature
from pycrash.kernel.core.reader import Options, Reader
from tests.kernel.fake_kernel import FakeKernel


class Counted:
    """A subsystem that tells how many were made."""

    made = 0

    def __init__(self, kernel: Reader) -> None:
        Counted.made += 1
        self.kernel = kernel


def test_a_part_is_made_once_for_each_dump() -> None:
    one, two = FakeKernel().kernel, FakeKernel().kernel
    Counted.made = 0
    assert one.part(Counted) is one.part(Counted)
    assert one.part(Counted).kernel is one
    assert two.part(Counted) is not one.part(Counted)
    assert Counted.made == 2


def test_a_part_that_fails_is_asked_for_again() -> None:
    answers = iter((MissingFeature("not yet"), None))

    def make(kernel: Reader) -> int:
        error = next(answers)
        if error is not None:
            raise error
        return 5

    kernel = FakeKernel().kernel
    with pytest.raises(MissingFeature):
        kernel.part(make)
    assert kernel.part(make) == kernel.part(make) == 5


def test_symbols_by_name() -> None:
    fake = FakeKernel()
    fake.symbol("jiffies", 0xFFFFFFFF82000000, 8)
    kernel = fake.kernel
    assert kernel.symbol_span("jiffies") == (0xFFFFFFFF82000000, 8)
    assert kernel.symbol_addresses("jiffies") == [kernel.required_symbol("jiffies")]
    assert kernel.symbol_address("ghost") is None
    assert kernel.symbol_addresses("ghost") == []
    with pytest.raises(MissingFeature, match="no symbol ghost in this kernel"):
        kernel.required_symbol("ghost")


def test_members_by_a_path_of_names() -> None:
    fake = FakeKernel()
    fake.struct("outer", 8, inner=(0, fake.struct("inner", 8, first=(0, "q"))))
    assert fake.kernel.has_member("struct outer", "inner.first")
    assert not fake.kernel.has_member("struct outer", "first")
    assert not fake.kernel.has_member("struct ghost", "first")


def test_a_word_that_names_no_type() -> None:
    kernel = FakeKernel().kernel
    for word in ("struct ghost", "kmalloc-64", "struct", "(", ""):
        assert not kernel.has_type(word)


def test_without_options_nothing_is_left_out() -> None:
    assert FakeKernel().kernel.options == Options(False, False, False, None)
