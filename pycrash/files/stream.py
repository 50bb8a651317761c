"""Bytes that are read from the first to the last, from a file or out of a packed one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pycrash.errors import CrashError


class Stream:
    """Reads numbers and bytes that follow each other. All raise CrashError where there are no
    more; numbers are big-endian."""

    def __init__(self, path: Path, chunks: Iterator[bytes]) -> None:
        self._path = path
        self._chunks = chunks
        self._buffer = b""
        self._at = self._before = 0

    @property
    def place(self) -> int:
        """How many bytes were read."""
        return self._before + self._at

    def take(self, size: int) -> bytes:
        """The next bytes."""
        end = self._at + size
        if end > len(self._buffer):
            self._fill(size)
            end = size
        data = self._buffer[self._at : end]
        self._at = end
        return data

    def number(self, size: int) -> int:
        """An unsigned number of that many bytes."""
        return int.from_bytes(self.take(size), "big")

    def name(self) -> str:
        """A name behind its length, which is a byte."""
        return self.take(self.number(1)).decode("latin-1")

    def peek(self) -> int:
        """The next byte, which is read again."""
        byte = self.number(1)
        self._at -= 1
        return byte

    def ahead(self, size: int, most: int) -> bytes:
        """What is known of the next bytes, in whole pieces of a size, which are read again."""
        count = min((len(self._buffer) - self._at) // size, most)
        return self._buffer[self._at : self._at + count * size]

    def skip_past(self, mark: bytes, most: int) -> None:
        """Read on to behind a mark that must begin in the next `most` bytes."""
        while (found := self._buffer.find(mark, self._at)) < 0:
            if len(self._buffer) - self._at > most:
                break
            self._fill(len(self._buffer) - self._at + 1)
        if not 0 <= found - self._at <= most:
            raise CrashError(f"{self._path}: damaged at byte {self.place:,}")
        self._at = found + len(mark)

    def rest(self, most: int) -> bytes:
        """The bytes that are left, so many of them at most."""
        parts, size = [self._buffer[self._at :]], len(self._buffer) - self._at
        for chunk in self._chunks:
            parts.append(chunk)
            size += len(chunk)
            if size >= most:
                break
        return b"".join(parts)[:most]

    def _fill(self, size: int) -> None:
        """Have that many bytes in the buffer, whose start is what comes next."""
        parts, there = [self._buffer[self._at :]], len(self._buffer) - self._at
        self._before += self._at
        while there < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                raise CrashError(f"{self._path}: cut short at byte {self._before + there:,}")
            parts.append(chunk)
            there += len(chunk)
        self._buffer, self._at = b"".join(parts), 0
