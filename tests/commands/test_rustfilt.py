"""rustfilt: its one line, which is not ended."""

from __future__ import annotations

from typing import cast

import pytest

from commands.rustfilt import Rustfilt
from pycrash.api import Context, Part, UsageError, View
from pycrash.settings import Settings


def lines(*words: str) -> list[str]:
    command = Rustfilt()
    args = command.parse(words)
    return list(command.text(View(Settings()), args, command.run(cast(Context, None), args)))


def test_a_symbol_and_what_is_none() -> None:
    (line,) = lines("_RNvC6_123foo3bar", "ignored")
    assert (line, type(line)) == ("123foo::bar", Part)
    assert lines("foo") == ["Not a rust symbol: ", "foo"]


def test_nothing_to_read() -> None:
    with pytest.raises(UsageError):
        lines()
