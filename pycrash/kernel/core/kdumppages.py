"""The pages of a kdump file, many at a time: which there are, and where in the file they lie."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import zstandard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pycrash.files.dumpfile import DumpFile, KdumpHeader

_PLAIN, _ZLIB, _LZO, _ZSTD = 0, 0x1, 0x2, 0x20
_BITS_SET = np.array([byte.bit_count() for byte in range(256)], np.uint8)


class KdumpPages:
    """Pages by their frame numbers. Frames may be any numbers, those of no memory among them."""

    def __init__(self, file: DumpFile, header: KdumpHeader) -> None:
        self._file = file
        self._header = header
        self._memory, self._dumped = (np.frombuffer(bits, np.uint8) for bits in file.bitmaps)

    def is_memory(self, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of them are memory, in the dump or left out of it."""
        return self._marked(self._memory, frames)

    def is_there(self, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of them the dump has."""
        return self._marked(self._dumped, frames)

    def descriptors(self, frames: NDArray[np.int64]) -> NDArray[np.void]:
        """The page_desc (`offset`, `size`, `flags`) of frames that the dump has.

        Equal offsets are one page: all pages of zeros are. The size of a page whose descriptor
        is not in the file is 0.
        """
        byte = frames >> 3
        below = (1 << (frames & 7)).astype(np.uint8) - np.uint8(1)
        rank = self._before[byte] + _BITS_SET[self._dumped[byte] & below]
        found = np.zeros(len(frames), self._table.dtype)
        known = rank < len(self._table)
        found[known] = self._table[rank[known]]
        return found

    def unpack(self, offset: int, size: int, flags: int) -> bytes | None:
        """A page by what its descriptor says; None where it is packed otherwise, or damaged."""
        unpack, page = self._ways.get(flags), self._header.block_size
        if unpack is None or size > page:
            return None
        try:
            data = unpack(self.packed(offset, size), page)
        except (zlib.error, zstandard.ZstdError):
            return None
        return data if len(data) == page else None

    def packed(self, offset: int, size: int) -> bytes:
        """A page as it stands in the file; empty where it cannot be read."""
        try:
            return os.pread(self._handle, size, offset)
        except (OSError, OverflowError):
            return b""

    @cached_property
    def _ways(self) -> dict[int, Callable[[bytes, int], bytes]]:
        """What unpacks a page, at most so many bytes, by how it is packed (page_desc.flags).

        Snappy is not among it.
        """
        ways: dict[int, Callable[[bytes, int], bytes]]
        ways = {_PLAIN: _plain, _ZLIB: _zlib, _ZSTD: zstandard.ZstdDecompressor().decompress}
        with suppress(ImportError):  # on machines for which it is not built
            ways[_LZO] = _lzo()
        return ways

    def _marked(self, bits: NDArray[np.uint8], frames: NDArray[np.int64]) -> NDArray[np.bool_]:
        end = min(self._header.max_page, 8 * len(bits))
        known = (frames >= 0) & (frames < end)
        marked = np.zeros(len(frames), np.bool_)
        inside = frames[known]
        marked[known] = bits[inside >> 3] >> (inside & 7).astype(np.uint8) & 1
        return marked

    @cached_property
    def _before(self) -> NDArray[np.uint32]:
        """For each byte of the map of dumped pages, how many pages the bytes before it have."""
        counts = np.cumsum(_BITS_SET[self._dumped], dtype=np.uint32)
        return np.concatenate([np.zeros(1, np.uint32), counts[:-1]])

    @cached_property
    def _table(self) -> NDArray[np.void]:
        """The descriptors, mapped and not read."""
        order = self._header.order
        fields = [("offset", f"{order}i8"), ("size", f"{order}u4"), ("flags", f"{order}u4")]
        kind = np.dtype([*fields, ("page_flags", f"{order}u8")])
        begin, count = self._file.descriptors
        count = min(count, max(self._file.size - begin, 0) // kind.itemsize)
        if not count:
            return np.zeros(0, kind)
        return np.memmap(self._file.path, kind, "r", begin, (count,))

    @cached_property
    def _handle(self) -> int:
        """The open file, as long as the dump is."""
        return os.open(self._file.path, os.O_RDONLY | os.O_CLOEXEC)


def _plain(data: bytes, most: int) -> bytes:
    return data


def _zlib(data: bytes, most: int) -> bytes:
    return zlib.decompressobj().decompress(data, most)


def _lzo() -> Callable[[bytes, int], bytes]:
    """What unpacks LZO. Raises ImportError."""
    from lzallright import LZOCompressor, LZOError

    def unpack(data: bytes, most: int) -> bytes:
        try:
            page: bytes = LZOCompressor.decompress(data, most)
        except LZOError:
            return b""
        return page

    return unpack
