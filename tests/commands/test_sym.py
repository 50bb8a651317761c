"""sym: its rows and its lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.sym import KernelSymbols, Sym
from pycrash.api import Context, Notice, UsageError, View
from pycrash.api.symbolrows import SymbolRow
from pycrash.errors import CrashError
from pycrash.kernel.symbols.table import Symbol
from pycrash.render.json import json_lines

SCHEDULE = Symbol(0xFFFFFFFF81000000, "schedule", "T")
JIFFIES = Symbol(0xFFFFFFFF82000000, "jiffies", "D")
TOY = Symbol(0xFFFFFFFFC0000000, "toy_call", "t", "toy")
ALL = [SCHEDULE, JIFFIES, TOY]


class Symbols:
    """Three symbols."""

    kernel_symbols = SimpleNamespace(
        addresses=[SCHEDULE.address, JIFFIES.address],
        all=(["schedule", "jiffies"], ["T", "D"]),
    )

    def exists(self, name: str) -> bool:
        return bool(self.all_by_name(name))

    def all_by_name(self, name: str) -> list[Symbol]:
        return [s for s in ALL if s.name == name]

    def containing(self, text: str) -> Iterator[Symbol]:
        return (s for s in ALL if text in s.name)

    def in_module(self, module: str) -> list[Symbol]:
        mark = Symbol(TOY.address, "_MODULE_TEXT_START_toy", "m", "toy")
        return [mark, TOY] if module == "toy" else []

    def in_range(self, address: int) -> bool:
        return address >= SCHEDULE.address

    def lookup(self, address: int) -> tuple[Symbol, int] | None:
        below = [s for s in ALL if s.address <= address]
        return (below[-1], address - below[-1].address) if address < 0xFFFFFFFFC0001000 else None

    def place(self, address: int) -> tuple[str, int]:
        return "(toy module)", address & 0xFFFF

    def module_of(self, address: int) -> str:
        return "toy"

    def is_text(self, address: int) -> bool:
        found = self.lookup(address)
        return found is not None and found[0].letter in "Tt"

    def section(self, address: int) -> str:
        return ".text"

    def previous(self, symbol: Symbol) -> Symbol | None:
        return ALL[ALL.index(symbol) - 1] if symbol is not ALL[0] else None

    def next(self, symbol: Symbol) -> Symbol | None:
        return ALL[ALL.index(symbol) + 1] if symbol is not ALL[-1] else None


def lines(*words: str, radix: int = 10) -> list[str]:
    kernel = SimpleNamespace(
        symbols=Symbols(),
        sources=SimpleNamespace(at=lambda address: "a.c: 7" if address < JIFFIES.address else ""),
        modules=SimpleNamespace(all=[SimpleNamespace(name="toy")]),
    )
    ctx = cast(Context, SimpleNamespace(kernel=kernel, settings=SimpleNamespace(radix=radix)))
    sym = Sym()
    args = sym.parse(words)
    rows = list(sym.run(ctx, args))
    notices = [f"! {row.text}" for row in rows if isinstance(row, Notice)]
    shown: Any = (row for row in rows if not isinstance(row, Notice))
    return notices + list(sym.text(View(ctx.settings), args, shown))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["schedule"], ["ffffffff81000000 (T) schedule a.c: 7"]),
        (["ffffffff81000010,"], ["ffffffff81000010 (T) schedule+16 a.c: 7"]),
        (["-s", "schedule"], ["ffffffff81000000 (T) schedule [.text]"]),
        (["jiffies"], ["ffffffff82000000 (D) jiffies"]),
        (["toy_call"], ["ffffffffc0000000 (t) toy_call [toy] "]),
        (["-q", "toy"], ["ffffffffc0000000 (t) toy_call [toy]"]),
        (["-q", "zz"], ["(none found)"]),
        (["-Q", "e"], ["2 found (jiffies)"]),
        (["-Q", "zz"], ["0 found "]),
        (
            ["-m", "toy"],
            ["ffffffffc0000000 MODULE TEXT START: toy", "ffffffffc0000000 (t) toy_call"],
        ),
        (["-m", "none"], []),
        (["ffffffffc0002000"], ["ffffffffc0002000 (?) (toy module)+8192"]),
        (["10"], ["! invalid address: 10"]),
    ],
)
def test_lines(words: list[str], expected: list[str]) -> None:
    assert lines(*words) == expected


def test_neighbours_stand_around() -> None:
    assert lines("-np", "jiffies") == [
        "ffffffff81000000 (T) schedule a.c: 7",
        "ffffffff82000000 (D) jiffies",
        "ffffffffc0000000 (t) toy_call [toy] ",
    ]


def test_an_unknown_name_lists_those_that_contain_it() -> None:
    assert lines("toy_") == [
        "symbol not found: toy_",
        "possible alternatives:",
        "  ffffffffc0000000 (t) toy_call [toy]",
    ]
    assert lines("zz")[-1] == "  (none found)"


def test_everything() -> None:
    assert "\n".join(lines("-l")).split("\n") == [
        "ffffffff81000000 (T) schedule",
        "ffffffff82000000 (D) jiffies",
        "ffffffffc0000000 MODULE TEXT START: toy",
        "ffffffffc0000000 (t) toy_call",
    ]


def test_one_object_a_symbol() -> None:
    bundle = KernelSymbols([SCHEDULE.address], ["T"], ["schedule"])
    listed = SymbolRow(TOY.address, "toy_call", "t", "toy", listed=True)
    found = [json.loads(line) for line in json_lines("sym", [bundle, listed])]
    rest = {"kind": "symbol", "offset": 0, "source": None, "section": None}
    assert found == [
        {"address": "0xffffffff81000000", "symbol": "schedule", "letter": "T", "module": None}
        | rest,
        {"address": "0xffffffffc0000000", "symbol": "toy_call", "letter": "t", "module": "toy"}
        | rest,
    ]


def test_radix() -> None:
    assert lines("ffffffff82000010", radix=16) == ["ffffffff82000010 (D) jiffies+0x10"]


def test_too_long_a_number() -> None:
    assert lines("f" * 17)[0].startswith("! input string too large")


def test_nothing_to_do() -> None:
    with pytest.raises(UsageError):
        lines("-n")
    with pytest.raises(CrashError, match="two NULL args"):
        lines("-n", "ffffffffc0002000")
