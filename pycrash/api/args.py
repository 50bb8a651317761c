"""Options and operands of a command line, with the semantics of GNU getopt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pycrash.api.operands.base import Operand


class UsageError(Exception):
    """The arguments do not fit the command; the shell prints the command's usage.

    `str()` is what to print first, as getopt does, or empty.
    """


#: Options as typed: (letter, value), the value None for a letter without one.
Given = tuple[tuple[str, str | None], ...]

#: What stands for a letter that is none of the command's, as getopt returns it.
WRONG = "?"


class WrongOption(UsageError):
    """A command has no such option. `given` are all, a wrong one as WRONG with what to say."""

    def __init__(self, name: str, given: Given) -> None:
        self.name = name
        self.given = given
        super().__init__(name, given)

    def __str__(self) -> str:
        return usage_text(self.name, (text for letter, text in self.given if letter == WRONG))


def usage_text(name: str, said: Iterable[str | None]) -> str:
    """What getopt says, a line for each fault."""
    return "\n".join(f"{name}: {text}" for text in said)


@dataclass(frozen=True)
class Flag:
    """One option letter of a command.

    `value` is the kind of the flag's argument, None where it takes none; where it is `joined`,
    the argument may be left out, and otherwise follows the letter in the same word.
    `help` is its paragraph on the help page. `word` is what is typed where the letter alone means
    nothing: 16 of `rd -16`.
    """

    letter: str
    help: str
    value: Operand[Any] | None = None
    joined: bool = False
    word: str = ""

    @property
    def shown(self) -> str:
        """How it is typed, with the word for its argument."""
        if self.word or self.value is None:
            return f"-{self.word or self.letter}"
        return f"-{self.letter} {self.value.word}"


@dataclass(frozen=True)
class Args:
    """What was given: flags in order, and operands.

    `given` holds (letter, value) pairs as typed; value is None for a flag without one. `said` is
    what getopt said of wrong letters in front of one that the command acts on at once.
    """

    given: Given = ()
    operands: tuple[str, ...] = ()
    said: tuple[str, ...] = field(default=(), kw_only=True)
    _last: dict[str, str | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_last", dict(self.given))

    def __contains__(self, letter: str) -> bool:
        return letter in self._last

    def value(self, letter: str) -> str | None:
        """The argument of a flag, the last one given; None where the flag is absent."""
        return self._last.get(letter)

    def values(self, letter: str) -> list[str]:
        """Every argument given to a repeated flag, in order."""
        return [v for k, v in self.given if k == letter and v is not None]

    def count(self, letter: str) -> int:
        """How many times a flag was given."""
        return sum(k == letter for k, _ in self.given)


def parse_args(name: str, flags: Iterable[Flag], words: Sequence[str], at_once: str = "") -> Args:
    """Parse words as getopt does: options anywhere, `--` ends them, letters may be joined.

    What stands behind one of the letters `at_once` is not looked at, and what was wrong before it
    is only said. Raises WrongOption for unknown letters or missing arguments.
    """
    known = {f.letter: f for f in flags}
    given: list[tuple[str, str | None]] = []
    operands: list[str] = []
    wrong: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            operands.extend(rest)
        elif len(word) > 1 and word[0] == "-":
            for letter, value in _cluster(known, word[1:], rest):
                given.append((letter, value))
                if letter == WRONG:
                    wrong.append(value or "")
                if letter in at_once:
                    right = (pair for pair in given if pair[0] != WRONG)
                    return Args(tuple(right), said=tuple(wrong))
        else:
            operands.append(word)
    if wrong:
        raise WrongOption(name, tuple(given))
    return Args(tuple(given), tuple(operands))


def _cluster(
    known: dict[str, Flag], letters: str, rest: Iterator[str]
) -> Iterator[tuple[str, str | None]]:
    """The options of one word, WRONG with its reason for what is none."""
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = known.get(letter)
        if flag is None:
            yield WRONG, f"invalid option -- '{letter}'"
            continue
        if flag.value is None:
            yield letter, None
            continue
        value = letters or (None if flag.joined else next(rest, None))
        if flag.joined:
            yield letter, value
        elif value is None:
            yield WRONG, f"option requires an argument -- '{letter}'"
        else:
            yield letter, value
        return
