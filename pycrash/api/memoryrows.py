"""Memory as values of one width, as rd and `struct -r` show it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.api.fields import Address, Bits, Bytes
from pycrash.api.rows import Notice, Row
from pycrash.errors import ReadError
from pycrash.kernel.core.space import Space

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

#: struct's codes by bytes of a value.
CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
#: Bytes read at a time, at most: a multiple of every line's.
BLOCK = 1 << 16
#: Bytes of a line.
LINE = 16


@dataclass(frozen=True)
class MemoryRow(Row, kind="memory"):
    """Values that follow each other, `size` bytes each.

    `names` has what stands for each where symbols are asked for, and is empty without.
    """

    address: Address
    size: Bytes
    values: tuple[Bits, ...]
    names: tuple[str, ...]


def blocks(
    space: Space, address: int, size: int, what: str, page_size: int, least: int = 0
) -> Iterator[bytes]:
    """Memory in blocks, small ones where a large one fails.

    Raises ReadError at the first page, or the first `least` bytes, that cannot be read.
    """
    least = least or page_size
    while size > 0:
        count = min(size, BLOCK)
        try:
            data = space.read(address, count, what)
        except ReadError:
            count = min(count, least - address % least)
            data = space.read(address, count, what)
        yield data
        address += count
        size -= count


def memory_rows(
    kernel: Kernel,
    space: Space,
    address: int,
    count: int,
    size: int,
    order: str = "",
    name: Callable[[int], str] | None = None,
) -> Iterator[Row]:
    """`count` values of `size` bytes, in struct's byte order, else the kernel's; `name` finds
    what stands for one. Raises ReadError behind those that can be read.
    """
    layout = order or kernel.byte_order
    unread = b""

    def rows(data: bytes) -> Iterator[MemoryRow]:
        nonlocal address
        values = struct.unpack(f"{layout}{len(data) // size}{CODES[size]}", data)
        if values:
            yield MemoryRow(address, size, values, tuple(map(name, values)) if name else ())
            address += len(data)

    last = address + count * size
    what = f"{8 * size}-bit {space.word}"
    in_file = space.word == "FILEADDR"
    least = size if in_file else 0
    try:
        for block in blocks(space, address, count * size, what, kernel.page_size, least):
            unread += block
            whole = len(unread) - len(unread) % LINE
            yield from rows(unread[:whole])
            unread = unread[whole:]
    except ReadError as error:
        yield from rows(unread[: len(unread) - len(unread) % size])
        if not in_file:
            raise
        # Of the file crash goes on to read what lies behind its end.
        for lost in range(address, last, size):
            yield Notice(str(ReadError(lost, error.what, error.reason, error.space)))
        return
    yield from rows(unread)
