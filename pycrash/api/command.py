"""What a command is: a declaration, the rows it finds, the lines they become."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from pycrash.api.args import Args, Flag, parse_args
from pycrash.api.context import Context
from pycrash.api.rows import Row


class Command(ABC):
    """One command of the shell. Subclasses declare themselves in class attributes.

    `name` is the word typed; `summary` the line under NAME on the help page;
    `synopsis` the text behind the name in usage and help; `flags` the option letters;
    `description` the paragraphs before the flags; `examples` pairs of (what it does, line).
    `minimal` tells whether it works under --minimal; `takes_line` that its operands are a line
    of their own, in which an argument file is not for this command.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    synopsis: ClassVar[str]
    description: ClassVar[str] = ""
    flags: ClassVar[Sequence[Flag]] = ()
    examples: ClassVar[Sequence[tuple[str, str]]] = ()
    minimal: ClassVar[bool] = False
    takes_line: ClassVar[bool] = False

    def parse(self, words: Sequence[str]) -> Args:
        """Split the words behind the command's name; override for other than getopt's rules."""
        return parse_args(self.name, self.flags, words)

    def complete(self, ctx: Context, words: Sequence[str]) -> Iterable[tuple[str, str]] | None:
        """What could stand for the last of the words, which may be empty: (text, remark) pairs.

        None leaves it to the shell, which goes by what the synopsis names.
        """
        return None

    @abstractmethod
    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        """Find the facts, lazily. Raises CrashError to stop, UsageError for a bad line."""

    @abstractmethod
    def text(self, ctx: Context, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        """Turn rows into lines, without their newlines. Must not read kernel memory."""
