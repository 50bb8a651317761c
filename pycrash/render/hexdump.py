"""Memory as lines of hexadecimal words, with what they are as characters at the end."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from pycrash.api.memoryrows import CODES
from pycrash.render.memory import memory_lines

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
    count = len(data) // size
    words = struct.unpack_from(f"{order}{count}{CODES[size]}", data)
    names = tuple(map(name, words)) if name else ()
    return memory_lines(address, WIDTH, words, names, size, "hex", None if name else order)
