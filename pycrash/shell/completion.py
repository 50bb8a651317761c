"""What could stand where the cursor is: what is wanted there, and what exists of that."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from pycrash.api import Command
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


#: Words of a synopsis, or names of a flag's argument, to the kind of thing they mean.
KINDS = {
    "pid": "task",
    "task": "task",
    "taskp": "task",
    "tgid": "task",
    "symbol": "symbol",
    "expression": "symbol",
    "address": "symbol",
    "start": "symbol",
    "module": "module",
    "command": "command",
    "all": "command",
    "file": "file",
    "objfile": "file",
    "shared-object": "file",
    "namelist": "file",
    "dumpfile": "file",
    "directory": "file",
}


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
            yield from self._symbols(word)
            yield from self._types(word)

    def _types(self, word: Word) -> Iterator[Candidate]:
        """Types and members, as `struct` completes them."""
        command = self._session.registry.find("struct")
        if command is not None and self._usable():
            for text, remark in command.complete(self._session.context, [word.text]) or ():
                yield Candidate(text, word.start, remark)

    def _behind(self, command: Command, words: Sequence[str], last: Word) -> Iterator[Candidate]:
        """What could stand behind a command's name; the last word is being typed."""
        offered = command.complete(self._session.context, words) if self._usable() else None
        if offered is not None:
            for text, remark in offered:
                yield Candidate(text, last.start, remark)
            return
        if last.text.startswith("-"):
            for flag in command.flags:
                text = f"-{flag.letter}"
                if text.startswith(last.text):
                    remark = " ".join(flag.help.split())
                    yield Candidate(text, last.start, remark)
            return
        before = words[-2] if len(words) > 1 else ""
        for flag in command.flags:
            if before == f"-{flag.letter}" and flag.value:
                yield from self._of_kinds(_kinds(flag.value), last)
                return
        yield from self._of_kinds(_kinds(command.synopsis), last)

    def _of_kinds(self, kinds: Iterable[str], word: Word) -> Iterator[Candidate]:
        if "/" in word.text:
            yield from self._files(word.text, word.start)
            return
        for kind in kinds:
            if kind == "file":
                yield from self._files(word.text, word.start)
            elif kind == "command":
                yield from self._first_words(word)
            elif self._usable():
                yield from self._of_kernel(kind, word)

    def _of_kernel(self, kind: str, word: Word) -> Iterator[Candidate]:
        kernel = self._session.kernel
        if kind == "task":
            for task in kernel.tasks.all:
                pid = str(task.pid)
                if pid.startswith(word.text) or task.comm.startswith(word.text):
                    yield Candidate(pid, word.start, task.comm)
        elif kind == "module":
            for module in kernel.modules.all:
                if module.name.startswith(word.text):
                    yield Candidate(module.name, word.start, "module")
        elif kind == "symbol":
            yield from self._symbols(word)

    def _symbols(self, word: Word) -> Iterator[Candidate]:
        prefix = word.text.lstrip("&*(")
        if len(prefix) > 1 and self._usable():
            start = word.start + len(word.text) - len(prefix)
            for name in self._symbol_names:
                if name.startswith(prefix):
                    yield Candidate(name, start)

    @cached_property
    def _symbol_names(self) -> list[str]:
        return sorted({symbol.name for symbol in self._session.kernel.symbols.kernel()})

    def _files(self, text: str, start: int) -> Iterator[Candidate]:
        folder, slash, name = text.rpartition("/")
        try:
            entries = sorted(os.scandir(os.path.expanduser(folder + slash) or "."), key=_name)
        except OSError:
            return
        for entry in entries:
            if entry.name.startswith(name) and (name or not entry.name.startswith(".")):
                folder_mark = "/" if entry.is_dir() else ""
                yield Candidate(f"{folder}{slash}{entry.name}{folder_mark}", start, "file")


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _kinds(synopsis: str) -> list[str]:
    """The kinds that words of a synopsis name, each once, in order."""
    words = re.findall(r"[a-z-]+", synopsis)
    return list(dict.fromkeys(KINDS[word] for word in words if word in KINDS))
