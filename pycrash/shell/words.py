"""Splits a typed line: words, quotes, parentheses, and where a pipe or a file begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Redirect:
    """Where a line's output goes: `kind` and the shell command or file name behind it."""

    kind: Literal["none", "pipe", "write", "append", "shell"]
    target: str = ""
    mark: str = ""


def split_redirect(line: str) -> tuple[str, Redirect]:
    """Cut a line at the first `|`, `!`, `>` or `>>` outside quotes and parentheses.

    A line that begins with `|` or `!` is a shell command. `->` is no redirection.
    """
    depth = 0
    quote = ""
    for at, char in enumerate(line):
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        if char in "'\"" and quote in ("", char):
            quote = "" if quote else char
        if depth or quote:
            continue
        if char in "|!":
            target = line[at + 1 :].lstrip()
            return line[:at], Redirect("shell" if at == 0 else "pipe", target, char)
        if char == ">" and not (at and line[at - 1] == "-"):
            append = line[at + 1 : at + 2] == ">"
            target = line[at + 1 + append :].lstrip()
            return line[:at], Redirect("append" if append else "write", target, ">" * (1 + append))
    return line, Redirect("none")


def split_words(line: str) -> list[str]:
    """Words as crash cuts them: double quotes group, and so does a word that opens with `(`."""
    words: list[str] = []
    at, end = 0, len(line)
    while True:
        while at < end and line[at] in " \t":
            at += 1
        if at >= end:
            return words
        start = at
        if line[at] == '"':
            close = line.find('"', at + 1)
            close = end if close < 0 else close
            words.append(line[at + 1 : close])
            at = close + 1
            continue
        if line[at] == "(":
            at = _past_parentheses(line, at)
        while at < end and line[at] not in " \t":
            at += 1
        words.append(line[start:at])


def _past_parentheses(line: str, at: int) -> int:
    """The place behind the bracket that closes the one at `at`; the line's end if none does."""
    depth = 0
    for here in range(at, len(line)):
        depth += {"(": 1, ")": -1}.get(line[here], 0)
        if depth == 0:
            return here + 1
    return len(line)
