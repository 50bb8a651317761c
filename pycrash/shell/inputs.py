"""Lines that come from files: input files, and files of arguments for one command."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pycrash.errors import CrashError
from pycrash.shell.words import clean, split_words

# What ends a file's name inside an expression in parentheses.
_NAME_IN_EXPRESSION = re.compile(r"<(?!<)\s*([^\s*?!|'\"{}<>;,^()$~]+)")


def open_input(words: Sequence[str]) -> Iterator[str]:
    """The lines of `< FILE` with their newlines. Raises CrashError where it is no input file."""
    if len(words) < 2:
        raise CrashError("no input file entered!")
    path = words[1]
    try:
        with open(path, "rb") as file:
            start = file.read(4)
            executable = os.fstat(file.fileno()).st_mode & (stat.S_IXUSR | stat.S_IXGRP)
    except IsADirectoryError:
        return iter(())
    except OSError as error:
        raise CrashError(f"{path}: {error.strerror}") from error
    if start == b"\x7fELF":
        raise CrashError("input from executable files not supported yet!")
    if start.startswith(b"#!") and executable:
        raise CrashError("input from shell scripts not supported yet!")
    return _lines(path)


def _lines(path: str) -> Iterator[str]:
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        for line in file:
            if not line.startswith("#") and line != "\n":
                yield line


@dataclass(frozen=True)
class ArgumentFile:
    """A command's words, one of which is to be replaced by each line of a file.

    Where `within` is None the words from `index` to `index + used` are replaced; otherwise that
    part of the one word.
    """

    path: str
    index: int
    used: int
    within: tuple[int, int] | None = None

    def calls(self, words: Sequence[str]) -> Iterator[list[str]]:
        """The words of each call: one a line of the file, but for empty lines and comments."""
        with open(self.path, encoding="utf-8", errors="surrogateescape") as file:
            for raw in file:
                line = clean(raw)
                if not line or line.startswith("#"):
                    continue
                behind = words[self.index + self.used :]
                yield [*words[: self.index], *self._replacement(words[self.index], line), *behind]

    def _replacement(self, word: str, line: str) -> list[str]:
        if self.within is None:
            return split_words(line)
        start, end = self.within
        return [word[:start] + line + word[end:]]


def find_argument_file(words: Sequence[str]) -> ArgumentFile | None:
    """The file of arguments that a command's words name with `<`, if there is one.

    A name that is no readable file leaves the words as they are. Raises CrashError for two.
    """
    found: list[ArgumentFile] = []
    for index, word in enumerate(words):
        if word.startswith("<") and not word.startswith("<<"):
            if word == "<" and index + 1 == len(words):
                raise CrashError("< requires a file argument")
            path, used = (word[1:], 1) if len(word) > 1 else (words[index + 1], 2)
            if _has_lines(path):
                found.append(ArgumentFile(path, index, used))
        elif word.startswith("("):
            found.extend(
                ArgumentFile(match[1], index, 1, match.span())
                for match in _NAME_IN_EXPRESSION.finditer(word)
                if word[match.start() - 1] != "<" and _has_lines(match[1])
            )
    if len(found) > 1:
        raise CrashError("multiple input files are not supported")
    return found[0] if found else None


def _has_lines(path: str) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size > 0 and os.access(path, os.R_OK)


def start_files(home: str | None) -> tuple[list[Path], list[Path]]:
    """The .crashrc files to run, home's first, and those that somebody else could have written."""
    places = [Path(home, ".crashrc")] if home else []
    here = Path(".crashrc")
    if here.exists() and not (places and places[0].exists() and here.samefile(places[0])):
        places.append(here)
    there = [path for path in places if path.exists()]
    trusted = [path for path in there if _is_trusted(path)]
    return trusted, [path for path in there if path not in trusted]


def _is_trusted(path: Path) -> bool:
    status = path.stat()
    mine = stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid()
    return mine and not status.st_mode & stat.S_IWOTH
