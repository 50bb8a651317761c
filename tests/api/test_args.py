"""Options of a line, as getopt reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

import pytest

from pycrash.api import (
    Args,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    Row,
    UsageError,
    View,
    Word,
    WrongOption,
    parse_args,
)

FLAGS = (Flag("a", "a"), Flag("b", "b"), Flag("v", "v", Word("value", "any")))


def test_what_stands_behind_a_letter_that_acts_at_once_is_not_read() -> None:
    args = parse_args("x", FLAGS, ["-ba", "-z", "word"], at_once="a")
    assert args.given == (("b", None), ("a", None))
    assert args.operands == ()
    assert parse_args("x", FLAGS, ["-v", "1", "-z"], at_once="v").values("v") == ["1"]


@pytest.mark.parametrize("words", [["-z", "-a", "-y"], ["-za"]])
def test_what_is_wrong_before_is_said(words: list[str]) -> None:
    args = parse_args("x", FLAGS, words, at_once="a")
    assert args.given == (("a", None),)
    assert args.said == ("invalid option -- 'z'",)


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (["-b", "-zv", "1"], [("b", None), ("?", "invalid option -- 'z'"), ("v", "1")]),
        (["-av"], [("a", None), ("?", "option requires an argument -- 'v'")]),
    ],
)
def test_what_is_wrong_stands_among_the_options(
    words: list[str], given: list[tuple[str, str | None]]
) -> None:
    with pytest.raises(WrongOption) as caught:
        parse_args("x", FLAGS, words)
    assert caught.value.given == tuple(given)
    assert str(caught.value) == "\n".join(f"x: {text}" for letter, text in given if letter == "?")


class Reads(Command):
    """Says each option it reads, and fails at -b."""

    name = "reads"
    summary = synopsis = ""
    flags = FLAGS

    def read(self, ctx: Context, before: Args, letter: str, value: str | None) -> Iterator[Row]:
        if letter == "b":
            raise CrashError("b")
        yield Notice(f"{letter} behind {len(before.given)}")

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        return iter(())

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return iter(())


@pytest.mark.parametrize(
    ("words", "said", "end"),
    [
        (["-z"], [], UsageError("reads: invalid option -- 'z'")),
        (["-z", "-a", "-y"], ["z", "a behind 0"], UsageError("reads: invalid option -- 'y'")),
        (["-a", "-z", "-b", "-a"], ["a behind 0", "z"], CrashError("b")),
    ],
)
def test_a_line_is_refused_behind_what_its_options_do(
    words: list[str], said: list[str], end: Exception
) -> None:
    with pytest.raises(WrongOption) as caught:
        Reads().parse(words)
    rows, shown = Reads().refuse(cast(Context, None), caught.value), []
    for _ in said:
        row = next(rows)
        assert isinstance(row, Notice)
        shown.append(row.text.removeprefix("invalid option -- ").strip("'"))
    assert shown == said
    with pytest.raises(type(end), match=f"^{end}$"):
        next(rows)


def test_without_such_letters_everything_is_read() -> None:
    args = parse_args("x", FLAGS, ["one", "-ab", "-vtwo", "--", "-a"])
    assert args.given == (("a", None), ("b", None), ("v", "two"))
    assert args.operands == ("one", "-a")


def test_an_argument_that_is_joined_may_be_left_out() -> None:
    flags = (*FLAGS, Flag("i", "i", Word("=shared", "any"), joined=True))
    args = parse_args("x", flags, ["-i", "word", "-i=shared", "-ia"])
    assert args.given == (("i", None), ("i", "=shared"), ("i", "a"))
    assert args.operands == ("word",)
