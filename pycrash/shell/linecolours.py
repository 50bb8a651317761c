"""The line coloured while it is typed: whether its command exists, its flags, numbers, pipes."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer

from pycrash.api import Command
from pycrash.errors import CrashError
from pycrash.shell.aliases import BUILT_IN
from pycrash.shell.datawords import words_as_data, words_for_gdb
from pycrash.shell.session import EXTERNAL, Session
from pycrash.shell.words import split_redirect

#: A line's words but for its first, quotes and blanks as they stand.
_PARTS = re.compile(r'\s+|"[^"]*"?|[^\s"]+')
_NUMBER = re.compile(r"(?:0x)?[0-9a-fA-F]*[0-9][0-9a-fA-F]*|[a-f]{8,16}")
#: The line before, or the one of a number.
_RECALL = re.compile(r"r[0-9]*")
_FLAG = re.compile(r"-[A-Za-z0-9]+")


class LineColours(Lexer):
    """Colours lines of a session.

    `usable` tells whether the kernel may be asked. Until then a word that is no command may still
    name something of it and has no colour; `later` has the line drawn once more.
    """

    def __init__(
        self, session: Session, usable: Callable[[], bool], later: Callable[[], object]
    ) -> None:
        self._session = session
        self._usable = usable
        self._later = later
        #: How often a word could not be looked up.
        self._undecided = 0
        #: Words that were looked up, and whether they name data or belong to gdb.
        self._data: dict[str, bool] = {}

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        lines = [self.coloured(line) for line in document.lines]
        return lambda number: lines[number] if number < len(lines) else []

    def invalidation_hash(self) -> Hashable:
        return self._undecided

    def coloured(self, line: str) -> StyleAndTextTuples:
        """The parts of a line with their styles."""
        # A mark may still lack what it leads to.
        text, redirect = split_redirect(f"{line}x")
        text = text[: len(line)]
        if redirect.kind == "shell":
            return [("class:line.pipe", line[:1]), ("class:line.program", line[1:])]
        first = re.match(r"\s*[*<]?\S*", text)
        assert first is not None
        end = first.end()
        found: StyleAndTextTuples = [(self._first(text[:end], end < len(line)), text[:end])]
        command = self._session.registry.find(text[:end].strip())
        for part in _PARTS.finditer(text, end):
            found.append((_style(part[0], command), part[0]))
        if len(text) < len(line):
            mark = re.match(r">>|.", line[len(text) :])
            assert mark is not None
            found.append(("class:line.pipe", mark[0]))
            found.append(("class:line.program", line[len(text) + len(mark[0]) :]))
        return found

    def _first(self, word: str, ended: bool) -> str:
        """The style of a first word; `ended` tells that something stands behind it."""
        word = word.strip()
        if not word or word.startswith(("#", "//")):
            return "class:line.comment" if word else ""
        name = word[1:] if word[0] == "\\" and word[1:] else word
        if self._is_known(name):
            return "class:line.command"
        if not ended and self._begins_one(name):
            return ""
        data = self._is_data(name)
        return "" if data is None else "class:line.data" if data else "class:line.unknown"

    def _aliases(self) -> dict[str, tuple[str, str]] | dict[str, str]:
        return self._session.aliases if self._usable() else BUILT_IN

    def _is_known(self, name: str) -> bool:
        if name[0] in "*<" or name in EXTERNAL or name in self._aliases():
            return True
        session = self._session
        recall = session.past.is_listing(name) or _RECALL.fullmatch(name)
        return bool(recall) or session.registry.find(name) is not None

    def _begins_one(self, name: str) -> bool:
        known = (*self._session.registry.words(), *EXTERNAL, *self._aliases())
        return any(each.startswith(name) for each in known)

    def _is_data(self, name: str) -> bool | None:
        """Whether an unknown word names data, or a command of gdb; None where nobody knows yet."""
        if name not in self._data:
            if not self._usable():
                self._undecided += 1
                self._later()
                return None
            try:
                words = words_as_data(self._session.kernel, [name]) or words_for_gdb([name])
                self._data[name] = bool(words)
            except CrashError:
                self._data[name] = True
        return self._data[name]


def _style(part: str, command: Command | None) -> str:
    if part.startswith('"'):
        return "class:line.string"
    if _FLAG.fullmatch(part):
        return "class:line.flag" if _has_flags(command, part[1:]) else "class:line.unknown"
    return "class:line.number" if _NUMBER.fullmatch(part) else ""


def _has_flags(command: Command | None, letters: str) -> bool:
    """Whether a command may have these flags: those with rules of their own may have any."""
    if command is None or command.takes_line or type(command).parse is not Command.parse:
        return True
    values = {flag.letter: flag.value is not None for flag in command.flags}
    for letter in letters:
        if letter not in values:
            return False
        if values[letter]:
            return True
    return True
