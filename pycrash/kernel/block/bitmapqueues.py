"""Queues of those who wait for a bit of a scalable bitmap (struct sbitmap_queue)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.layout import Layout, type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.walks.sbitmap import set_bits

#: The wait queues of each struct sbitmap_queue (SBQ_WAIT_QUEUES).
_QUEUES = 8
#: More words than any bitmap has, and the bits of a word.
_MOST_WORDS = 1 << 16
_WORD_BITS = 64


class Word(NamedTuple):
    """One word of a bitmap: `depth` bits, of which those `cleared` are set and free again."""

    depth: int
    bits: int
    cleared: int

    @property
    def busy(self) -> int:
        """The bits in use."""
        return self.bits & ~self.cleared


class Bitmap(NamedTuple):
    """A struct sbitmap: `depth` bits in `map_nr` words of `1 << shift`, which lie from `map` on.

    `alloc_hint` is a per-CPU pointer to where the search for a bit begins, and `round_robin`
    tells that a bit is not given out again at once; both None before 5.13.
    """

    depth: int
    shift: int
    map_nr: int
    map: int
    alloc_hint: int | None
    round_robin: int | None

    @property
    def bits_per_word(self) -> int:
        """Bits of a word that count; of what is no bitmap as the processor shifts."""
        return 1 << (self.shift & 31)


class WaitState(NamedTuple):
    """One wait queue: how many bits must come free till somebody is woken, None from 6.1 on, and
    whether anybody waits."""

    wait_cnt: int | None
    active: bool


class BitmapQueue(NamedTuple):
    """A struct sbitmap_queue. Members that this kernel has not are None."""

    bitmap: Bitmap
    alloc_hint: int | None
    wake_batch: int
    wake_index: int
    ws: int
    ws_active: int | None
    round_robin: int | None
    min_shallow_depth: int | None


class BitmapQueues:
    """Reads the queues. What cannot be read is said before the name of its structure."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @property
    def known(self) -> bool:
        """Whether this kernel has them: they came with 4.9."""
        return type_size(self._kernel.prog, "struct sbitmap") is not None

    @property
    def keeps_cleared(self) -> bool:
        """Whether bits that are free again are noted apart (5.0)."""
        return "cleared" in self._word

    def queue(self, address: int) -> BitmapQueue:
        """The struct sbitmap_queue at an address. Raises CrashError."""
        _, *rest = self._read(self._queue, address, "sbitmap_queue")
        bitmap = Bitmap(*self._read(self._bitmap, address + self._queue.at("sb"), "sbitmap"))
        return BitmapQueue(bitmap, *rest)

    def words(self, bitmap: Bitmap) -> Iterator[Word]:
        """The words of a bitmap. Raises CrashError."""
        for number in range(bitmap.map_nr):
            if number == _MOST_WORDS:
                raise CrashError(f"invalid sbitmap: it claims {bitmap.map_nr} words")
            address = bitmap.map + number * self._word.whole
            bits, cleared = self._read(self._word, address, "sbitmap_word")
            left = bitmap.depth - number * bitmap.bits_per_word
            depth = left if number == bitmap.map_nr - 1 else bitmap.bits_per_word
            yield Word(min(max(depth, 0), _WORD_BITS), bits, cleared or 0)

    def set_bits(self, address: int) -> Iterator[int]:
        """The bits in use of the struct sbitmap_queue at an address. Raises CrashError."""
        self.queue(address)
        try:
            yield from set_bits(self._kernel, address + self._queue.at("sb"))
        except ReadError as error:
            raise _unreadable("sbitmap_word", error) from None

    def waiting(self, queue: BitmapQueue) -> Iterator[WaitState]:
        """The wait queues. Raises CrashError."""
        layout = self._wait
        for number in range(_QUEUES):
            address = queue.ws + number * layout.whole
            count, first = self._read(layout, address, "sbq_wait_state")
            yield WaitState(count, first != address + layout.at("wait.head"))

    def hints(self, queue: BitmapQueue) -> Iterator[int]:
        """Where each CPU begins to look for a bit. Raises ReadError."""
        hint = queue.alloc_hint if queue.alloc_hint is not None else queue.bitmap.alloc_hint
        cpus, order = self._kernel.cpus, self._kernel.byte_order
        for cpu in range(len(cpus.possible)):
            data = self._kernel.read(cpus.address(hint or 0, cpu), 4, "alloc_hint")
            yield from struct.unpack(f"{order}I", data)

    def _read(self, layout: Layout, address: int, name: str) -> tuple[Any, ...]:
        try:
            data = self._kernel.read(address, layout.whole, name)
        except ReadError as error:
            raise _unreadable(name, error) from None
        return layout.unpack(data, layout.start)

    @cached_property
    def _queue(self) -> Layout:
        fields = ("sb", "alloc_hint", "wake_batch", "wake_index", "ws", "ws_active")
        behind = ("round_robin", "min_shallow_depth")
        optional = ("alloc_hint", "ws_active", *behind)
        return Layout(self._kernel.prog, "struct sbitmap_queue", (*fields, *behind), optional)

    @cached_property
    def _bitmap(self) -> Layout:
        fields = ("depth", "shift", "map_nr", "map", "alloc_hint", "round_robin")
        optional = ("alloc_hint", "round_robin")
        return Layout(self._kernel.prog, "struct sbitmap", fields, optional)

    @cached_property
    def _word(self) -> Layout:
        fields = ("word", "cleared")
        return Layout(self._kernel.prog, "struct sbitmap_word", fields, ("cleared",))

    @cached_property
    def _wait(self) -> Layout:
        fields = ("wait_cnt", ("wait.head", "wait.task_list"))
        return Layout(self._kernel.prog, "struct sbq_wait_state", fields, ("wait_cnt",))


def _unreadable(name: str, cause: ReadError) -> CrashError:
    error = CrashError(f"cannot read {name}")
    error.before = "" if cause.quiet else str(cause)
    return error
