"""What search finds, as rows."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.api.fields import Address, Bits
from pycrash.api.header import task_header
from pycrash.api.memoryrows import CODES
from pycrash.api.rows import Bundle, Row, quick
from pycrash.errors import ReadError
from pycrash.kernel.core.space import Space
from pycrash.kernel.mm.search import Match, NumberSearch, TextSearch

if TYPE_CHECKING:
    from pycrash.kernel.core.reader import Reader
    from pycrash.kernel.mm.spaces import Piece
    from pycrash.kernel.tasks.table import Task

#: Behind the last address there is.
_NO_END = 1 << 64
_SHOWN = bytes(byte if 0x20 <= byte < 0x7F else ord(".") for byte in range(256))

Words = tuple[tuple[Address, Bits], ...]


@quick
@dataclass(frozen=True)
class MatchRow(Row, kind="search.match"):
    """A value that was found. `expression` is the symbol or expression that it is the value of,
    if it was given as one; `before` and `after` are the values around it, as -x asks for them."""

    address: Address
    value: Bits
    expression: str
    before: Words = ()
    after: Words = ()


@dataclass(frozen=True)
class MatchList(Bundle):
    """Values that were found, many at a time, and the expressions of what was looked for."""

    matches: Sequence[Match]
    expressions: Sequence[str]

    def rows(self) -> Iterator[Row]:
        return (MatchRow(a, value, self.expressions[which]) for a, value, which in self.matches)


@dataclass(frozen=True)
class TextRow(Row, kind="search.text"):
    """A text that was found, with what stands behind it, dots for what cannot be printed."""

    address: Address
    text: str


class Numbers:
    """Values of `size` bytes that are looked for, with the expressions they were given as.

    `context` values before and behind each are read from the space. Bits of `mask` do not matter.
    """

    def __init__(
        self,
        kernel: Reader,
        size: int,
        values: Sequence[int],
        expressions: Sequence[str],
        mask: int = 0,
        context: int = 0,
        space: Space | None = None,
    ) -> None:
        self._search = NumberSearch(kernel, size, values, mask)
        self._expressions = expressions
        self._size = size
        self._code = kernel.byte_order + CODES[size]
        self._context = context
        self._space = space

    def find(self, pieces: Iterable[Piece], start: int, end: int) -> Iterator[Row]:
        """Those at addresses from `start` up to `end`."""
        for found in self._search.find(pieces, start, end):
            if self._context:
                yield from map(self._row, found)
            else:
                yield MatchList(found, self._expressions)

    def _row(self, match: Match) -> MatchRow:
        before = self._words(match.address - self._context * self._size)
        after = self._words(match.address + self._size)
        return MatchRow(match.address, match.value, self._expressions[match.which], before, after)

    def _words(self, address: int) -> Words:
        """The values from an address on that can be read, each with its address."""
        size, found = self._size, list[tuple[int, int]]()
        assert self._space is not None
        for at in range(address, address + self._context * size, size):
            try:
                (value,) = struct.unpack(self._code, self._space.read(at, size, "search context"))
            except ReadError:
                continue
            found.append((at, value))
        return tuple(found)


class Texts:
    """Texts that are looked for."""

    def __init__(self, kernel: Reader, texts: Sequence[str]) -> None:
        coded = [text.encode("utf-8", "surrogateescape") for text in texts]
        self._search = TextSearch(kernel, coded)

    def find(self, pieces: Iterable[Piece], start: int, end: int) -> Iterator[Row]:
        """Those at addresses from `start` up to `end`."""
        for found in self._search.find(pieces, start, end):
            for match in found:
                yield TextRow(match.address, match.data.translate(_SHOWN).decode("ascii"))


def on_stacks(
    wanted: Numbers | Texts, tasks: Iterable[Task], pieces: Iterable[Piece], size: int
) -> Iterator[Row]:
    """What is found on the stacks of tasks, of `size` bytes each, behind a header of each task."""
    owners = iter(tasks)
    owner: Task | None = None
    for row in wanted.find(pieces, 0, _NO_END):
        for match in row.rows() if isinstance(row, Bundle) else [row]:
            assert isinstance(match, (MatchRow, TextRow))
            before = owner
            while owner is None or not 0 <= match.address - owner.stack < size:
                owner = next(owners)
            if owner is not before:
                yield task_header(owner)
            yield match
