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


@dataclass(frozen=True)
class Flag:
    """One option letter of a command.

    `value` is the kind of the flag's argument, None where it takes none; where it is `joined`,
    the argument may be left out, and otherwise follows the letter in the same word.
    `help` is its paragraph on the help page.
    """

    letter: str
    help: str
    value: Operand[Any] | None = None
    joined: bool = False


@dataclass(frozen=True)
class Args:
    """What was given: flags in order, and operands.

    `given` holds (letter, value) pairs as typed; value is None for a flag without one.
    """

    given: tuple[tuple[str, str | None], ...] = ()
    operands: tuple[str, ...] = ()
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

    What stands behind one of the letters `at_once` is not looked at. Raises UsageError with
    getopt's own line for each unknown letter or missing argument.
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
            for option in _cluster(known, word[1:], rest, wrong):
                given.append(option)
                if option[0] in at_once and not wrong:
                    return Args(tuple(given))
        else:
            operands.append(word)
    if wrong:
        raise UsageError("\n".join(f"{name}: {text}" for text in wrong))
    return Args(tuple(given), tuple(operands))


def _cluster(
    known: dict[str, Flag], letters: str, rest: Iterator[str], wrong: list[str]
) -> Iterator[tuple[str, str | None]]:
    """The options of one word; what is wrong with it is added to `wrong`."""
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = known.get(letter)
        if flag is None:
            wrong.append(f"invalid option -- '{letter}'")
            continue
        if flag.value is None:
            yield letter, None
            continue
        if flag.joined:
            yield letter, letters or None
            return
        value = letters or next(rest, None)
        if value is None:
            wrong.append(f"option requires an argument -- '{letter}'")
        yield letter, value
        return
