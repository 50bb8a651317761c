"""Dumps that drgn cannot take as they lie, laid out anew in the cache.

`makedumpfile -F` and QEMU's `dump-guest-memory -z` write a stream of pieces, each with the
place in the dump it belongs to. QEMU also leaves most of the header's struct new_utsname
blank, without which libkdumpfile does not tell the architecture.
"""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path
from typing import IO

from pycrash.errors import CrashError
from pycrash.files.compressed import Progress, cache_folder, content_key, keep_file

_MAGIC = b"makedumpfile\0"
#: The pieces start here, each with a place and a size before it, ended by a negative place.
_PIECES_AT = 4096
_PIECE = struct.Struct(">qq")
_CHUNK = 1 << 20
_LARGEST_DUMP = 1 << 46

#: Where a kdump header has its struct new_utsname: six strings of this size.
_UTSNAME_AT = 12
_UTSNAME_SIZE = 65
#: The strings that must not be empty: sysname, nodename, release and version.
_NAMES = (b"Linux", b"(none)", b"(none)", b"(none)")


def laid_out(path: Path, progress: Progress | None = None) -> Path:
    """The dump itself, or in the cache one of the same content that drgn takes.

    Raises CrashError where a flattened dump is damaged.
    """
    with open(path, "rb") as file:
        head = file.read(_PIECES_AT)
        flattened = head.startswith(_MAGIC)
        if not flattened and not _is_nameless(head):
            return path
        target = cache_folder() / f"{path.stem}-{content_key(file)}"
        if target.exists():
            os.utime(target)
            return target

        def write(out: IO[bytes]) -> None:
            if flattened:
                _join_pieces(path, file, out, progress)
            else:
                file.seek(0)
                shutil.copyfileobj(file, out, _CHUNK)
            out.seek(0)
            if _is_nameless(out.read(_PIECES_AT)):
                _name(out)

        return keep_file(target.name, write)


def _is_nameless(head: bytes) -> bool:
    first = head[_UTSNAME_AT : _UTSNAME_AT + 1]
    return head.startswith((b"KDUMP   ", b"DISKDUMP")) and first == b"\0"


def _name(out: IO[bytes]) -> None:
    for at, name in enumerate(_NAMES):
        out.seek(_UTSNAME_AT + at * _UTSNAME_SIZE)
        out.write(name)


def _join_pieces(path: Path, file: IO[bytes], out: IO[bytes], progress: Progress | None) -> None:
    total = os.fstat(file.fileno()).st_size
    file.seek(_PIECES_AT)
    while True:
        head = file.read(_PIECE.size)
        if len(head) < _PIECE.size:
            raise CrashError(f"{path}: flattened dump is cut short")
        place, size = _PIECE.unpack(head)
        if place < 0:
            return
        if size < 0 or place + size > _LARGEST_DUMP:
            raise CrashError(f"{path}: flattened dump is damaged at byte {file.tell():,}")
        out.seek(place)
        while size:
            data = file.read(min(size, _CHUNK))
            if not data:
                raise CrashError(f"{path}: flattened dump is cut short")
            out.write(data)
            size -= len(data)
        if progress is not None:
            progress(f"laying out {path}", file.tell(), total)
