"""Values and texts in memory, looked for in many pages at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pycrash.kernel.core.frames import Frames
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.spaces import MOST, Piece, Spaces

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Matches handed on at a time, and how many at most are kept of pages that may come again.
_PORTION = 1 << 16
_MOST_KEPT = 1 << 20
#: Characters that crash shows of memory where it found a text.
SHOWN = 56
#: What is known of a page frame: nothing, that nothing is in it, that what is in it is kept.
_UNKNOWN, _EMPTY, _KEPT = 0, 1, 2


class Match(NamedTuple):
    """A value in memory: where, what stands there, and which of those looked for it is."""

    address: int
    value: int
    which: int


class TextMatch(NamedTuple):
    """A text in memory: where, and what stands there and behind it, up to the end of the page."""

    address: int
    data: bytes


class _Batch(NamedTuple):
    """Pages in the order in which they are searched: the address and the page frame of each."""

    addresses: NDArray[np.uint64]
    frames: NDArray[np.int64]


class _Search:
    """What is looked for. One object serves one line: it remembers the pages it has seen."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._frames = kernel.part(Frames)
        self._spaces = kernel.part(Spaces)

    def _batches(self, pieces: Iterable[Piece]) -> Iterator[_Batch]:
        """Pieces put together, without the pages that cannot be read."""
        waiting, count = list[Piece](), 0
        for piece in pieces:
            if count + len(piece.frames) > MOST and waiting:
                yield self._batch(waiting)
                waiting, count = [], 0
            waiting.append(piece)
            count += len(piece.frames)
        if waiting:
            yield self._batch(waiting)

    def _batch(self, pieces: Sequence[Piece]) -> _Batch:
        page = self._kernel.page_size
        frames = np.concatenate([piece.frames for piece in pieces])
        sizes = [len(piece.frames) for piece in pieces]
        places = np.arange(len(frames)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        starts = np.array([piece.address for piece in pieces], np.uint64)
        addresses = np.repeat(starts, sizes) + places.astype(np.uint64) * np.uint64(page)
        there = self._frames.are_there(frames)
        there[there] = self._spaces.have_records(frames[there])
        return _Batch(addresses[there], frames[there])


class _Kept(NamedTuple):
    """The matches of one page: bytes before each, the values, and which they are."""

    places: NDArray[np.int64]
    values: NDArray[np.uint64]
    which: NDArray[np.int64]


class _Found(NamedTuple):
    """Matches in a batch: the number of the page of each, and the same as of one page."""

    pages: NDArray[np.int64]
    places: NDArray[np.int64]
    values: NDArray[np.uint64]
    which: NDArray[np.int64]


class NumberSearch(_Search):
    """Looks for values of `size` bytes at addresses that are multiples of it.

    Bits of `mask` do not matter. Memory that two addresses lead to is read once.
    """

    def __init__(self, kernel: Reader, size: int, values: Sequence[int], mask: int = 0) -> None:
        super().__init__(kernel)
        self._kind = np.dtype(f"{kernel.byte_order}u{size}")
        limit = (1 << 8 * size) - 1
        self._mask = np.array(mask & limit, self._kind)
        self._values = [np.array((value | mask) & limit, self._kind) for value in values]
        self._states = np.zeros(0, np.uint8)
        self._kept: dict[int, _Kept] = {}
        self._room = _MOST_KEPT

    def find(self, pieces: Iterable[Piece], start: int, end: int) -> Iterator[list[Match]]:
        """The matches at addresses from `start` up to `end`, some at a time, in order."""
        for batch in self._batches(pieces):
            found = self._in_batch(batch)
            addresses = batch.addresses[found.pages] + found.places.astype(np.uint64)
            inside = (addresses >= start) & (addresses <= end - 1)
            where = addresses[inside]
            values, which = found.values[inside], found.which[inside]
            for at in range(0, len(where), _PORTION):
                some = slice(at, at + _PORTION)
                columns = where[some].tolist(), values[some].tolist(), which[some].tolist()
                yield list(map(Match, *columns))

    def _in_batch(self, batch: _Batch) -> _Found:
        states = self._states_of(batch.frames)
        fresh, kept = np.flatnonzero(states == _UNKNOWN), np.flatnonzero(states == _KEPT)
        found = [self._read(batch.frames[fresh], fresh)]
        for page, frame in zip(kept.tolist(), batch.frames[kept].tolist(), strict=True):
            matches = self._kept[frame]
            found.append(_Found(np.full(len(matches.places), page), *matches))
        columns = [np.concatenate(column) for column in zip(*found, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        return _Found(*(column[order] for column in columns))

    def _states_of(self, frames: NDArray[np.int64]) -> NDArray[np.uint8]:
        needed = int(frames.max(initial=-1)) + 1
        if needed > len(self._states):
            grown = np.zeros(max(needed, 2 * len(self._states)), np.uint8)
            grown[: len(self._states)] = self._states
            self._states = grown
        states: NDArray[np.uint8] = self._states[frames]
        return states

    def _read(self, frames: NDArray[np.int64], numbers: NDArray[np.int64]) -> _Found:
        """The matches in page frames; `numbers` are those of the pages."""
        pages = self._frames.read(frames)
        words = pages.data.reshape(-1).view(self._kind)
        elements, which = self._matches(words)
        in_page = self._kernel.page_size // self._kind.itemsize
        lines = elements // in_page
        first = np.searchsorted(lines, pages.lines, "left")
        counts = np.searchsorted(lines, pages.lines, "right") - first
        # The matches of each page, one page after the other.
        before = np.cumsum(counts) - counts
        pick = np.arange(int(counts.sum())) + np.repeat(first - before, counts)
        found = _Found(
            np.repeat(numbers, counts),
            elements[pick] % in_page * self._kind.itemsize,
            words[elements[pick]].astype(np.uint64),
            which[pick],
        )
        self._keep(frames, pages.lines >= 0, counts, found)
        return found

    def _matches(self, words: NDArray[np.void]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which of the words fit, ascending, and the number of the value each fits."""
        masked = words | self._mask if self._mask else words
        found = [np.flatnonzero(masked == value) for value in self._values]
        if len(found) == 1:
            return found[0], np.zeros(len(found[0]), np.int64)
        which = np.repeat(np.arange(len(found)), [len(some) for some in found])
        elements = np.concatenate(found)
        order = np.argsort(elements, kind="stable")
        return elements[order], which[order]

    def _keep(
        self,
        frames: NDArray[np.int64],
        read: NDArray[np.bool_],
        counts: NDArray[np.int64],
        found: _Found,
    ) -> None:
        """Remember what is in page frames; those with matches only as long as there is room."""
        self._states[frames[read & (counts == 0)]] = _EMPTY
        if len(found.pages) > self._room:
            return
        self._room -= len(found.pages)
        full = np.flatnonzero(counts)
        ends = np.cumsum(counts)
        for page, end, count in zip(
            frames[full].tolist(), ends[full].tolist(), counts[full].tolist(), strict=True
        ):
            some = slice(end - count, end)
            self._kept[page] = _Kept(found.places[some], found.values[some], found.which[some])
        self._states[frames[full]] = _KEPT


class TextSearch(_Search):
    """Looks for texts anywhere, those that go on in the next page among them."""

    def __init__(self, kernel: Reader, texts: Sequence[bytes]) -> None:
        super().__init__(kernel)
        self._texts = texts
        self._longest = max(map(len, texts))
        #: The end of the last page that was searched, and the address behind it.
        self._tail = b""
        self._behind = -1

    def find(self, pieces: Iterable[Piece], start: int, end: int) -> Iterator[list[TextMatch]]:
        """The matches at addresses from `start` up to `end`, some at a time, in crash's order."""
        for batch in self._batches(pieces):
            pages = self._frames.read(batch.frames)
            read = np.flatnonzero(pages.lines >= 0)
            addresses, lines = batch.addresses[read], pages.lines[read]
            breaks = np.flatnonzero(np.diff(addresses) != self._kernel.page_size) + 1
            for run in np.split(np.arange(len(read)), breaks):
                if len(run):
                    data = pages.data[lines[run]].tobytes()
                    yield self._in_run(int(addresses[run[0]]), data, start, end)

    def _in_run(self, address: int, data: bytes, start: int, end: int) -> list[TextMatch]:
        """The matches in pages in a row."""
        before = self._tail if address == self._behind else b""
        self._behind = address + len(data)
        self._tail = data[1 - self._longest :] if self._longest > 1 else b""
        memory, base = before + data, address - len(before)
        found = []
        for number, text in enumerate(self._texts):
            for place in _places(memory, text, max(len(before) - len(text) + 1, 0)):
                shown, order = self._shown(base + place, len(text), number, end)
                if base + place >= start and shown:
                    match = TextMatch(base + place, memory[place : place + shown])
                    found.append((order, match))
        return [match for _, match in sorted(found)]

    def _shown(self, address: int, size: int, number: int, end: int) -> tuple[int, tuple[int, ...]]:
        """How many bytes are shown of a match, 0 for one behind the end, and what orders it.

        crash finds a text that goes on in a page only there, before what else is in that page.
        """
        page = self._kernel.page_size
        first = address & -page
        if address + size > first + page:
            return max(SHOWN, size), (first + page, 0, number, address)
        left = min(first + page, end) - address
        return (min(SHOWN, left) if size <= left else 0), (first, 1, address, number)


def _places(data: bytes, text: bytes, first: int) -> Iterator[int]:
    """Where a text stands in memory, from a place on; texts may overlap."""
    place = data.find(text, first)
    while place >= 0:
        yield place
        place = data.find(text, place + 1)
