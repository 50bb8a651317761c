"""POSIX extended regular expressions, as regcomp() reads them, by Python's engine."""

from __future__ import annotations

import re

_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t\n\r\f\v",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}
# GNU's operators behind a backslash.
_BACKSLASH = {"<": r"\b(?=\w)", ">": r"\b(?<=\w)", "`": r"\A", "'": r"\Z"}


def compile_ere(pattern: str) -> re.Pattern[str]:
    """The pattern for `search`. Raises re.error where regcomp() would refuse it."""
    out: list[str] = []
    at, depth = 0, 0
    while at < len(pattern):
        char = pattern[at]
        if char == "[":
            text, at = _bracket(pattern, at)
            out.append(text)
            continue
        if char == "\\":
            at += 1
            if at == len(pattern):
                raise re.error("trailing backslash")
            char = pattern[at]
            out.append(_BACKSLASH.get(char) or _escaped(char))
        elif char in "*+?":
            end = at
            while end < len(pattern) and pattern[end] in "*+?":
                end += 1
            # Repetitions of repetitions: Python would read lazy or possessive ones.
            marks = set(pattern[at:end])
            out.append(char if marks == {char} else "*")
            at = end
            continue
        elif char == ")" and depth == 0:
            out.append(r"\)")
        elif char == "$":
            out.append(r"\Z")
        else:
            depth += {"(": 1, ")": -1}.get(char, 0)
            out.append(char)
        at += 1
    return re.compile("".join(out), re.DOTALL)


def _escaped(char: str) -> str:
    return "\\" + char if char in "wWsSbB123456789" else re.escape(char)


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """A bracket expression and the place behind it; a backslash in it means itself."""
    end = at + 1
    out = "["
    if pattern[end : end + 1] == "^":
        out, end = "[^", end + 1
    first = True
    while end < len(pattern):
        char = pattern[end]
        if char == "]" and not first:
            return out + "]", end + 1
        first = False
        if pattern.startswith("[:", end):
            close = pattern.find(":]", end)
            name = pattern[end + 2 : close]
            if close < 0 or name not in _CLASSES:
                raise re.error("invalid character class name")
            out, end = out + _CLASSES[name], close + 2
            continue
        out += "\\" + char if char in "\\[]^&~|" else char
        end += 1
    raise re.error("unmatched [")
