"""Lines of any characters: they are cut into words, or refused with a message, and that quickly."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from pycrash.errors import CrashError
from pycrash.shell import aliases
from pycrash.shell.history import History, InvalidRecall
from pycrash.shell.words import (
    LineError,
    clean,
    find_words,
    separate_mark,
    split_redirect,
    split_words,
    without_word,
)

SEVERAL = settings(deadline=None, derandomize=True)
PIECES = st.sampled_from(
    [
        *("ps", "p", "struct", "*", "<", ">", ">>", "|", "!", "->", "(", ")", '"', "'", "\\", "\t"),
        *(
            " ",
            "  ",
            "--json",
            "r",
            "r 1",
            "!!",
            "history",
            "last",
            "\0",
            "\x1b",
            "é",
            "\udcff",
            "²",
        ),
    ]
)
LINES = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map("".join))
PLAIN = st.text("abcxyz019_-+.,:/=", min_size=1, max_size=8)


@SEVERAL
@given(LINES)
def test_a_line_is_cut_or_refused(line: str) -> None:
    line = separate_mark(clean(line))
    try:
        text, redirect = split_redirect(line)
    except LineError:
        return
    assert line.startswith(text)
    assert redirect.kind in ("none", "shell") or redirect.target
    words = [*find_words(text)]
    assert [word.text for word in words] == split_words(text)
    for word in words:
        assert text[word.start : word.start + len(word.text)] == word.text
    assert "--json" not in [*split_words(without_word(text, "--json"))][1:] or '"' in text
    aliases.expand(line, aliases.built_in())


@SEVERAL
@given(st.lists(PLAIN, min_size=1, max_size=8), st.sampled_from([" ", "\t", "  \t "]))
def test_plain_words_come_back_as_they_were(words: list[str], gap: str) -> None:
    line = clean(f" {gap.join(words)}{gap}\n")
    assert split_words(line) == words
    redirect = split_redirect(f"{line} > {words[0]}")[1]
    assert (redirect.kind, redirect.target) == ("write", words[0])


@SEVERAL
@given(st.lists(PLAIN, max_size=6), LINES)
def test_any_line_may_ask_for_one_before(past: list[str], line: str) -> None:
    history = History()
    for one in past:
        history.add(one)
    try:
        again = history.recall(line)
    except (CrashError, InvalidRecall):
        return
    assert again is None or again in past


def test_a_long_line_takes_no_longer_than_its_length() -> None:
    for line in ("(" * 200_000, '"' * 200_000, "a " * 100_000, "p " + "-" * 200_000 + "> x"):
        began = time.process_time()
        text, _ = split_redirect(line)
        split_words(text)
        aliases.expand(line, aliases.built_in())
        assert time.process_time() - began < 2
