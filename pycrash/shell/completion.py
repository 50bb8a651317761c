"""What could stand where the cursor is: what is wanted there, and what exists of that."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from pycrash.api import STRUCTURE, SYMBOL, Command, Offer, Operand
from pycrash.api.operands.base import kinds_at
from pycrash.api.operands.names import files
from pycrash.cexpr.gdb.words import ABOUT, is_gdb_command
from pycrash.errors import CrashError
from pycrash.matching import Typed
from pycrash.shell.datawords import words_as_data
from pycrash.shell.session import EXTERNAL, Session
from pycrash.shell.words import Word, find_words, mark_at, separate_mark

#: More than this many are never offered.
MOST = 500


@dataclass(frozen=True)
class Candidate:
    """A text that could stand at `start` characters into the line, and a remark about it."""

    text: str
    start: int
    remark: str = ""


class NotYet(Exception):
    """What could stand there only the kernel tells, which may not be asked now."""


#: The last word of a shell's line, and what stands before it.
_SHELL_WORD = re.compile(r"(.*?)([^\s|;&()<>!]*)$", re.DOTALL)
#: Words of a line that were not typed there, but stand for one that was.
NOWHERE = -1


class Completion:
    """Completes lines of a session.

    `usable` tells whether the kernel may be asked now: it may not while its types are indexed.
    """

    def __init__(self, session: Session, usable: Callable[[], bool] = lambda: True) -> None:
        self._session = session
        self._usable = usable

    def candidates(self, line: str) -> list[Candidate]:
        """What could stand at the end of the line, in the order to offer it.

        What begins as it is typed; where nothing does, what has these letters in their order.
        Raises NotYet.
        """
        for loose in (False, True):
            search = _Search(self._session, self._usable, loose)
            found: dict[tuple[str, int], Candidate] = {}
            for candidate in islice(search.of(line), MOST):
                found.setdefault((candidate.text, candidate.start), candidate)
            if found:
                return list(found.values())
        return []


class _Search:
    """One search for what could stand at the end of a line."""

    def __init__(self, session: Session, usable: Callable[[], bool], loose: bool) -> None:
        self._session = session
        self._usable = usable
        self._loose = loose

    def of(self, line: str) -> Iterator[Candidate]:
        """What could stand at the end of a line."""
        mark = mark_at(line)
        if mark is not None:
            yield from self._behind_mark(line, mark)
            return
        words = _words_of(line)
        last = words[-1]
        if len(words) == 1:
            yield from self._first_words(last)
        elif last.text.startswith("<") or words[-2].text == "<":
            skipped = last.text.startswith("<")
            yield from self._files(Word(last.text[skipped:], last.start + skipped))
        else:
            command, words = command_of(self._session, words, self._require_kernel)
            if command is None:
                yield from self._files(last)
            else:
                yield from self._behind(command, line, words)

    def _behind_mark(self, line: str, mark: int) -> Iterator[Candidate]:
        """A program or a file, behind a pipe, a redirection or the mark of a shell command."""
        match = _SHELL_WORD.match(line, mark + 1)
        assert match is not None
        word = Word(match[2], match.start(2))
        first = line[mark] != ">" and match[1].rstrip()[-1:] in ("", "|", ";", "&", "(", "!")
        if first and "/" not in word.text:
            yield from self._fitting(
                (Offer(name, "program") for name in programs(os.environ.get("PATH", os.defpath))),
                word,
            )
        else:
            yield from self._files(word)

    def _require_kernel(self) -> None:
        if not self._usable():
            raise NotYet

    def _first_words(self, word: Word) -> Iterator[Candidate]:
        session = self._session
        offers = [Offer(name, _summary(session, name)) for name in session.registry.names()]
        offers += [Offer(name, text) for name, (text, _) in session.known_aliases.items()]
        if word.text:
            offers += [Offer(name, f"gdb: {remark}") for name, remark in ABOUT.items()]
            offers += [Offer(name, "program") for name in EXTERNAL]
        found = False
        for candidate in self._fitting(offers, word):
            found = True
            yield candidate
        if not found:
            yield from self._of_kinds((SYMBOL, STRUCTURE), Typed(word.text, self._loose), word)

    def _behind(self, command: Command, line: str, words: list[Word]) -> Iterator[Candidate]:
        """What could stand behind a command's name; the last word is being typed."""
        last = words[-1]
        texts = [word.text for word in words]
        begin = command.line_in(texts)
        if begin is not None:
            start = words[begin].start
            for found in self.of(line[start:]):
                yield Candidate(found.text, found.start + start, found.remark)
            return
        if type(command).complete is not Command.complete:
            self._require_kernel()
            offered = command.complete(self._session.context, texts)
            if offered is not None:
                yield from self._fitting(offered, last)
                return
        if last.text.startswith("-") and not last.text.startswith("->"):
            yield from self._fitting(_flags(command), last)
            return
        kinds, first = wanted_at(command, texts[:-1])
        place = next((w.start for w in words[first:] if w.start != NOWHERE), last.start)
        before = line[place : last.start]
        yield from self._of_kinds(kinds, Typed(last.text, self._loose, before), last)

    def _of_kinds(
        self, kinds: Iterable[Operand[Any]], typed: Typed, word: Word
    ) -> Iterator[Candidate]:
        kinds = list(kinds)
        if any(kind.needs_kernel for kind in kinds):
            self._require_kernel()
        for kind in kinds:
            yield from self._fitting(kind.complete(self._session.context, typed), word)

    def _files(self, word: Word) -> Iterator[Candidate]:
        yield from self._fitting(files(word.text), word)

    def _fitting(self, offers: Iterable[Offer], word: Word) -> Iterator[Candidate]:
        """Those offers that fit a word, as candidates; the best first where they are loose."""
        found: list[tuple[tuple[int, int], Candidate]] = []
        parts: dict[int, Typed] = {}
        for text, remark, kept, known_as in offers:
            if kept not in parts:
                parts[kept] = Typed(word.text[kept:], self._loose)
            typed = parts[kept]
            name = next((name for name in (text, known_as) if name and typed.fits(name)), None)
            if name is None:
                continue
            candidate = Candidate(text, word.start + kept, first_sentence(remark))
            if not self._loose:
                yield candidate
            else:
                found.append((typed.distance(name), candidate))
        yield from (candidate for _, candidate in sorted(found, key=lambda pair: pair[0]))


def command_of(
    session: Session, words: list[Word], require_kernel: Callable[[], None] = lambda: None
) -> tuple[Command | None, list[Word]]:
    """The command of a line's words, and the words behind it: also those that an alias stands for,
    and those of the command that shows what an unknown word names.
    """
    registry = session.registry
    typed = words[0].text
    name, *given = session.known_aliases.get(typed, (typed, ""))[0].split() or [typed]
    command = registry.find(name)
    if command is not None:
        return command, [Word(text, NOWHERE) for text in given] + words[1:]
    if name in EXTERNAL:
        return None, words
    if is_gdb_command(name):
        return registry.find("gdb"), words
    require_kernel()
    try:
        meant = words_as_data(session.kernel, [name, *(word.text for word in words[1:])])
    except CrashError:
        return None, words
    place = {word.text: word for word in words}
    shown = [place.get(text, Word(text, NOWHERE)) for text in meant[1:]]
    return (registry.find(meant[0]) if meant else None), shown


def wanted_at(command: Command, before: Sequence[str]) -> tuple[tuple[Operand[Any], ...], int]:
    """The kinds of operands that may follow the words behind a command's name, and the number of
    the first word that is of these."""
    values = {f.letter: f.value for f in command.flags if f.value is not None and not f.joined}
    places: list[int] = []
    words = iter(enumerate(before))
    for at, word in words:
        if len(word) < 2 or word[0] != "-":
            places.append(at)
            continue
        letter = next((letter for letter in word[1:] if letter in values), "")
        if letter and word.endswith(letter) and next(words, None) is None:
            return (values[letter],), len(before)
    kinds, since = kinds_at(command.operands, len(places))
    return kinds, places[since] if since < len(places) else len(before)


def _words_of(line: str) -> list[Word]:
    """The words of a line that ends in the one being typed, which may be empty."""
    parted = separate_mark(line)
    shift = len(parted) - len(line)
    words = [Word(w.text, max(w.start - shift, 0)) for w in find_words(parted)]
    if not words or line[-1:] in (" ", "\t"):
        words.append(Word("", len(line)))
    return words


def _summary(session: Session, name: str) -> str:
    command = session.registry.find(name)
    return command.summary if command else ""


def _flags(command: Command) -> Iterator[Offer]:
    for flag in command.flags:
        yield Offer(f"-{flag.word or flag.letter}", flag.help)


def first_sentence(text: str) -> str:
    """What a paragraph says first."""
    return re.split(r"(?<=[^.])\.(?= )", " ".join(text.split()))[0].rstrip(".")


@lru_cache(maxsize=1)
def programs(path: str) -> tuple[str, ...]:
    """The names of the programs in the folders of a $PATH, sorted."""
    names: set[str] = set()
    for folder in path.split(os.pathsep):
        try:
            names.update(e.name for e in os.scandir(folder or ".") if os.access(e.path, os.X_OK))
        except OSError:
            continue
    return tuple(sorted(names))
