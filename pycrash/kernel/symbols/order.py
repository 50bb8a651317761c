"""The symbols of a vmlinux in order, kept between sessions.

To sort and name 200,000 symbols takes some tenths of a second. What comes of it depends on the
vmlinux alone, so it is written down under a key that names it.
"""

from __future__ import annotations

import zlib
from array import array
from pathlib import Path
from typing import NamedTuple

from pycrash.errors import CrashError
from pycrash.files.compressed import cache_folder, keep

# Raised whenever the order or what counts changes.
_MAGIC = b"pycrash symbols 1\n"


class SymbolOrder(NamedTuple):
    """Addresses as linked, names and letters of the symbols that count, by place."""

    values: list[int]
    names: list[str]
    letters: str


def load_order(key: str) -> SymbolOrder | None:
    """What an earlier session wrote down; None where there is nothing whole."""
    try:
        data = Path(cache_folder(), _file(key)).read_bytes()
    except (OSError, CrashError):
        return None
    head, body = data[: len(_MAGIC) + 4], memoryview(data)[len(_MAGIC) + 4 :]
    if head != _MAGIC + zlib.adler32(body).to_bytes(4, "little"):
        return None
    count = int.from_bytes(body[:8], "little")
    values = array("Q", bytes(body[8 : 8 + 8 * count]))
    letters, names = bytes(body[8 + 8 * count :]).decode("latin-1").split("\0", 1)
    return SymbolOrder(values.tolist(), names.split("\0"), letters)


def keep_order(key: str, order: SymbolOrder) -> None:
    """Write it down; a folder that cannot be written to is left alone."""
    text = "\0".join([order.letters, *order.names]).encode("latin-1")
    body = len(order.values).to_bytes(8, "little") + array("Q", order.values).tobytes() + text
    try:
        keep(_file(key), [_MAGIC, zlib.adler32(body).to_bytes(4, "little"), body])
    except CrashError:
        return


def _file(key: str) -> str:
    return f"symbols-{key}"
