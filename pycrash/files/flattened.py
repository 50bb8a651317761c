"""Dumps that drgn cannot take as they lie, laid out anew in the cache.

`makedumpfile -F` and QEMU's `dump-guest-memory -z` write a stream of pieces, each with the
place in the dump it belongs to. QEMU also leaves most of the header's struct new_utsname
blank, without which libkdumpfile does not tell the architecture; of some machines it does not
even say which one it is, but the notes of their CPUs do.
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
from pycrash.files.dumpfile import KdumpHeader
from pycrash.files.room import require_room

_MAGIC = b"makedumpfile\0"
#: The pieces start here, each with a place and a size before it, ended by a negative place.
_PIECES_AT = 4096
_PIECE = struct.Struct(">qq")
_CHUNK = 1 << 20
_LARGEST_DUMP = 1 << 46
#: Bytes that hold both headers.
_HEADERS = 1 << 17

#: Where a kdump header has its struct new_utsname: six strings of this size.
_UTSNAME_AT = 12
_UTSNAME_SIZE = 65
#: The strings that must not be empty: sysname, nodename, release and version.
_NAMES = (b"Linux", b"(none)", b"(none)", b"(none)")
_MACHINE_AT = _UTSNAME_AT + 4 * _UTSNAME_SIZE
_UNKNOWN_MACHINE = b"Unknown\0"
#: Where struct kdump_sub_header says where the notes begin, and the head of a note: the size
#: of its name, of what it holds, and its kind.
_NOTES_AT = 48
_NOTE = "III"
_PRSTATUS = 1
#: Bytes of struct elf_prstatus on machines that QEMU has no name for.
_MACHINES = {392: b"aarch64", 504: b"ppc64", 376: b"riscv64"}


def laid_out(path: Path, progress: Progress | None = None, limit: int = 0) -> Path:
    """The dump itself, or in the cache one of the same content that drgn takes.

    `limit` is how many bytes it may become, 0 what is usual. Raises CrashError where a flattened
    dump is damaged, or becomes larger.
    """
    with open(path, "rb") as file:
        head = file.read(_PIECES_AT)
        flattened = head.startswith(_MAGIC)
        if not flattened and not _is_nameless(head):
            return path
        name = kept_name(path, file)
        kept = find_file(name)
        if kept is not None:
            return kept
        size = os.fstat(file.fileno()).st_size
        file.seek(_PIECES_AT)

        def write(out: IO[bytes]) -> None:
            if flattened:
                _join_pieces(path, file, out, progress, limit, size)
            else:
                file.seek(0)
                shutil.copyfileobj(file, out, _CHUNK)
            out.seek(0)
            if _is_nameless(out.read(_PIECES_AT)):
                _name(out)

        return keep_file(name, write)


def _is_nameless(head: bytes) -> bool:
    first = head[_UTSNAME_AT : _UTSNAME_AT + 1]
    return head.startswith((b"KDUMP   ", b"DISKDUMP")) and first == b"\0"


def _name(out: IO[bytes]) -> None:
    for at, name in enumerate(_NAMES):
        out.seek(_UTSNAME_AT + at * _UTSNAME_SIZE)
        out.write(name)
    out.seek(_MACHINE_AT)
    if out.read(len(_UNKNOWN_MACHINE)) == _UNKNOWN_MACHINE:
        machine = _machine(out)
        if machine:
            out.seek(_MACHINE_AT)
            out.write(machine.ljust(len(_UNKNOWN_MACHINE), b"\0"))


def _machine(dump: IO[bytes]) -> bytes:
    """The machine that the first note of a kdump file comes from; empty where none tells."""
    dump.seek(0)
    header = KdumpHeader.parse(dump.read(_HEADERS))
    if header is None:
        return b""
    dump.seek(header.block_size + _NOTES_AT)
    (place,) = struct.unpack(header.order + "Q", dump.read(8).ljust(8, b"\0"))
    if place > _LARGEST_DUMP:
        return b""
    dump.seek(place)
    note = dump.read(struct.calcsize(_NOTE)).ljust(struct.calcsize(_NOTE), b"\0")
    _, size, kind = struct.unpack(header.order + _NOTE, note)
    return _MACHINES.get(size, b"") if kind == _PRSTATUS else b""


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
