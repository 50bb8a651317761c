"""Colours laid over finished lines. Taking them away gives the very line back."""

from __future__ import annotations

import os
import re

from pygments.console import codes
from pygments.lexer import RegexLexer, words
from pygments.token import Comment, Generic, Keyword, Name, Number, String, Text, _TokenType

#: Longer lines stay plain: they are data, not something to read.
LONGEST = 1000

_TYPES = (
    *("struct", "union", "enum", "const", "volatile", "unsigned", "signed", "void", "int"),
    *("long", "char", "short", "_Bool", "bool"),
)
_BAD_WORDS = ["BUG", "Oops", "Call Trace", "Kernel panic", "TASK_UNINTERRUPTIBLE", "TAINTED"]


class LineLexer(RegexLexer):
    """What stands in the lines of commands: labels, addresses, symbols, C types, bad news."""

    name = "pycrash output"
    flags = re.DOTALL
    tokens = {
        "root": [
            (r" +", Text),
            (r"[A-Z][A-Z0-9_/-]*(?: [A-Z]+)?(?=:)", Keyword),
            (r"0x[0-9a-fA-F]+\b|[0-9a-f]{8}(?:[0-9a-f]{8})?\b", Number.Hex),
            (r"#\d+(?= \[)", Generic.Strong),
            (r"\[exception RIP: [^\]]*\]", Generic.Error),
            (r"[A-Za-z_][\w.]*(?=\+(?:0x)?[0-9a-f]+\b)", Name.Function),
            (r"([A-Za-z_][\w.]*)(?= at [0-9a-f]+)", Name.Function),
            (words(_TYPES, suffix=r"\b"), Keyword.Type),
            (words(_BAD_WORDS, suffix=r"\b"), Generic.Error),
            (r"\((?:PANIC|unknown|excluded|no stack)\)", Generic.Error),
            (r'"(?:[^"\\]|\\.)*"', String),
            (r"/\*.*?\*/", Comment),
            (r"\w+", Text),
            (r".", Text),
        ]
    }


#: Colours of the terminal's own palette, which suit light and dark ground.
_COLOURS: dict[_TokenType, str] = {
    Keyword: "cyan",
    Keyword.Type: "cyan",
    Name.Function: "green",
    Number: "yellow",
    Number.Hex: "yellow",
    String: "magenta",
    Comment: "brightblack",
    Generic.Strong: "bold",
    Generic.Error: "red",
}
_MARKS = {token: (codes[colour], codes["reset"]) for token, colour in _COLOURS.items()}
_PLAIN = ("", "")
_LEXER = LineLexer()


def highlighted(line: str) -> str:
    """The line with its colours; one with escapes of its own, or a very long one, as it is."""
    if len(line) > LONGEST or "\033" in line:
        return line
    painted = []
    for _, token, text in _LEXER.get_tokens_unprocessed(line):
        before, after = _MARKS.get(token, _PLAIN)
        painted.append(f"{before}{text}{after}")
    return "".join(painted)


def wants_colour() -> bool:
    """Whether the user has colours: NO_COLOR is unset or empty."""
    return not os.environ.get("NO_COLOR")
