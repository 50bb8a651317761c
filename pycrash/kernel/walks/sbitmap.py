"""Scalable bitmaps (struct sbitmap): a word of bits, and those freed lately, to a cache line."""

from __future__ import annotations

from collections.abc import Iterator

from pycrash.errors import CrashError
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader

#: More words than any map has.
_MOST_WORDS = 1 << 20


def set_bits(kernel: Reader, address: int) -> Iterator[int]:
    """The bits of the struct sbitmap at an address that are set and were not freed since.

    Raises CrashError where it is damaged, ReadError.
    """
    prog = kernel.prog
    layout = Layout(prog, "struct sbitmap", ("depth", "shift", "map_nr", "map"))
    # Before 5.0 a bit is cleared at once.
    word = Layout(prog, "struct sbitmap_word", ("word", "cleared"), optional=("cleared",))
    data = kernel.read(address + layout.start, layout.size, "sbitmap")
    depth, shift, count, words = layout.unpack(data)
    if count > _MOST_WORDS or 1 << shift > 8 * kernel.word_size:
        raise CrashError(f"invalid sbitmap: {address:x}")
    data = kernel.read(words, count * word.whole, "sbitmap_word") if count else b""
    for place in range(count):
        here, cleared = word.unpack(data, place * word.whole + word.start)
        left = here & ~(cleared or 0)
        for bit in range(min(1 << shift, depth - (place << shift))):
            if left >> bit & 1:
                yield (place << shift) + bit
