"""What an operand of a command can be: a kind that parses, completes and names itself."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self

    from pycrash.api.context import Context
    from pycrash.matching import Typed

_T = TypeVar("_T")


class Offer(NamedTuple):
    """A text that could stand in place of a word but for its first `kept` characters.

    `known_as` is another name that it is found by, as a pid by the name of its task.
    """

    text: str
    remark: str = ""
    kept: int = 0
    known_as: str = ""


class Operand(Generic[_T]):
    """One kind of operand, or of a flag's argument.

    `word` stands for it in help; `meaning` explains it. Every rule about what such an operand
    may look like is its own; commands hand it the word as it was typed.
    """

    #: Whether completion asks the kernel; it may not while the types are being indexed.
    needs_kernel: ClassVar[bool] = True

    def __init__(self, word: str, meaning: str) -> None:
        self.word = word
        self.meaning = meaning

    def named(self, word: str, meaning: str = "") -> Self:
        """The same kind under another word."""
        other = copy(self)
        other.word, other.meaning = word, meaning or self.meaning
        return other

    def parse(self, ctx: Context, text: str) -> _T:
        """What the word says. Raises CrashError with crash's message."""
        raise NotImplementedError

    def complete(self, ctx: Context, text: Typed) -> Iterable[Offer]:
        """What could stand for a word of which `text` is typed, best first.

        What does not fit that is left out by who asks: a kind of few names gives them all.
        """
        return ()


class Word(Operand[str]):
    """Any text."""

    needs_kernel = False

    def parse(self, ctx: Context, text: str) -> str:
        return text


class Choice(Operand[str]):
    """One of some words, each with its remark."""

    needs_kernel = False

    def __init__(self, word: str, meaning: str, choices: dict[str, str]) -> None:
        super().__init__(word, meaning)
        self.choices = choices

    def parse(self, ctx: Context, text: str) -> str:
        return text

    def complete(self, ctx: Context, text: Typed) -> Iterable[Offer]:
        return (Offer(choice, remark) for choice, remark in self.choices.items())


@dataclass(frozen=True)
class Place:
    """What may stand at one place behind a command: a word of any of these kinds.

    `many` tells that any number of such words may follow each other.
    """

    kinds: tuple[Operand[Any], ...]
    many: bool = False


def one(*kinds: Operand[Any]) -> Place:
    """A place for one word of any of these kinds."""
    return Place(kinds)


def many(*kinds: Operand[Any]) -> Place:
    """A place for any number of words of these kinds."""
    return Place(kinds, many=True)


def kinds_at(places: Iterable[Place], index: int) -> tuple[tuple[Operand[Any], ...], int]:
    """The kinds that the operand of a number may be of, counted from 0, and the number of the
    first operand at the same place; no kinds where it is one too many."""
    for at, place in enumerate(places):
        if at == index or place.many:
            return place.kinds, at
    return (), index
