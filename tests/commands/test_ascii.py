"""ascii: numbers as characters, and the table."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from commands.ascii import Ascii
from pycrash.api import Context, CrashError, View
from pycrash.settings import Settings


def lines(*words: str, word_size: int = 8) -> list[str]:
    ctx = cast(Context, SimpleNamespace(kernel=SimpleNamespace(word_size=word_size)))
    command = Ascii()
    args = command.parse(words)
    return list(command.text(View(Settings()), args, command.run(ctx, args)))


def test_bytes_from_the_lowest_on() -> None:
    assert lines("62696c2f7273752f") == ["62696c2f7273752f: /usr/lib"]
    assert lines("0x7f80ff0a41") == ["0000007f80ff0a41: A<LF><ff><80><DEL><NUL><NUL><NUL>"]


def test_a_narrow_word_and_one_too_wide_for_it() -> None:
    assert lines("41", word_size=4) == ["00000041: A<NUL><NUL><NUL>"]
    assert lines("4142434445", word_size=4) == ["0000004142434445: EDCBA<NUL><NUL><NUL>"]


def test_what_is_no_number() -> None:
    with pytest.raises(CrashError, match='invalid input: "xyz"'):
        lines("41", "xyz")


def test_the_table() -> None:
    table = lines()
    assert len(table) == 20
    assert table[3] == "  0 | NUL DLE  SP  0   @   P   `   p"
    assert table[-2] == "  F |  SI  US  /   ?   O   _   o  DEL"
