"""Blocks of BTF made by hand, whole and damaged."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycrash.errors import CrashError
from pycrash.objects import btf
from pycrash.objects.btf import Btf, Member
from tests.objects.madebtf import MadeBtf


def small() -> MadeBtf:
    made = MadeBtf()
    number = made.integer("int", 4, btf.INT_SIGNED)
    array = made.add(btf.ARRAY, "", 0, number, number, 7)
    made.structure("task_struct", 40, ("pid", number, 0), ("comm", array, 64))
    made.structure("bits", 4, ("low", number, 3 << 24), ("high", number, 5 << 24 | 3), flag=True)
    made.add(btf.ENUM, "small", 4, made.text("ONE"), 1, made.text("LESS"), -1, vlen=2, flag=True)
    made.add(btf.ENUM64, "large", 8, made.text("FAR"), 1, 2, vlen=1)
    made.add(btf.FUNC_PROTO, "", number, made.text("a"), number, 0, 0, vlen=2)
    return made


@pytest.mark.parametrize("order", "<>")
def test_an_integer_in_both_byte_orders(order: str) -> None:
    made = MadeBtf(order)
    number = made.integer("short", 2, btf.INT_SIGNED)
    found = Btf(made.block(), order)
    type_ = found.type(number)
    assert (type_.kind, type_.name, type_.size) == (btf.INT, "short", 2)
    assert found.integer(type_) == (btf.INT_SIGNED, 0, 16)


def test_members_and_bit_fields() -> None:
    found = Btf(small().block(), "<")
    assert found.members(found.type(3)) == [Member("pid", 1, 0, 0), Member("comm", 2, 64, 0)]
    assert found.members(found.type(4)) == [Member("low", 1, 0, 3), Member("high", 1, 3, 5)]
    assert found.array(found.type(2)) == (1, 7)


def test_enumerators_of_both_widths() -> None:
    found = Btf(small().block(), "<")
    assert found.enumerators(found.type(5)) == [("ONE", 1), ("LESS", -1)]
    assert found.enumerators(found.type(6)) == [("FAR", 2 << 32 | 1)]
    assert found.enumerators_by_name == {"ONE": (5, 1), "LESS": (5, -1), "FAR": (6, 2 << 32 | 1)}


def test_names_of_a_kind() -> None:
    found = Btf(small().block(), "<")
    assert found.numbers[btf.STRUCT, "task_struct"] == [3]
    assert (btf.UNION, "task_struct") not in found.numbers
    assert found.parameters(found.type(7)) == [("a", 1), ("", 0)]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "cut short"),
        (b"\0" * 24, "no BTF"),
        (small().block()[:-1], "cut short"),
    ],
)
def test_what_is_no_block(data: bytes, said: str) -> None:
    with pytest.raises(CrashError, match=f"^.BTF: {said}$"):
        Btf(data, "<")


def test_a_type_that_is_not_there() -> None:
    found = Btf(small().block(), "<")
    for number in (0, 8, 1 << 31):
        with pytest.raises(CrashError, match=f"no type {number}$"):
            found.type(number)


def test_a_kind_that_is_none() -> None:
    made = MadeBtf()
    made.add(20, "new", 0)
    with pytest.raises(CrashError, match="type 1 is of no known kind: 20"):
        Btf(made.block(), "<").type(1)


@settings(deadline=None, max_examples=200, derandomize=True)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=8), st.integers(24, 600))
def test_damage_is_a_crash_error(at: int, bytes_: bytes, cut: int) -> None:
    data = bytearray(small().block())
    data[at : at + len(bytes_)] = bytes_
    with suppress(CrashError):
        found = Btf(bytes(data[:cut]), "<")
        assert len(found.numbers) <= len(data)
        for number in range(1, 9):
            type_ = found.type(number)
            for ask in (found.members, found.enumerators, found.integer, found.array):
                with suppress(CrashError):
                    ask(type_)
