"""Lines of memory as rd shows them."""

from __future__ import annotations

import pytest

from pycrash.render.memory import (
    Base,
    characters,
    memory_line,
    memory_lines,
    value_text,
    with_characters,
)


@pytest.mark.parametrize(
    ("value", "size", "base", "text"),
    [
        (0x1F, 1, "hex", "1f "),
        (0x1F, 8, "hex", "000000000000001f "),
        (0xFF, 1, "decimal", "255 "),
        (0xFFFF, 2, "decimal", "65535 "),
        (0xFFFFFFFF, 4, "decimal", "          -1 "),
        (0xFFFFFFFF, 4, "unsigned", "  4294967295 "),
        (2**64 - 1, 8, "decimal", "             -1 "),
        (2**64 - 1, 8, "unsigned", "18446744073709551615 "),
    ],
)
def test_values(value: int, size: int, base: Base, text: str) -> None:
    assert value_text(value, size, base) == text


def test_characters_are_those_of_the_values() -> None:
    assert characters([0x4241, 0x0A43], 2, "<") == "ABC."
    assert characters([0x4142], 2, ">") == "AB"


def test_the_characters_of_a_short_line_stand_below_those_of_a_whole_one() -> None:
    short = with_characters(memory_line(0x10, 16, [1], [""], 8, "hex"), 16, 8, "x")
    whole = with_characters(memory_line(0x10, 16, [1, 2], ["", ""], 8, "hex"), 16, 8, "x")
    assert len(short) == len(whole)
    assert whole == "              10:  0000000000000001 0000000000000002   x"


def test_names_are_padded_to_the_width_of_a_value() -> None:
    line = memory_line(0x10, 16, [1, 2], ["jiffies", ""], 8, "hex")
    assert line == "              10:  jiffies          0000000000000002 "


def test_whole_lines_and_a_short_one() -> None:
    values = (0x6867666564636261, 1, 0x7A7A7A7A7A7A7A7A)
    assert list(memory_lines(0xFFFF888000000000, 16, values, (), 8, "hex", "<")) == [
        "ffff888000000000:  6867666564636261 0000000000000001   abcdefgh........",
        "ffff888000000010:  7a7a7a7a7a7a7a7a                    zzzzzzzz",
    ]
    assert list(memory_lines(0x10, 16, (0x12345678,), (), 4, "hex", ">")) == [
        "              10:  12345678                              .4Vx"
    ]


def test_names_in_place_of_values() -> None:
    assert list(memory_lines(0, 16, (1, 2), ("one", ""), 8, "hex", None)) == [
        "               0:  one              0000000000000002 "
    ]
