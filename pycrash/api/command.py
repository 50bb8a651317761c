"""What a command is: a declaration, the rows it finds, the lines they become."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from pycrash.api.args import WRONG, Args, Flag, UsageError, WrongOption, parse_args, usage_text
from pycrash.api.context import Context, View
from pycrash.api.operands.base import Offer, Place
from pycrash.api.rows import Notice, Row
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.kernel.tasks.table import Task


class Command(ABC):
    """One command of the shell. Subclasses declare themselves in class attributes.

    `name` is the word typed, `aliases` other words for it; `summary` the line under NAME on the
    help page; `synopsis` the text behind the name in usage and help; `flags` the option letters;
    `at_once` those that crash acts on as soon as it reads them, whatever stands behind;
    `checked` those whose argument it looks at then, as the flag's kind parses it;
    `operands` what may stand behind them, place by place; `rows` the kinds of rows it yields
    besides notices; `description` the paragraphs before the flags; `examples` pairs of (what it
    does, line), lines that the sample dump answers; `related` the commands to look at as well.
    `minimal` tells whether it works under --minimal; `takes_line` that its operands
    are a line of their own, in which an argument file or --json is not for this command.
    """

    name: ClassVar[str]
    aliases: ClassVar[Sequence[str]] = ()
    summary: ClassVar[str]
    synopsis: ClassVar[str]
    description: ClassVar[str] = ""
    flags: ClassVar[Sequence[Flag]] = ()
    at_once: ClassVar[str] = ""
    checked: ClassVar[str] = ""
    operands: ClassVar[Sequence[Place]] = ()
    rows: ClassVar[Sequence[type[Row]]] = ()
    examples: ClassVar[Sequence[tuple[str, str]]] = ()
    related: ClassVar[Sequence[str]] = ()
    minimal: ClassVar[bool] = False
    takes_line: ClassVar[bool] = False

    def parse(self, words: Sequence[str]) -> Args:
        """Split the words behind the command's name; override for other than getopt's rules."""
        return parse_args(self.name, self.flags, words, self.at_once)

    def complete(self, ctx: Context, words: Sequence[str]) -> Iterable[Offer] | None:
        """What could stand for the last of the words, which may be empty.

        What does not fit what is typed of it is left out by who asks. None leaves it to what
        flags and operands declare.
        """
        return None

    def line_in(self, words: Sequence[str]) -> int | None:
        """The number of the word that a line of its own begins with, the last of all at most.

        None where there is no such line.
        """
        return None

    def read(self, ctx: Context, before: Args, letter: str, value: str | None) -> Iterator[Row]:
        """What crash says or does as soon as it reads an option; `before` are those in front of it.

        Raises CrashError.
        """
        if letter in self.checked and value is not None:
            kind = next(flag.value for flag in self.flags if flag.letter == letter)
            assert kind is not None
            kind.parse(ctx, value)
        return iter(())

    def read_all(self, ctx: Context, args: Args) -> Iterator[Row]:
        """The same of all options of a line. Raises CrashError."""
        for place, (letter, value) in enumerate(args.given):
            yield from self.read(ctx, Args(args.given[:place]), letter, value)

    def refuse(self, ctx: Context, error: WrongOption) -> Iterator[Row]:
        """What crash says and does before it refuses a line. Raises CrashError, UsageError."""
        right: list[tuple[str, str | None]] = []
        wrong: list[str] = []
        for letter, value in error.given:
            if letter == WRONG:
                wrong.append(value or "")
                continue
            try:
                for row in self.read(ctx, Args(tuple(right)), letter, value):
                    yield from map(Notice, wrong)
                    wrong.clear()
                    yield row
            except CrashError:
                yield from map(Notice, wrong)
                raise
            right.append((letter, value))
        raise UsageError(usage_text(self.name, wrong))

    def drgn(self, ctx: Context, args: Args) -> Sequence[str]:
        """Lines of Python that read the same by drgn from `prog`: what --show-drgn prints.

        Those of the commands of pycrash are in `api/twins`. Raises CrashError where a line has
        none.
        """
        return ()

    @abstractmethod
    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        """Find the facts, lazily. Raises CrashError to stop, UsageError for a bad line."""

    @abstractmethod
    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        """Turn rows into lines, without their newlines."""


class TaskCommand(Command):
    """A command that foreach can run on one task after the other.

    `task_flags` are the letters that foreach hands on, each once, in the order they stand here;
    `task_values` those with an argument. A command with other rules overrides `task_words`.
    """

    task_flags: ClassVar[str] = ""
    task_values: ClassVar[str] = ""

    @abstractmethod
    def run_task(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        """The facts of one task. Raises CrashError, which ends this task alone."""

    def check_each(self, args: Args, operands: Sequence[str]) -> Iterator[Notice]:
        """What is to be said of foreach's flags and operands before any task.

        Raises CrashError with crash's refusal.
        """
        return iter(())

    def task_words(self, args: Args, operands: Sequence[str]) -> list[str]:
        """The words this command is called with, made of foreach's flags and operands."""
        words = [f"-{letter}" for letter in self.task_flags if letter in args]
        for letter in self.task_values:
            value = args.value(letter)
            words += [] if value is None else [f"-{letter}", value]
        return words

    def introduces(self, args: Args) -> bool:
        """Whether foreach shows each task's header before what this command shows of it."""
        return "R" not in args

    def in_order(self, ctx: Context, args: Args, tasks: Sequence[Task]) -> Sequence[Task]:
        """The tasks in the order in which they are shown. Raises CrashError."""
        return tasks
