from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycrash.shell.words import (
    LineError,
    Redirect,
    clean,
    find_words,
    separate_mark,
    split_redirect,
    split_words,
    without_word,
)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  \t ", []),
        ("bt -a  1", ["bt", "-a", "1"]),
        ("a\tb", ["a", "b"]),
        ('a "b c" d', ["a", "b c", "d"]),
        ('a "b c"d', ["a", "b c", "d"]),
        ('a b"c d"', ["a", 'b"c', 'd"']),
        ('a ""', ["a", ""]),
        ('a "open end', ["a", "open end"]),
        ('"a b"x c', ["a b", "c"]),
        ('"a""b" c', ["a", "b", "c"]),
        ('"open', ['"open']),
        ("p (a + b) c", ["p", "(a + b)", "c"]),
        ("p (a (b  c))->d e", ["p", "(a (b  c))->d", "e"]),
        ("p (a b", ["p", "(a b"]),
        ("(a b)", ["(a", "b)"]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    assert split_words(line) == words


def test_words_know_their_places() -> None:
    line = 'ab  "c d" (e f)'
    assert [line[w.start : w.start + len(w.text)] for w in find_words(line)] == split_words(line)


@pytest.mark.parametrize(
    ("line", "text", "redirect"),
    [
        ("log", "log", Redirect("none")),
        ("log | grep x | wc", "log ", Redirect("pipe", "grep x | wc")),
        ("log ! wc", "log ", Redirect("pipe", "wc")),
        ("log > a b", "log ", Redirect("write", "a b")),
        ("log>>f", "log", Redirect("append", "f")),
        ("!ls | wc", "", Redirect("shell", "ls | wc")),
        ("| ls", "", Redirect("shell", "ls")),
        ("!", "", Redirect("shell")),
        ("p a->b", "p a->b", Redirect("none")),
        ("p (a > b)", "p (a > b)", Redirect("none")),
        ("p 'a|b'", "p 'a|b'", Redirect("none")),
        ('p "it\'s" | wc', 'p "it\'s" ', Redirect("pipe", "wc")),
        (") | wc", ") | wc", Redirect("none")),
    ],
)
def test_redirect(line: str, text: str, redirect: Redirect) -> None:
    assert split_redirect(line) == (text, redirect)


@pytest.mark.parametrize(
    ("line", "message", "ends_input"),
    [
        ("log |", "no shell command after '|'", True),
        ("log !", "no shell command after '!'", True),
        ("log >", "no file name after >", True),
        ("log >>", "no file name after >>", True),
        ("log | wc |", "pipe to nowhere?", False),
    ],
)
def test_redirect_without_a_target(line: str, message: str, ends_input: bool) -> None:
    with pytest.raises(LineError) as caught:
        split_redirect(line)
    assert (str(caught.value), caught.value.ends_input) == (message, ends_input)


@given(st.text(alphabet=" \t\"'()<>|!a-\\\n", max_size=30))
def test_no_line_is_too_odd(line: str) -> None:
    line = clean(line)
    places = [w.start for w in find_words(line)]
    assert places == sorted(places)
    assert all(line.startswith(w.text, w.start) or '"' in line for w in find_words(line))
    with contextlib.suppress(LineError):
        text, redirect = split_redirect(line)
        assert line.startswith(text)
        assert line.endswith(redirect.target)


def test_marks_are_set_apart() -> None:
    lines = ["*task_struct", "<file", "* x", "a*b", "<", "<<x"]
    apart = ["* task_struct", "< file", "* x", "a*b", "<", "< <x"]
    assert [separate_mark(line) for line in lines] == apart


def test_clean_keeps_what_is_inside() -> None:
    assert clean(" \ta  b\t \n") == "a  b"


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("p 1 --json", "p 1"),
        ("p  --json  1", "p  1"),
        ("--json p", "--json p"),
        ("p --jsons x--json", "p --jsons x--json"),
        ('printf "a --json", 1', 'printf "a --json", 1'),
    ],
)
def test_a_word_is_taken_out(line: str, left: str) -> None:
    assert without_word(line, "--json") == left
