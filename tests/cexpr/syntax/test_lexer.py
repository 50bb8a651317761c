"""Tokens: numbers and their types, strings, characters, where an expression ends."""

from __future__ import annotations

import pytest

from pycrash.cexpr.syntax.errors import ExprError
from pycrash.cexpr.syntax.lexer import tokenize


@pytest.mark.parametrize(
    ("text", "value", "type_"),
    [
        ("5", 5, "int"),
        ("0x10", 16, "int"),
        ("010", 8, "int"),
        ("0b11", 3, "int"),
        ("1'000", 1000, "int"),
        ("0xffffffff", 0xFFFFFFFF, "unsigned int"),
        ("4294967295", 0xFFFFFFFF, "long"),
        ("0x8000000000000000", 1 << 63, "unsigned long"),
        ("9223372036854775808", 1 << 63, "unsigned long"),
        ("1u", 1, "unsigned int"),
        ("1ull", 1, "unsigned long long"),
        ("1.5", 1.5, "double"),
        (".5f", 0.5, "float"),
        ("1e3", 1000.0, "double"),
        ("0x1.8p1", 3.0, "double"),
    ],
)
def test_number(text: str, value: float, type_: str) -> None:
    token = tokenize(text)[0]
    assert (token.value, token.type) == (value, type_)


@pytest.mark.parametrize(
    "text", ["08", "0x", "1x", "18446744073709551616", "5df", "'", '"abc', "''"]
)
def test_what_is_no_constant(text: str) -> None:
    with pytest.raises(ExprError):
        tokenize(text)


def test_input_radix() -> None:
    assert tokenize("20", radix=16)[0].value == 0x20


def test_escapes() -> None:
    assert tokenize(r'"a\n\x41\101\"" ')[0].value == (97, 10, 65, 65, 34)
    assert tokenize(r"'\0'")[0].value == 0


def test_quoted_name_is_no_character() -> None:
    assert [t.kind for t in tokenize("'core.c'::x")] == ["quoted", "op", "name", "end"]


@pytest.mark.parametrize("text", ["5 if 6", "5 thread 1", "5 ) 6"])
def test_end_of_expression(text: str) -> None:
    assert [t.text for t in tokenize(text)] == ["5", ""]
