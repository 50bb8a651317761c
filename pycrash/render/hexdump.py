"""Memory as lines of hexadecimal words, with what they are as characters at the end."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from pycrash.render.memory import CODES, PER_LINE, characters, memory_line, with_characters

#: Columns of an address.
WIDTH = 16


def hex_lines(
    data: bytes,
    address: int,
    size: int,
    order: str,
    name: Callable[[int], str] | None = None,
) -> Iterator[str]:
    """Lines of up to 16 bytes in words of `size` bytes of the byte order "<" or ">".

    With `name`, a word it gives a text for is shown by that and the characters are left out.
    """
    step = size * PER_LINE[size]
    for start in range(0, len(data), step):
        words = struct.unpack(
            f"{order}{len(data[start : start + step]) // size}{CODES[size]}",
            data[start : start + step],
        )
        names = tuple(map(name, words)) if name else ("",) * len(words)
        line = memory_line(address + start, WIDTH, words, names, size, "hex")
        yield line if name else with_characters(line, WIDTH, size, characters(words, size, order))
