"""Compressed files, unpacked once into a cache: gzip, bzip2, xz and zstd."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Protocol

from pycrash.errors import CrashError
from pycrash.files.cache import find_file, keep_chunks, kept_name
from pycrash.files.room import require_room
from pycrash.files.sizes import content_size

#: Called during a long file operation: what is done, bytes so far, bytes in all (0: unknown).
Progress = Callable[[str, int, int], None]

_CHUNK = 1 << 15
#: Bytes made of a chunk at once: of a few bytes bzip2 makes gigabytes.
_PIECE = 1 << 20
#: zstd cannot be told to stop, and makes 128 KiB of four bytes.
_ZSTD_CHUNK = 1 << 8


class _Decompressor(Protocol):
    """What the streams of bz2 and lzma have in common, and those of zlib and zstandard below."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


class _Gzip:
    """A stream of zlib, which has what it did not take yet handed in again."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, max(max_length, 0))


class _Zstd:
    """A stream of zstandard, which takes little at once."""

    def __init__(self) -> None:
        import zstandard

        self._stream = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
        self._rest = b""

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not self._rest

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data + self._rest

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        data = self._rest + data
        self._rest = data[_ZSTD_CHUNK:]
        return self._stream.decompress(data[:_ZSTD_CHUNK])


def _bzip2() -> _Decompressor:
    import bz2

    return bz2.BZ2Decompressor()


def _xz() -> _Decompressor:
    import lzma

    return lzma.LZMADecompressor()


_FORMATS: tuple[tuple[bytes, Callable[[], _Decompressor]], ...] = (
    (b"\x1f\x8b", _Gzip),
    (b"BZh", _bzip2),
    (b"\xfd7zXZ\0", _xz),
    (b"\x28\xb5\x2f\xfd", _Zstd),
)


def is_compressed(path: Path) -> bool:
    """Whether a file is in one of the formats, told by its first bytes."""
    with open(path, "rb") as file:
        return _format_of(file) is not None


def first_bytes(path: Path, size: int) -> bytes:
    """The first bytes of a file's content, unpacked if need be. Raises CrashError."""
    content = bytearray()
    with open(path, "rb") as file:
        make = _format_of(file)
        if make is None:
            return file.read(size)
        for chunk in _unpack(path, file, make):
            content += chunk
            if len(content) >= size:
                break
    return bytes(content[:size])


def content_chunks(path: Path, file: IO[bytes], limit: int = 0) -> Iterator[bytes]:
    """What follows in an open file in chunks, unpacked if need be. They raise CrashError.

    `limit` is how many bytes it may become, 0 what is usual (`room.py`).
    """
    start = file.tell()
    make = _format_of(file)
    file.seek(start)
    if make is None:
        yield from iter(partial(file.read, _PIECE), b"")
        return
    total, done = os.fstat(file.fileno()).st_size, 0
    for chunk in _unpack(path, file, make):
        done += len(chunk)
        require_room(path, done, total, limit, written=True)
        yield chunk


def unpacked(path: Path, progress: Progress | None = None, limit: int = 0) -> Path:
    """The file itself, or its content in the cache if it is compressed. Raises CrashError.

    `limit` is how many bytes it may become, 0 what is usual (`room.py`).
    """
    with open(path, "rb") as file:
        make = _format_of(file)
        if make is None:
            return path
        name = kept_name(path, file)
        kept = find_file(name)
        if kept is not None:
            return kept
        total = os.fstat(file.fileno()).st_size
        require_room(path, content_size(file), total, limit)
        file.seek(0)

        def chunks() -> Iterator[bytes]:
            done = 0
            for chunk in _unpack(path, file, make):
                yield chunk
                done += len(chunk)
                require_room(path, done, total, limit, written=True)
                if progress is not None:
                    progress(f"unpacking {path}", file.tell(), total)

        return keep_chunks(name, chunks())


def _format_of(file: IO[bytes]) -> Callable[[], _Decompressor] | None:
    """How to unpack an open file, None if it is not compressed; leaves it at its start."""
    head = file.read(8)
    file.seek(0)
    return next((make for magic, make in _FORMATS if head.startswith(magic)), None)


def _unpack(path: Path, file: IO[bytes], make: Callable[[], _Decompressor]) -> Iterator[bytes]:
    """The content in chunks; a file may hold several streams one behind the other."""
    stream = make()
    try:
        while data := file.read(_CHUNK):
            while data:
                if stream.eof:
                    data = data.lstrip(b"\0")  # padding between streams
                    if not data:
                        break
                    stream = make()
                yield stream.decompress(data, _PIECE)
                while not (stream.eof or stream.needs_input):
                    yield stream.decompress(b"", _PIECE)
                data = stream.unused_data if stream.eof else b""
    except OSError as error:
        raise CrashError(f"{path}: cannot be unpacked: {error.strerror or error}") from error
    except Exception as error:  # each module has an error class of its own
        raise CrashError(f"{path}: cannot be unpacked: {error}") from error
    if not stream.eof:
        raise CrashError(f"{path}: cannot be unpacked: the file is cut short")
