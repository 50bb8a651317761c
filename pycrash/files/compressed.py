"""Compressed files, unpacked once into a cache: gzip, bzip2, xz and zstd."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Protocol

from pycrash.errors import CrashError

#: Called during a long file operation: what is done, bytes so far, bytes in all (0: unknown).
Progress = Callable[[str, int, int], None]

#: Small, since a chunk of zeroes unpacks to thousands of its size.
_CHUNK = 1 << 15
_SAMPLE = 1 << 16
#: Unpacked files nobody opened for this long are removed.
_KEEP_SECONDS = 30 * 86400


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
    """The file itself, or its content in the cache if it is compressed. Raises CrashError.

    Two processes may unpack the same file at once: each writes a file of its own, and the
    last to finish renames its own into place.
    """
    with open(path, "rb") as file:
        make = _format_of(file)
        if make is None:
            return path
        target = cache_folder() / f"{path.stem}-{content_key(file)}"
        if target.exists():
            os.utime(target)
            return target
        file.seek(0)
        total = os.fstat(file.fileno()).st_size

        def chunks() -> Iterator[bytes]:
            for chunk in _unpack(path, file, make):
                yield chunk
                if progress is not None:
                    progress(f"unpacking {path}", file.tell(), total)

        return keep(target.name, chunks())


def keep(name: str, chunks: Iterable[bytes]) -> Path:
    """Write chunks to a file of that name in the cache, all or nothing. Raises CrashError."""

    def write(out: IO[bytes]) -> None:
        for chunk in chunks:
            out.write(chunk)

    return keep_file(name, write)


def keep_file(name: str, write: Callable[[IO[bytes]], None]) -> Path:
    """Have a file of that name written in the cache, all or nothing. Raises CrashError."""
    folder = cache_folder()
    _drop_stale(folder)
    handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with open(handle, "w+b") as out:
            write(out)
        os.replace(temporary, folder / name)
    except OSError as error:
        os.unlink(temporary)
        raise CrashError(f"{folder / name}: {error.strerror}") from error
    except BaseException:
        os.unlink(temporary)
        raise
    return folder / name


def cache_folder() -> Path:
    """Where unpacked and fetched files are kept; made if need be. Raises CrashError.

    $XDG_CACHE_HOME/pycrash, or ~/.cache/pycrash, or where that cannot be written to a folder
    of this user's own under the temporary directory.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    wanted = Path(home) / "pycrash"
    for folder in (wanted, Path(tempfile.gettempdir()) / f"pycrash-{os.getuid()}"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK) and folder.stat().st_uid == os.getuid():
            return folder
    raise CrashError(f"{wanted}: cannot be written; set XDG_CACHE_HOME to a folder with room")


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


def content_key(file: IO[bytes]) -> str:
    """A digest of the compressed file's size, ends and places between.

    What is compressed differently from some place on differs everywhere behind it, and the
    end holds a checksum; so this decides the content without reading all of it.
    """
    size = os.fstat(file.fileno()).st_size
    digest = hashlib.sha256(size.to_bytes(8, "little"))
    for step in range(9):
        file.seek(max(0, (size - _SAMPLE) * step // 8))
        digest.update(file.read(_SAMPLE))
    return digest.hexdigest()[:24]


def _drop_stale(folder: Path) -> None:
    oldest = time.time() - _KEEP_SECONDS
    for file in folder.iterdir():
        try:
            if file.is_file() and file.stat().st_mtime < oldest:
                file.unlink()
        except OSError:
            continue  # another process was quicker
