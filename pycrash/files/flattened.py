"""Dumps that drgn cannot take as they lie, laid out anew in the cache.

`makedumpfile -F` and QEMU's `dump-guest-memory -z` write a stream of pieces, each with the
place in the dump it belongs to.
"""

from __future__ import annotations

import atexit
import os
import shutil
import struct
import tempfile
from pathlib import Path
from typing import IO

from pycrash.errors import CrashError
from pycrash.files.cache import cache_folder, find_file, keep_file, kept_name
from pycrash.files.compressed import Progress
from pycrash.files.heads import Heads, apply
from pycrash.files.room import require_room

_MAGIC = b"makedumpfile\0"
#: The pieces start here, each with a place and a size before it, ended by a negative place.
_PIECES_AT = 4096
_PIECE = struct.Struct(">qq")
_CHUNK = 1 << 20
_LARGEST_DUMP = 1 << 46


def laid_out(path: Path, progress: Progress | None = None, limit: int = 0) -> Path:
    """The dump itself, or in the cache one of the same content that drgn takes.

    `limit` is how many bytes it may become, 0 what is usual. Raises CrashError where a flattened
    dump is damaged, or becomes larger.
    """
    with open(path, "rb") as file:
        if not file.read(_PIECES_AT).startswith(_MAGIC):
            return path
        name = kept_name(path, file)
        kept = find_file(name)
        if kept is not None:
            return kept
        size = os.fstat(file.fileno()).st_size
        file.seek(_PIECES_AT)

        def write(out: IO[bytes]) -> None:
            _join_pieces(path, file, out, progress, limit, size)
            apply(Heads(out).changes, out)  # else it would be copied once more

        return keep_file(name, write)


def save_stream(stream: IO[bytes], progress: Progress | None = None) -> Path:
    """What a stream holds that is read once, in a file that goes with the session.

    A flattened dump is laid out on the way. Raises CrashError.
    """
    try:
        # By its name it is what a session left unfinished, should this one be killed.
        handle, name = tempfile.mkstemp(prefix=f".stdin-{'0' * 24}.", dir=cache_folder())
        path = Path(name)
        atexit.register(path.unlink, missing_ok=True)
        with open(handle, "w+b") as out:
            head = stream.read(_PIECES_AT)
            if head.startswith(_MAGIC):
                _join_pieces(Path("-"), stream, out, progress, _LARGEST_DUMP, 0)
            else:
                out.write(head)
                shutil.copyfileobj(stream, out, _CHUNK)
    except OSError as error:
        raise CrashError(f"-: {error.strerror}") from error
    return path


def _join_pieces(
    path: Path,
    file: IO[bytes],
    out: IO[bytes],
    progress: Progress | None,
    limit: int,
    total: int,
) -> None:
    """Write the pieces that follow in a file or stream of `total` bytes, 0 if that is unknown."""
    done = _PIECES_AT
    while True:
        head = file.read(_PIECE.size)
        if len(head) < _PIECE.size:
            raise CrashError(f"{path}: flattened dump is cut short")
        place, size = _PIECE.unpack(head)
        if place < 0:
            return
        if size < 0 or place + size > _LARGEST_DUMP:
            raise CrashError(f"{path}: flattened dump is damaged at byte {done:,}")
        require_room(path, place + size, total, limit, written=True)
        out.seek(place)
        done += len(head) + size
        while size:
            data = file.read(min(size, _CHUNK))
            if not data:
                raise CrashError(f"{path}: flattened dump is cut short")
            out.write(data)
            size -= len(data)
        if progress is not None:
            progress(f"laying out {path}", done, total)
