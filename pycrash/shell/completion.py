"""What could stand where the cursor is: what is wanted there, and what exists of that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pycrash.api import STRUCTURE, SYMBOL, Command, Offer, Operand
from pycrash.api.operands.base import kinds_at
from pycrash.api.operands.names import files
from pycrash.shell.session import EXTERNAL, Session
from pycrash.shell.words import Word, find_words

#: More than this many are never offered.
MOST = 500


@dataclass(frozen=True)
class Candidate:
    """A text that could stand at `start` characters into the line, and a remark about it."""

    text: str
    start: int
    remark: str = ""


#: A pipe, a redirection or a shell command, and the last word behind it.
_MARK = re.compile(r"(?:[|!]|(?<!-)>>?|^\s*<)(?:[^|!>]*\s)?([^\s|!>]*)$")


class Completion:
    """Completes lines of a session.

    `usable` tells whether the kernel may be asked now: it may not while its types are indexed.
    """

    def __init__(self, session: Session, usable: Callable[[], bool] = lambda: True) -> None:
        self._session = session
        self._usable = usable

    def candidates(self, line: str) -> list[Candidate]:
        """What could stand at the end of the line, in the order to offer it."""
        return list(islice(self._found(line), MOST))

    def _found(self, line: str) -> Iterator[Candidate]:
        mark = _MARK.search(line)
        if mark:
            yield from self._files(mark[1], mark.start(1))
            return
        words = list(find_words(line))
        if not words or line[-1:] in (" ", "\t"):
            words.append(Word("", len(line)))
        last = words[-1]
        if len(words) == 1:
            yield from self._first_words(last)
            return
        if last.text.startswith("<"):
            yield from self._files(last.text[1:], last.start + 1)
            return
        command = self._command(words[0].text)
        if command is None:
            yield from self._files(last.text, last.start)
        else:
            yield from self._behind(command, [word.text for word in words[1:]], last)

    def _command(self, word: str) -> Command | None:
        text, _ = self._session.aliases.get(word, (word, "")) if self._usable() else (word, "")
        return self._session.registry.find(text.partition(" ")[0])

    def _first_words(self, word: Word) -> Iterator[Candidate]:
        registry = self._session.registry
        found = False
        for name in registry.names():
            if name.startswith(word.text):
                found = True
                command = registry.find(name)
                yield Candidate(name, word.start, command.summary if command else "")
        for name, (text, _) in self._session.aliases.items() if self._usable() else ():
            if name.startswith(word.text):
                found = True
                yield Candidate(name, word.start, text)
        for name in EXTERNAL:
            if word.text and name.startswith(word.text):
                found = True
                yield Candidate(name, word.start, "program")
        if not found:
            yield from self._of_kinds((SYMBOL, STRUCTURE), word)

    def _behind(self, command: Command, words: Sequence[str], last: Word) -> Iterator[Candidate]:
        """What could stand behind a command's name; the last word is being typed."""
        offered = command.complete(self._session.context, words) if self._usable() else None
        if offered is not None:
            yield from _candidates(offered, last)
            return
        if last.text.startswith("-"):
            for flag in command.flags:
                text = f"-{flag.letter}"
                if text.startswith(last.text):
                    yield Candidate(text, last.start, " ".join(flag.help.split()))
            return
        yield from self._of_kinds(wanted_at(command, words[:-1]), last)

    def _of_kinds(self, kinds: Iterable[Operand[Any]], word: Word) -> Iterator[Candidate]:
        if "/" in word.text:
            yield from self._files(word.text, word.start)
            return
        for kind in kinds:
            if self._usable() or not kind.needs_kernel:
                yield from _candidates(kind.complete(self._session.context, word.text), word)

    def _files(self, text: str, start: int) -> Iterator[Candidate]:
        for offer in files(text):
            yield Candidate(offer.text, start, offer.remark)


def wanted_at(command: Command, before: Sequence[str]) -> tuple[Operand[Any], ...]:
    """The kinds of operands that may follow the words behind a command's name."""
    values = {f.letter: f.value for f in command.flags if f.value is not None and not f.joined}
    place, words = 0, iter(before)
    for word in words:
        if len(word) < 2 or word[0] != "-":
            place += 1
            continue
        letter = next((letter for letter in word[1:] if letter in values), "")
        if letter and word.endswith(letter) and next(words, None) is None:
            return (values[letter],)
    return kinds_at(command.operands, place)


def _candidates(offers: Iterable[Offer], word: Word) -> Iterator[Candidate]:
    for text, remark, kept in offers:
        yield Candidate(text, word.start + kept, remark)
