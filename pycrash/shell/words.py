"""Splits a typed line: words, quotes, parentheses, and where a pipe or a file begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

BLANKS = " \t"
#: What a line's words and its redirection are told by.
_BLANK = re.compile("[ \t]")
_BRACKETS = re.compile("[()]")
_MARKS = re.compile("[()'\"|!>]")

#: Characters of the longest line that is run: ten times what the longest list of pids has.
LONGEST = 1 << 20


class LineError(Exception):
    """A line whose output has nowhere to go; `str()` is the message.

    `ends_input` tells that an input file the line stands in is given up.
    """

    def __init__(self, text: str, ends_input: bool = True) -> None:
        super().__init__(text)
        self.ends_input = ends_input


@dataclass(frozen=True)
class Redirect:
    """Where a line's output goes: `kind` and the shell command or file name behind it.

    "shell" is no redirection: the whole line is a shell command, or a request for a shell
    where `target` is empty.
    """

    kind: Literal["none", "pipe", "write", "append", "shell"]
    target: str = ""


@dataclass(frozen=True)
class Word:
    """A word and where its text begins in the line."""

    text: str
    start: int


def clean(line: str) -> str:
    """The line without blanks around it and newlines behind it, up to a NUL, as C has it."""
    return line.partition("\0")[0].lstrip(BLANKS).rstrip("\n").rstrip(BLANKS)


def split_redirect(line: str) -> tuple[str, Redirect]:
    """Cut a line at the first `|`, `!`, `>` or `>>` outside quotes and parentheses.

    A line that begins with `|` or `!` is a shell command; `->` is no redirection.
    Raises LineError where nothing stands behind the mark.
    """
    if line in ("|", "!"):
        return "", Redirect("shell")
    at = mark_at(line)
    if at is None:
        return line, Redirect("none")
    char = line[at]
    if char in "|!":
        target = line[at + 1 :].lstrip(BLANKS)
        if not target:
            raise LineError(f"no shell command after '{char}'")
        if target.endswith("|"):
            raise LineError("pipe to nowhere?", ends_input=False)
        return line[:at], Redirect("shell" if at == 0 else "pipe", target)
    append = line.startswith(">", at + 1)
    target = line[at + 1 + append :].lstrip(BLANKS)
    if not target:
        raise LineError(f"no file name after {'>>' if append else '>'}")
    return line[:at], Redirect("append" if append else "write", target)


def mark_at(line: str) -> int | None:
    """Where the first `|`, `!` or `>` outside of quotes and parentheses stands, if one does."""
    depth = 0
    quote = ""
    for found in _MARKS.finditer(line):
        at, char = found.start(), found[0]
        if char in "()":
            depth += 1 if char == "(" else -1
        elif char in "'\"" and quote in ("", char):
            quote = "" if quote else char
        if depth or quote:
            continue
        if char in "|!" or (char == ">" and not (at and line[at - 1] == "-")):
            return at
    return None


def split_words(line: str) -> list[str]:
    """Words as crash cuts them: double quotes group, and so does a word that opens with `(`."""
    return [word.text for word in find_words(line)]


def find_words(line: str) -> Iterator[Word]:
    """The words of a line with their places.

    A quote groups only where a word begins, and closes it wherever it ends: `"a b"c` are two
    words. A group in parentheses goes on to the next blank: `(a b)c` is one.
    """
    at = len(line) - len(line.lstrip(BLANKS))
    end = len(line.rstrip(BLANKS + "\n"))
    first = True
    while at < end:
        start = at
        if line[at] == '"':
            close = line.find('"', at + 1, end)
            if close < 0:
                # What opens the line keeps a quote that is never closed.
                begin = at + (not first)
                yield Word(line[begin:end], begin)
                return
            yield Word(line[at + 1 : close], at + 1)
            at = close + 1
            if first and line[at : at + 1] != '"':
                # What is glued to the first word's closing quote is lost.
                at = _past_word(line, at, end)
                first = False
        else:
            if line[at] == "(" and not first:
                at = _past_parentheses(line, at, end)
            at = _past_word(line, at, end)
            yield Word(line[start:at], start)
            first = False
        while at < end and line[at] in BLANKS:
            at += 1


def without_word(line: str, text: str) -> str:
    """The line without one word, wherever it stands behind the first."""
    for word in reversed(list(find_words(line))[1:]):
        if word.text == text:
            line = line[: word.start].rstrip(BLANKS) + line[word.start + len(text) :]
    return line


def _past_word(line: str, at: int, end: int) -> int:
    found = _BLANK.search(line, at, end)
    return found.start() if found else end


def _past_parentheses(line: str, at: int, end: int) -> int:
    """The place behind the bracket that closes the one at `at`; the line's end if none does."""
    depth = 0
    for found in _BRACKETS.finditer(line, at, end):
        depth += 1 if found[0] == "(" else -1
        if depth == 0:
            return found.end()
    return end


def separate_mark(line: str) -> str:
    """Set a `*` or `<` apart from the word it is glued to at the line's beginning."""
    if line[:1] in ("*", "<") and line[1:2] and line[1] not in BLANKS:
        return f"{line[0]} {line[1:]}"
    return line
