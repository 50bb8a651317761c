"""Options of a line, as getopt reads them."""

from __future__ import annotations

import pytest

from pycrash.api import Flag, UsageError, Word, parse_args

FLAGS = (Flag("a", "a"), Flag("b", "b"), Flag("v", "v", Word("value", "any")))


def test_what_stands_behind_a_letter_that_acts_at_once_is_not_read() -> None:
    args = parse_args("x", FLAGS, ["-ba", "-z", "word"], at_once="a")
    assert args.given == (("b", None), ("a", None))
    assert args.operands == ()
    assert parse_args("x", FLAGS, ["-v", "1", "-z"], at_once="v").values("v") == ["1"]


@pytest.mark.parametrize("words", [["-z", "-a"], ["-v"], ["-za"]])
def test_what_is_wrong_before_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        parse_args("x", FLAGS, words, at_once="av")


def test_without_such_letters_everything_is_read() -> None:
    args = parse_args("x", FLAGS, ["one", "-ab", "-vtwo", "--", "-a"])
    assert args.given == (("a", None), ("b", None), ("v", "two"))
    assert args.operands == ("one", "-a")
