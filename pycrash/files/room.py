"""How large a file may become when it is unpacked: a few bytes can be made to fill every disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from pycrash.errors import CrashError
from pycrash.files.cache import cache_folder

#: Dumps and debug files become ten times as large, memory full of zeros more; what stays below
#: the second number is let through whatever it is packed by.
_USUAL_RATIO = 200
_SMALL = 4 << 30
_UNITS = {"K": 10, "M": 20, "G": 30, "T": 40}


def require_room(path: Path, size: int, packed: int, limit: int, written: bool = False) -> None:
    """Whether a file may become `size` bytes, of `packed` ones. Raises CrashError.

    `limit` is the most that was allowed, 0 what is usual. Unless they are written already there
    must be room for them in the cache.
    """
    most = limit or max(_SMALL, _USUAL_RATIO * packed)
    if size > most:
        raise CrashError(
            f"{path}: becomes more than {_shown(most)} when unpacked; --unpack-limit allows more"
        )
    if not written:
        folder = cache_folder()
        free = shutil.disk_usage(folder).free
        if size > free:
            raise CrashError(
                f"{path}: becomes {_shown(size)} when unpacked, {folder} has room for"
                f" {_shown(free)}; set XDG_CACHE_HOME to a folder with more"
            )


def read_size(text: str) -> int:
    """Bytes of "512", "20G" and the like; K, M, G and T are powers of 1024. Raises ValueError."""
    number, unit = (text[:-1], text[-1:].upper()) if text[-1:].isalpha() else (text, "")
    if not (number.isascii() and number.isdecimal()) or (unit and unit not in _UNITS):
        raise ValueError(f"no size: {text}")
    return int(number) << _UNITS.get(unit, 0)


def _shown(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB" if size >= 1 << 30 else f"{size:,} bytes"
