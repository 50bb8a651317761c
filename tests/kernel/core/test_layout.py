"""Members of hand-made structures, unpacked at once, and remembered between sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycrash.errors import MissingFeature
from pycrash.kernel.core.answers import KeptAnswers, answers_of
from pycrash.kernel.core.layout import (
    Layout,
    bit_places,
    constant,
    find_member,
    has_member,
    member_offset,
    type_size,
)
from pycrash.kernel.kernel import Kernel
from tests.kernel.fake_kernel import FakeKernel


@pytest.fixture
def fake() -> FakeKernel:
    fake = FakeKernel()
    inner = fake.struct("inner", 16, first=(0, "q"), second=(8, "i"))
    fake.struct("outer", 64, small=(40, "B"), name=(4, "8s"), inner=(16, inner), word=(48, "P"))
    return fake


def test_fields_come_in_the_order_asked_for(fake: FakeKernel) -> None:
    layout = Layout(fake.prog, "struct outer", ("word", "name", "inner.second"))
    assert (layout.start, layout.size, layout.whole) == (4, 52, 64)
    assert [layout.at(name) for name in ("word", "name", "inner.second")] == [48, 4, 24]
    assert [layout.width(name) for name in ("word", "name", "inner.second")] == [8, 8, 4]
    span = bytearray(52)
    span[0:3], span[20:24], span[44:46] = b"abc", b"\xff\xff\xff\xff", b"\x01\x02"
    assert layout.unpack(bytes(span)) == (0x201, b"abc" + bytes(5), -1)


def test_a_structure_is_its_first_number(fake: FakeKernel) -> None:
    layout = Layout(fake.prog, "struct outer", ("inner",))
    assert layout.unpack((-5).to_bytes(8, "little", signed=True)) == (-5,)


def test_the_first_spelling_that_exists(fake: FakeKernel) -> None:
    fields = (("old.name", "gone", "small"), "nothing")
    layout = Layout(fake.prog, "struct outer", fields, optional=("nothing",))
    assert layout.at("old.name") == 40
    assert "old.name" in layout
    assert "nothing" not in layout
    assert layout.unpack(b"\x07") == (7, None)
    with pytest.raises(MissingFeature, match=r"no struct outer\.nothing in this kernel"):
        layout.at("nothing")


def test_a_field_that_is_not_optional_must_be_there(fake: FakeKernel) -> None:
    with pytest.raises(MissingFeature, match=r"no struct outer\.old\.name in this kernel"):
        Layout(fake.prog, "struct outer", ("word", ("old.name", "gone")))


def test_one_member(fake: FakeKernel) -> None:
    assert find_member(fake.prog, "struct outer", "gone", "inner.second") == (24, 4)
    assert find_member(fake.prog, "struct outer", "gone") is None
    assert find_member(fake.prog, "struct ghost", "gone") is None
    assert has_member(fake.prog, "struct outer", "inner.second")
    assert not has_member(fake.prog, "struct outer", "second")


def test_a_missing_type_or_member_has_a_name(fake: FakeKernel) -> None:
    with pytest.raises(MissingFeature, match="no struct ghost in this kernel"):
        Layout(fake.prog, "struct ghost", ("a",))
    with pytest.raises(MissingFeature, match=r"no struct outer\.ghost in this kernel"):
        member_offset(fake.prog, "struct outer", "ghost")
    assert member_offset(fake.prog, "struct outer", "word") == 48
    assert type_size(fake.prog, "struct inner") == 16
    assert type_size(fake.prog, "struct ghost") is None


def test_bits_of_members(fake: FakeKernel) -> None:
    assert bit_places(fake.prog, "struct inner") == {"first": (0, 64), "second": (64, 32)}
    assert bit_places(fake.prog, "struct ghost") is None
    assert constant(fake.prog, "GHOST") is None


def test_answers_outlast_the_session(
    fake: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    store = KeptAnswers("abcd")
    fake.prog.cache["pycrash.answers"] = store
    Layout(fake.prog, "struct outer", ("word", ("gone", "small")))
    with pytest.raises(MissingFeature):
        Layout(fake.prog, "struct ghost", ("a",))
    store.save()

    later = FakeKernel()  # knows no types at all
    later.prog.cache["pycrash.answers"] = KeptAnswers("abcd")
    layout = Layout(later.prog, "struct outer", ("word", ("gone", "small")))
    assert [layout.at("word"), layout.at("gone")] == [48, 40]
    with pytest.raises(MissingFeature):
        Layout(later.prog, "struct ghost", ("a",))

    other = FakeKernel()
    other.prog.cache["pycrash.answers"] = KeptAnswers("other")
    with pytest.raises(MissingFeature):
        Layout(other.prog, "struct outer", ("word",))


def test_two_sessions_add_to_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    one, two = KeptAnswers("abcd"), KeptAnswers("abcd")
    one["a"], two["b"] = 1, 2
    one.save()
    two.save()
    third = KeptAnswers("abcd")
    assert (third["a"], third["b"]) == (1, 2)


def test_a_program_without_a_vmlinux_keeps_nothing(fake: FakeKernel) -> None:
    store = answers_of(fake.prog)
    store["a"] = 1
    store.save()
    assert answers_of(fake.prog) is store


def test_symbols_are_kept_for_every_boot(
    fake: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    image = 0xFFFFFFFF81000000

    def boot(moved: int, symbols: dict[str, int]) -> Kernel:
        booted = FakeKernel()
        booted.kernel.__dict__["_moved"] = moved
        monkeypatch.setattr(
            Kernel, "_in_image", lambda self, at: image <= at - self._moved < image + 0x1000000
        )
        booted.prog.cache["pycrash.answers"] = KeptAnswers("abcd")
        for name, address in symbols.items():
            booted.symbol(name, address)
        return booted.kernel

    module = 0xFFFFFFFFC0000000
    first = boot(0x5000000, {"data": image + 0x5000010, "percpu": 0x40, "of_module": module})
    assert first.symbol_address("data") == image + 0x5000010
    assert first.symbol_address("percpu") == 0x40
    assert first.symbol_address("of_module") == module
    assert first.symbol_address("none") is None
    answers_of(first.prog).save()
    second = boot(0x9000000, {"none": image})
    assert second.symbol_address("data") == image + 0x9000010
    assert second.symbol_address("percpu") == 0x40
    assert second.symbol_address("of_module") is None
    assert second.symbol_address("none") is None
