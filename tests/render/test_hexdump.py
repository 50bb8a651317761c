"""Memory as hexadecimal words."""

from __future__ import annotations

from pycrash.render.hexdump import hex_lines


def test_words_and_characters() -> None:
    data = b"abcdefgh\x01\0\0\0\0\0\0\0zzzzzzzz"
    assert list(hex_lines(data, 0xFFFF888000000000, 8, "<")) == [
        "ffff888000000000:  6867666564636261 0000000000000001   abcdefgh........",
        "ffff888000000010:  7a7a7a7a7a7a7a7a                    zzzzzzzz",
    ]


def test_small_words() -> None:
    assert list(hex_lines(b"\x12\x34\x56\x78", 0x10, 4, ">")) == [
        "              10:  12345678                              .4Vx"
    ]


def test_names_in_place_of_words() -> None:
    names = {1: "one"}
    data = b"\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"
    assert list(hex_lines(data, 0, 8, "<", lambda word: names.get(word, ""))) == [
        "               0:  one              0000000000000002 "
    ]
