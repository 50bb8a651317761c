"""eval: what its words mean, and the lines of a number."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from commands.eval import Eval, ValueRow
from pycrash.api import Context, CrashError, UsageError, View
from pycrash.settings import Settings


def calculated(*words: str) -> ValueRow:
    symbols = SimpleNamespace(by_name=lambda name: None)
    kernel = SimpleNamespace(word_mask=2**64 - 1, symbols=symbols)
    command = Eval()
    (row,) = command.run(cast(Context, SimpleNamespace(kernel=kernel)), command.parse(words))
    assert isinstance(row, ValueRow)
    return row


def lines(*words: str) -> list[str]:
    command = Eval()
    return list(command.text(View(Settings()), command.parse(words), [calculated(*words)]))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("1 + 1", 2),
        ("( 1 + 1", None),
        ("-4", 2**64 - 4),
        ("-b 4", 4),
        ("-b -4", 2**64 - 4),
        ("-l -b 5", 5),
        ("-bl 5", 5),
        # Nothing stands behind it: 0 minus 0xb.
        ("-b", 2**64 - 11),
        ("-l -b", 2**64 - 11),
        ("-b -b 10", None),
    ],
)
def test_words(line: str, value: int | None) -> None:
    if value is None:
        with pytest.raises(CrashError, match="invalid expression"):
            calculated(*line.split())
    else:
        assert calculated(*line.split()).value == value


def test_a_word_in_parentheses_is_all_of_it() -> None:
    assert calculated("7", "(1+2)", "+", "3").value == 3


@pytest.mark.parametrize("words", [[], ["-l"], ["-lb"], ["-b", "-l"]])
def test_nothing_to_calculate(words: list[str]) -> None:
    with pytest.raises(UsageError):
        Eval().parse(words)


def test_lines() -> None:
    assert lines("-b", "0x8000000000000400") == [
        "hexadecimal: 8000000000000400  (9007199254740993KB)",
        "    decimal: 9223372036854776832  (-9223372036854774784)",
        "      octal: 1000000000000000002000",
        "     binary: 1" + "0" * 52 + "1" + "0" * 10,
        "   bits set: 63 10 ",
    ]


def test_bits_go_on_below() -> None:
    *_, first, second, third = lines("-b", "~0")
    assert first.endswith(" 43 42 ")
    assert second.startswith(" " * 13 + "41 40 ")
    assert third.endswith(" 1 0 ")
