"""The tables of kallsyms: what was packed comes out, and damage ends in a CrashError."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycrash.errors import CrashError
from pycrash.objects.kallsyms import Symbol, Tables
from tests.objects.madekallsyms import BASE, made_tables

IMAGE = [
    Symbol(BASE, "T", "_stext"),
    Symbol(BASE, "T", "_text"),
    Symbol(BASE + 0x40, "t", "__sched_text"),
    Symbol(BASE + 0x1000, "d", "x" * 400),
    Symbol(BASE + 0x2000, "B", "mem_section"),
]
PER_CPU = [Symbol(0, "A", "__per_cpu_start"), Symbol(0x1F000, "A", "runqueues")]
NOTED = {"_stext": BASE, "mem_section": 0xFF175C9227797000, "of_a_module": BASE + 1}


@pytest.mark.parametrize("order", ["<", ">"])
def test_names_and_places_of_absolute_per_cpu_variables(order: str) -> None:
    symbols = PER_CPU + IMAGE
    assert made_tables(symbols, order=order).symbols(NOTED) == symbols
    assert [symbol.absolute for symbol in symbols[1:3]] == [True, False]


def test_places_that_all_count_from_the_base() -> None:
    assert made_tables(IMAGE, signed=False).symbols(NOTED) == IMAGE


def test_a_name_of_two_bytes_of_length() -> None:
    tables = made_tables(IMAGE)
    assert bytes([401 & 0x7F | 0x80, 401 >> 7]) + b"d" + b"x" * 400 in tables.names
    cut = replace(tables, names=tables.names[: tables.names.index(b"dxx") + 100], count=4)
    with pytest.raises(CrashError, match="cut short"):
        cut.symbols(NOTED)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"base": BASE + 0x1000}, "not where VMCOREINFO has them"),
        ({"names": b"\0" * 999}, "'' is no name"),
        ({"names": b""}, "names are cut short"),
        ({"pieces": b"abc"}, "table of pieces is cut short"),
    ],
)
def test_damage_is_told(change: dict[str, bytes | int], said: str) -> None:
    with pytest.raises(CrashError, match=said):
        replace(made_tables(PER_CPU + IMAGE), **change).symbols(NOTED)  # type: ignore[arg-type]


def test_what_is_noted_must_be_there() -> None:
    tables = made_tables(PER_CPU + IMAGE)
    with pytest.raises(CrashError, match="nothing tells"):
        tables.symbols({})
    with pytest.raises(CrashError, match="not where"):
        tables.symbols({**NOTED, "__sched_text": BASE + 0x80})


def test_symbols_out_of_order_are_damage() -> None:
    with pytest.raises(CrashError, match="not where"):
        made_tables([IMAGE[0], *reversed(IMAGE[1:])]).symbols(NOTED)


@given(
    st.sampled_from(["names", "pieces", "index", "offsets"]),
    st.integers(0, 1 << 10),
    st.binary(min_size=1, max_size=8),
)
def test_damaged_tables_give_symbols_or_an_error(field: str, at: int, damage: bytes) -> None:
    tables: Tables = made_tables(PER_CPU + IMAGE)
    data = bytearray(getattr(tables, field))
    at %= len(data)
    data[at : at + len(damage)] = damage[: len(data) - at]
    changes: dict[str, bytes] = {field: bytes(data)}
    try:
        found = replace(tables, **changes).symbols(NOTED)  # type: ignore[arg-type]
    except CrashError:
        return
    assert len(found) == tables.count
    assert any(symbol.name == "_stext" and symbol.address == BASE for symbol in found)
