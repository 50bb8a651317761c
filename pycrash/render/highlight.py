"""Colours laid over finished lines. Taking them away gives the very line back.

They tell what something means to who reads a dump: the frame of the exception, whose registers
these are, a task that is stuck, what could not be read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

from pygments.console import codes
from pygments.lexer import LexerContext, RegexLexer, default, words
from pygments.token import Comment, Generic, Keyword, Name, Number, String, Text, Token, _TokenType

#: Longer lines stay plain: they are data, not something to read.
LONGEST = 1000

_TYPES = (
    *("struct", "union", "enum", "const", "volatile", "unsigned", "signed", "void", "int"),
    *("long", "char", "short", "_Bool", "bool"),
)
_BAD_WORDS = ["BUG", "Oops", "Call Trace", "Kernel panic", "TASK_UNINTERRUPTIBLE", "TAINTED"]
_MISSING = (
    r"<(?:excluded|unreadable|swapped)>"
    r"|\((?:excluded|unreadable|unknown|no stack|not accessible|not in the dump)\)"
    r"|\b(?:page excluded|(?:seek|read) error)\b"
)
#: Words of the log that tell of something bad, and of something that may be.
_LOG_ERROR = re.compile(
    r"\b(?:BUG|Oops|Call Trace|Internal error|general protection fault|Unable to handle"
    r"|Kernel panic|soft lockup|hard LOCKUP|blocked for more than|Out of memory)\b"
)
_LOG_WARNING = re.compile(r"\bWARNING:")

#: What something is to the reader.
_EXCEPTION, _CULPRIT, _USER = Token.Exception, Token.Exception.Function, Token.Register.User
_MODULE, _LACK, _BAD, _DOUBT = Token.Module, Token.Missing, Token.Bad, Token.Doubtful
_STATES = {state: getattr(Token.State, state) for state in ("RU", "ID", "UN", "ZO")}

_Found = Iterator[tuple[int, _TokenType, str]]


def _groups(*tokens: _TokenType) -> Callable[..., _Found]:
    """Gives each group of a pattern its meaning."""

    def found(lexer: RegexLexer, match: re.Match[str], ctx: LexerContext | None = None) -> _Found:
        for number, token in enumerate(tokens, 1):
            yield match.start(number), token, match[number]

    return found


def _state(lexer: RegexLexer, match: re.Match[str], ctx: LexerContext | None = None) -> _Found:
    """A task's state, after what stands before it."""
    before, state = match.groups()
    yield match.start(), Number.Hex if before[:1].isalnum() else Text, before
    yield match.start(2), _STATES.get(state, Text), state


def _message(lexer: RegexLexer, match: re.Match[str], ctx: LexerContext | None = None) -> _Found:
    """A line of the log: by its level if that is told, else by its words."""
    stamp, level, text = match.groups()
    yield match.start(), Comment, stamp
    if level:
        yield match.start(2), Comment, level
    weight = int(level[1:-1]) & 7 if level else 6
    if weight <= 3 or _LOG_ERROR.search(text):
        yield match.start(3), _BAD, text
    elif weight == 4 or _LOG_WARNING.search(text):
        yield match.start(3), _DOUBT, text
    else:
        for at, token, part in lexer.get_tokens_unprocessed(text, ("common",)):
            yield match.start(3) + at, token, part


class LineLexer(RegexLexer):
    """What stands in the lines of commands."""

    name = "pycrash output"
    flags = re.DOTALL
    tokens = {
        "root": [
            (r"(\[[^\]]*\] +\[)([A-Z]{2})(?=\] +PID: )", _state),
            (r"(\[[^\]]*\d[.:]\d[^\]]*\] )(<\d+>)?(.*)", _message),
            (r"()(<\d+>)(.*)", _message),
            (r"( *)(#\d+)(?= \[)", _groups(Text, Generic.Strong)),
            (
                r"( +)(\[exception (?:RIP|PC): )([^\]+]*)([^\]]*\])",
                _groups(Text, _EXCEPTION, _CULPRIT, _EXCEPTION),
            ),
            (r"( *)([A-Z]{2})(?=: \d+$)", _state),
            default("common"),
        ],
        "common": [
            (r" +", Text),
            (r"([0-9a-f]{8,16} +)([A-Z]{2})(?= )", _state),
            (r"(\([A-Za-z?]\) )(\S+)( )(\[[\w-]+\])", _groups(Text, Name.Function, Text, _MODULE)),
            (r"(at )([0-9a-f]{8,16} )(\[[\w-]+\])", _groups(Text, Number.Hex, _MODULE)),
            (
                r"([A-Za-z_][\w.]*)(\+(?:0x)?[0-9a-f]+(?:/0x[0-9a-f]+)?)( )(\[[\w-]+\])",
                _groups(Name.Function, Text, Text, _MODULE),
            ),
            (r"(MODULE [A-Z]+ (?:START|END): )(\w+)", _groups(Text, _MODULE)),
            (r"[A-Z][A-Z0-9_/-]*(?: [A-Z]+)?(?=:)", Keyword),
            (r"0x[0-9a-fA-F]+\b|[0-9a-f]{8}(?:[0-9a-f]{8})?\b", Number.Hex),
            (r"[A-Za-z_][\w.]*(?=\+(?:0x)?[0-9a-f]+\b)", Name.Function),
            (r"[A-Za-z_][\w.]*(?= at [0-9a-f]+)", Name.Function),
            (_MISSING, _LACK),
            (words(_TYPES, suffix=r"\b"), Keyword.Type),
            (words(_BAD_WORDS, suffix=r"\b"), _BAD),
            (r"\(PANIC\)", _BAD),
            (r'"(?:[^"\\]|\\.)*"', String),
            (r"/\*.*?\*/", Comment),
            (r"\w+", Text),
            (r".", Text),
        ],
    }


#: Colours of the terminal's own palette, which suit light and dark ground.
_COLOURS: dict[_TokenType, str] = {
    Keyword: "cyan",
    Keyword.Type: "cyan",
    Name.Function: "green",
    Number.Hex: "yellow",
    String: "magenta",
    Comment: "brightblack",
    Generic.Strong: "bold",
    _USER: "magenta",
    _MODULE: "brightblue",
    _LACK: "brightmagenta",
    _EXCEPTION: "red",
    _CULPRIT: "brightred",
    _BAD: "red",
    _DOUBT: "yellow",
    _STATES["RU"]: "green",
    _STATES["ID"]: "brightblack",
    _STATES["UN"]: "red",
    _STATES["ZO"]: "brightmagenta",
}
_MARKS = {token: (codes[colour], codes["reset"]) for token, colour in _COLOURS.items()}
_PLAIN = ("", "")
_LEXER = LineLexer()

#: A line of registers in bt, and the one that opens those of an exception or a system call.
_REGISTERS = re.compile(r" {4,}(?:[A-Z][A-Z0-9_]*: [0-9a-f]{1,16} *)+(?:\[.*\])?")
_PLACE = re.compile(r" +(?:RIP|PC): ([0-9a-f]+)")


def highlighted(line: str) -> str:
    """The line with its colours; one with escapes of its own, or a very long one, as it is."""
    return Painter()(line)


class Painter:
    """Colours lines that follow one another: whose registers a line has, the ones before say."""

    def __init__(self) -> None:
        self._user = False

    def __call__(self, line: str) -> str:
        if len(line) > LONGEST or "\033" in line:
            return line
        if self._of_user(line):
            return _painted(line, _USER)
        found = _LEXER.get_tokens_unprocessed(line)
        return "".join(_painted(text, token) for _, token, text in found)

    def _of_user(self, line: str) -> bool:
        """Whether the line has registers as they were in user space."""
        if not _REGISTERS.fullmatch(line):
            self._user = False
            return False
        place = _PLACE.match(line)
        if place:
            # Every kernel lies in the upper half of what its addresses can be.
            self._user = len(place[1]) == 16 and int(place[1], 16) < 1 << 63
        return self._user


def _painted(text: str, token: _TokenType) -> str:
    before, after = _MARKS.get(token, _PLAIN)
    return f"{before}{text}{after}"


def alarming(text: str) -> str:
    """An error's message, in the colour of errors, each of its lines by itself."""
    return _each_line(text, _BAD)


def cautious(text: str) -> str:
    """The same of a warning or a note."""
    return _each_line(text, _DOUBT)


def _each_line(text: str, token: _TokenType) -> str:
    return "".join(
        _painted(line.rstrip("\n"), token) + "\n" * line.endswith("\n") if line.strip() else line
        for line in text.splitlines(keepends=True)
    )


def wants_colour() -> bool:
    """Whether the user has colours: NO_COLOR is unset or empty."""
    return not os.environ.get("NO_COLOR")
