"""Compressed files, unpacked once into a cache: gzip, bzip2, xz and zstd."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol

from pycrash.errors import CrashError
from pycrash.files.cache import find_file, keep_chunks, kept_name

#: Called during a long file operation: what is done, bytes so far, bytes in all (0: unknown).
Progress = Callable[[str, int, int], None]

#: Small, since a chunk of zeroes unpacks to thousands of its size.
_CHUNK = 1 << 15


class _Decompressor(Protocol):
    """What zlib, bz2, lzma and zstandard have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


def _gzip() -> _Decompressor:
    import zlib

    return zlib.decompressobj(16 + zlib.MAX_WBITS)


def _bzip2() -> _Decompressor:
    import bz2

    return bz2.BZ2Decompressor()


def _xz() -> _Decompressor:
    import lzma

    return lzma.LZMADecompressor()


def _zstd() -> _Decompressor:
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()


_FORMATS: tuple[tuple[bytes, Callable[[], _Decompressor]], ...] = (
    (b"\x1f\x8b", _gzip),
    (b"BZh", _bzip2),
    (b"\xfd7zXZ\0", _xz),
    (b"\x28\xb5\x2f\xfd", _zstd),
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


def unpacked(path: Path, progress: Progress | None = None) -> Path:
    """The file itself, or its content in the cache if it is compressed. Raises CrashError."""
    with open(path, "rb") as file:
        make = _format_of(file)
        if make is None:
            return path
        name = kept_name(path, file)
        kept = find_file(name)
        if kept is not None:
            return kept
        file.seek(0)
        total = os.fstat(file.fileno()).st_size

        def chunks() -> Iterator[bytes]:
            for chunk in _unpack(path, file, make):
                yield chunk
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
                yield stream.decompress(data)
                data = stream.unused_data if stream.eof else b""
    except OSError as error:
        raise CrashError(f"{path}: cannot be unpacked: {error.strerror or error}") from error
    except Exception as error:  # each module has an error class of its own
        raise CrashError(f"{path}: cannot be unpacked: {error}") from error
    if not stream.eof:
        raise CrashError(f"{path}: cannot be unpacked: the file is cut short")
