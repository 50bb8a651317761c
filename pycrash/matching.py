"""How names are like what was typed: what completes a word, and what may have been meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from time import thread_time
from typing import NamedTuple

#: Letters that may be wrong in a word of some length.
SLIPS = 2
#: More names than this that only have the letters are never given.
MOST_LOOSE = 100


class Slip(NamedTuple):
    """A word that means nothing, and what may have been meant."""

    word: str
    meant: list[str]


class Typed(str):
    """A word as far as it is typed, and how names must fit it.

    Names begin with it; where it is `loose`, its letters stand somewhere in the name in their
    order, small ones for capitals too. `before` is what stands in front of it in the line, from
    where the operands of its kind begin: an expression may have blanks in it.
    """

    loose: bool
    before: str

    def __new__(cls, text: str = "", loose: bool = False, before: str = "") -> Typed:
        made = super().__new__(cls, text)
        made.loose = loose
        made.before = before
        return made

    def part(self, text: str) -> Typed:
        """The same of a part of the word."""
        return Typed(text, self.loose)

    @cached_property
    def _is_name(self) -> bool:
        """Whether it has a letter: numbers are not guessed at."""
        return any(char.isalpha() for char in self)

    @cached_property
    def _small(self) -> str:
        return self.lower()

    @cached_property
    def _letters(self) -> re.Pattern[str]:
        return re.compile(letters(self._small))

    def fits(self, name: str) -> bool:
        """Whether a name fits."""
        if not self.loose:
            return name.startswith(self)
        return self._is_name and self._letters.match(name.lower()) is not None

    def best(self, names: Iterable[str]) -> list[str]:
        """Those names that fit, the best first; in their order where they begin with it."""
        fitting = filter(self.fits, names)
        return self.ranked(fitting) if self.loose else list(fitting)

    def ranked(self, fitting: Iterable[str]) -> list[str]:
        """The best of names that fit, the best first."""
        names = sorted(fitting, key=len)
        ways: tuple[list[str], list[str], list[str]] = ([], [], [])
        for name in names:
            at = name.lower().find(self._small)
            ways[2 if at < 0 else at > 0].append(name)
        return [*ways[0], *ways[1], *ways[2]][:MOST_LOOSE]

    def distance(self, name: str) -> tuple[int, int]:
        """How far a name that fits is from what is typed: the smaller, the better."""
        at = name.lower().find(self._small)
        return (min(at, 1) if at >= 0 else 2), len(name)


def letters(text: str, end: str = "") -> str:
    """A pattern of what has the characters of a text in their order, with anything between.

    `end` is the character that names do not go beyond.
    """
    return "".join(f"[^{re.escape(end + char)}]*{re.escape(char)}" for char in text)


def near(
    word: str, names: Iterable[str], exists: Callable[[str], bool] = bool, limit: float = 0.15
) -> list[str]:
    """The names that a word may be a slip for, the nearest ones alone, at most three.

    A slip is a letter too many, too few, another one, or two in the wrong order: one of them in a
    short word, two in a longer one. Of those that are near enough, the ones that `exists` denies
    are left out. The search ends after `limit` seconds of work with what it has.
    """
    if len(word) < 2:
        return []
    most = 1 if len(word) < 5 else SLIPS
    until = thread_time() + limit
    in_word = set(word)
    found: dict[str, int] = {}
    for name in names:
        if abs(len(name) - len(word)) > most or name == word or name in found:
            continue
        if len(in_word.symmetric_difference(name)) > 2 * most:
            continue
        slips = _slips(word, name)
        if slips <= most and exists(name):
            found[name] = most = slips
        if thread_time() > until:
            break
    return sorted(name for name, slips in found.items() if slips == most)[:3]


def _slips(a: str, b: str) -> int:
    """How many letters are to be added, left out, changed or swapped to make one of the other."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, right in enumerate(b, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]
