"""The symbols of a vmlinux in order, kept between sessions.

To sort and name 200,000 symbols takes some tenths of a second. What comes of it depends on the
vmlinux alone, so it is written down under a key that names it.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

from pycrash.files.cache import note, noted

# Raised whenever the order or what counts changes.
_VERSION = 2


class SymbolOrder(NamedTuple):
    """Addresses as linked, names and letters of the symbols that count, by place."""

    values: list[int]
    names: list[str]
    letters: str


def load_order(key: str) -> SymbolOrder | None:
    """What an earlier session noted; None where there is nothing whole."""
    body = noted(_name(key))
    if body is None:
        return None
    count = int.from_bytes(body[:8], "little")
    letters, _, names = body[8 + 8 * count :].decode("latin-1").partition("\0")
    order = SymbolOrder(_numbers(body[8 : 8 + 8 * count]), names.split("\0"), letters)
    return order if count == len(order.values) == len(order.names) == len(letters) else None


def _numbers(data: bytes) -> list[int]:
    return array("Q", data[: len(data) // 8 * 8]).tolist()


def keep_order(key: str, order: SymbolOrder) -> None:
    """Note it for later sessions."""
    text = "\0".join([order.letters, *order.names]).encode("latin-1")
    note(
        _name(key),
        len(order.values).to_bytes(8, "little") + array("Q", order.values).tobytes() + text,
    )


def _name(key: str) -> str:
    return f"symbols{_VERSION}-{key}"
