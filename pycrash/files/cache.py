"""Files kept between sessions, in a folder of this user's own.

What lies there may be a kernel's memory, and it is believed without a look at what it was made
of. So the folder is one that nobody else can read or write, no link is followed on the way into
it, and whatever is read from it must be whole.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import IO

from pycrash.errors import CrashError

_SAMPLE = 1 << 16
#: Files nobody used for this long are removed, and what a killed session left unfinished.
_KEEP_SECONDS = 30 * 86400
_UNFINISHED_SECONDS = 86400
_LONGEST_STEM = 80

#: The names given to files here, by this release and by those before it. Nothing else is removed.
_NAME = (
    r"(?:(?:types|symbols|debuginfod)\d*-[0-9a-f]{8,64}(?:-\d+|\.json)?"
    r"|.+-[0-9a-f]{24}(?:-[0-9a-f]{1,8})?)(?:\.\d+){0,2}"
)
_OURS = re.compile(_NAME, re.DOTALL)
_SESSION_FOLDER = re.compile(r"pycrash-[a-z0-9_]{8}")
_UNFINISHED = re.compile(rf"\.{_NAME}\.[a-z0-9_]{{8}}", re.DOTALL)


def cache_folder() -> Path:
    """Where unpacked and fetched files are kept; made if need be. Raises CrashError.

    $XDG_CACHE_HOME/pycrash, or ~/.cache/pycrash; where that cannot be used a private folder
    below the temporary one, and where that is not ours either one that goes with the session.
    """
    return _lasting_folder() or _session_folder()


def _lasting_folder() -> Path | None:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    own = Path(home, "pycrash")
    if _is_private(own, 0o022):
        return own
    try:
        shared = Path(tempfile.gettempdir(), f"pycrash-{os.getuid()}")
    except OSError:
        return None
    # Anybody may have put something of that name there.
    return shared if _is_private(shared, 0o077) else None


def _is_private(folder: Path, never: int) -> bool:
    """Whether a folder is ours, no link, without any of the permissions `never`; made if need be.

    Other permissions of group and others are taken away.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        found = os.fstat(handle)
        if found.st_uid != os.getuid() or found.st_mode & never:
            return False
        if found.st_mode & 0o077:
            os.fchmod(handle, 0o700)
    except OSError:
        return False
    finally:
        os.close(handle)
    return os.access(folder, os.W_OK | os.X_OK)


@cache
def _session_folder() -> Path:
    try:
        _drop_left_folders(Path(tempfile.gettempdir()))
        folder = Path(tempfile.mkdtemp(prefix="pycrash-"))
    except OSError as error:
        raise CrashError(
            f"no folder for unpacked files: {error.strerror}; set XDG_CACHE_HOME to one with room"
        ) from error
    atexit.register(_remove_folder, folder, os.getpid())
    return folder


def _drop_left_folders(temporary: Path) -> None:
    """Remove what sessions left that were killed; nobody else can have put anything into it."""
    lasting = f"pycrash-{os.getuid()}"
    for entry in os.scandir(temporary):
        if _SESSION_FOLDER.fullmatch(entry.name) and entry.name != lasting:
            with contextlib.suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
                if mine and not found.st_mode & 0o077 and _age(found) > _KEEP_SECONDS:
                    shutil.rmtree(entry.path, ignore_errors=True)


def leave_session_folder() -> None:
    """Remove the folder that goes with the session, if there is one; for an end without atexit."""
    if _session_folder.cache_info().currsize:
        _remove_folder(_session_folder(), os.getpid())


def _remove_folder(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked child leaves it to its parent
        shutil.rmtree(folder, ignore_errors=True)


def file_key(path: Path) -> str:
    """A digest that tells this very file, as it lies there now, from all others. Raises OSError.

    It costs one stat: to read a vmlinux takes longer than a session's start, and a damaged copy
    may have the build ID and the size of the good one. A copy is another file, and any writing
    to a file sets its times.
    """
    found = os.stat(path)
    facts = [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns]
    folder = _lasting_folder()
    # Of a file in the cache ctime tells when it was used last.
    if folder is None or os.path.dirname(os.path.realpath(path)) != os.path.realpath(folder):
        facts.append(found.st_ctime_ns)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]


def kept_name(path: Path, file: IO[bytes]) -> str:
    """The name in the cache of what is made of a file, which is open; moves its position.

    Parts of the content count too: times are coarse, and a script may write a file twice in
    one tick.
    """
    size = os.fstat(file.fileno()).st_size
    digest = hashlib.sha256(file_key(path).encode())
    for step in range(9):
        file.seek(max(0, (size - _SAMPLE) * step // 8))
        digest.update(file.read(_SAMPLE))
    return f"{_stem(path)}-{digest.hexdigest()[:24]}"


def kept_name_of_all(files: Sequence[IO[bytes]], besides: str = "") -> str:
    """The same of what is made of several files, which are open, and of what is said `besides`."""
    names = "".join(kept_name(Path(file.name), file) for file in files)
    digest = hashlib.sha256(os.fsencode(names + besides))
    return f"{_stem(Path(files[0].name))}-{digest.hexdigest()[:24]}"


def _stem(path: Path) -> str:
    """A file's name without its ending, as far as the names of file systems have room for it."""
    return os.fsdecode(os.fsencode(path.stem)[:_LONGEST_STEM])


# --- large files: the name on the disk ends in the size and the time of the last writing (mtime,
# in nanoseconds), by which one that was cut or written to is known


def find_file(name: str) -> Path | None:
    """The file kept under that name; None where there is none, or it is not as it was left."""
    folder = cache_folder()
    for entry, found in _kept_as(folder, name):
        if entry == _whole_name(name, found):
            _note_use(folder / entry, found)
            return folder / entry
    return None


def keep_file(name: str, write: Callable[[IO[bytes]], None]) -> Path:
    """Have a file of that name written in the cache, all or nothing. Raises CrashError.

    Two processes may do so at once: each writes a file of its own, and renames it into place.
    """
    folder = cache_folder()
    _drop_stale(folder)
    try:
        kept = _write(folder, name, write, large=True)
        for entry, found in _kept_as(folder, name):
            if entry != _whole_name(name, found):
                os.unlink(folder / entry)
        return kept
    except OSError as error:
        raise CrashError(f"{folder / name}: {error.strerror}") from error


def _kept_as(folder: Path, name: str) -> list[tuple[str, os.stat_result]]:
    """The files of this user's that were kept under a name, whole or not."""
    found = []
    for entry in os.listdir(folder):
        base, *numbers = entry.rsplit(".", 2)
        if base == name and all(number.isdecimal() for number in numbers):
            with contextlib.suppress(OSError):  # another process may be quicker
                found.append((entry, os.lstat(folder / entry)))
    return [(entry, status) for entry, status in found if _is_ours(status)]


def _whole_name(name: str, found: os.stat_result) -> str:
    return f"{name}.{found.st_size}.{found.st_mtime_ns}"


def keep_chunks(name: str, chunks: Iterable[bytes]) -> Path:
    """Write chunks to a file of that name in the cache, all or nothing. Raises CrashError."""

    def write(out: IO[bytes]) -> None:
        for chunk in chunks:
            out.write(chunk)

    return keep_file(name, write)


# --- notes: small files that hold their own name and a checksum


def noted(name: str) -> bytes | None:
    """What an earlier session noted under that name; None where there is nothing whole."""
    folder = _lasting_folder()
    if folder is None:
        return None
    try:
        # Without O_NONBLOCK a named pipe would be waited for.
        handle = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            found = os.fstat(handle)
            data = file.read() if _is_ours(found) else b""
    except OSError:
        return None
    size = len(_head(name, b""))
    body = data[size:]
    if data[:size] != _head(name, body):
        return None
    _note_use(folder / name, found)
    return body


def note(name: str, body: bytes) -> None:
    """Note something for later sessions; a folder that cannot be written to is left alone."""
    folder = _lasting_folder()
    if folder is None:
        return
    _drop_stale(folder)
    with contextlib.suppress(OSError):
        _write(folder, name, lambda out: _put(out, _head(name, body), body), large=False)


def _put(out: IO[bytes], *parts: bytes) -> None:
    for part in parts:
        out.write(part)


def _head(name: str, body: bytes) -> bytes:
    return f"pycrash {name} {zlib.adler32(body):08x}\n".encode()


# --- both


def _write(folder: Path, name: str, write: Callable[[IO[bytes]], None], large: bool) -> Path:
    """Write a file under a temporary name and rename it when all of it is there."""
    handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with open(handle, "w+b") as out:
            write(out)
            out.flush()
            if large:
                # A full disk or one that fails may say so only now. A note has its checksum.
                os.fsync(handle)
                name = _whole_name(name, os.fstat(handle))
        os.replace(temporary, folder / name)
    except BaseException:
        os.unlink(temporary)
        raise
    return folder / name


def _is_ours(found: os.stat_result) -> bool:
    """Whether that is a regular file (no link) of this user's."""
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid()


def _note_use(path: str | Path, found: os.stat_result) -> None:
    """Set when a file was used last. Its mtime stays: it tells whether the file was changed."""
    with contextlib.suppress(OSError):
        os.utime(path, ns=(time.time_ns(), found.st_mtime_ns), follow_symlinks=False)


def _drop_stale(folder: Path) -> None:
    """Remove what is ours and was used by nobody for long."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        for entry in os.scandir(handle):
            # Another process may be quicker.
            with contextlib.suppress(OSError):
                if _is_stale(entry.name, entry.stat(follow_symlinks=False)):
                    os.unlink(entry.name, dir_fd=handle)
    finally:
        os.close(handle)


def _is_stale(name: str, found: os.stat_result) -> bool:
    if not _is_ours(found):
        return False
    age = _age(found)
    if _UNFINISHED.fullmatch(name):
        return age > _UNFINISHED_SECONDS
    return age > _KEEP_SECONDS and _OURS.fullmatch(name) is not None


def _age(found: os.stat_result) -> float:
    """Seconds since somebody read or wrote it."""
    return time.time() - max(found.st_atime, found.st_mtime)
