"""Strings and characters in gdb's notation."""

from __future__ import annotations

import pytest

from pycrash.cexpr.printing import strings
from pycrash.cexpr.printing.strings import character, first_nul, quote


@pytest.fixture(autouse=True)
def _utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strings, "_multibyte", lambda: True)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"init\0", '"init"'),
        (b"init\0\0\0", '"init\\000\\000"'),
        (b"", '""'),
        (b"\0", '""'),
        (b'a"b\\c', '"a\\"b\\\\c"'),
        (b"\a\b\t\n\v\f\r\x1b\x7f", '"\\a\\b\\t\\n\\v\\f\\r\\033\\177"'),
        (b"a\0001", '"a\\0001"'),
        ("ü€".encode(), '"ü€"'),
        (b"\xff\xfe", '"\\377\\376"'),
        (b"\x80", '"\\200"'),
        (b"a\xe2\x82z", '"a\\342\\202z"'),
    ],
)
def test_quote(data: bytes, text: str) -> None:
    assert quote(data, limit=256) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        # The character before the cut one is lost, as in gdb.
        (b"abc\xc4", '"ab", <incomplete sequence \\304>'),
        (b"ab\xff\xc4", '"ab\\377", <incomplete sequence \\304>'),
        (b"\xe2\x82", "<incomplete sequence \\342\\202>"),
        (b"?\xf8\x93", "<incomplete sequence \\370\\223>"),
        (b"\xdd\xdd\xdd", '"\\335\\335", <incomplete sequence \\335>'),
    ],
)
def test_a_cut_character(data: bytes, text: str) -> None:
    assert quote(data, limit=256) == text


def test_limit() -> None:
    assert quote(b"abcdef", limit=4) == '"abcd"...'
    assert quote(b"abcd", limit=4) == '"abcd"'
    assert quote(b"abcd", limit=4, ellipsis=True) == '"abcd"...'


def test_a_nul_at_the_end_stays_where_the_string_goes_on() -> None:
    assert quote(b"ab\0", limit=256, ellipsis=True) == '"ab\\000"...'


def test_repeats() -> None:
    assert quote(b"abbbbc", limit=256, repeats=3) == '"a", \'b\' <repeats 4 times>, "c"'
    assert quote(b"abbbc", limit=256, repeats=3) == '"abbbc"'


def test_wide_characters() -> None:
    data = b"a\0\0\0\xb1\x03\0\0b\0\0\0"
    assert quote(data, width=4, limit=256) == '"aαb"'
    assert quote(b"\0\0\0a", width=4, limit=256, big=True) == '"a"'


def test_an_escape_in_hexadecimal_escapes_the_digit_behind_it() -> None:
    data = b"\xff\xff\xff\x7fa\0\0\0"
    assert quote(data, width=4, limit=256) == '"\\x7fffffff\\141"'


def test_character() -> None:
    assert character(65) == "'A'"
    assert character(0) == "'\\000'"
    assert character(39) == "'\\''"
    assert character(34) == "'\"'"
    assert character(255) == "'\\377'"


def test_first_nul() -> None:
    assert first_nul(b"ab\0c", 1) == 2
    assert first_nul(b"ab", 1) == 2
    assert first_nul(b"a\0\0\0\0\0", 2) == 1
