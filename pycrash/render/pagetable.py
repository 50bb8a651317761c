"""The lines of pages by the ten thousand: columns of digits made as arrays of bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pycrash.api.context import View
from pycrash.api.pagerows import PageColumns

_BLANK, _ZERO = ord(" "), ord("0")
_INDEX_DIGITS = 8
_HEXADECIMAL = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint16)

_Bytes = np.ndarray[Any, np.dtype[np.uint8]]
_Numbers = np.ndarray[Any, np.dtype[np.uint64]]


def page_lines(row: PageColumns, view: View) -> str:
    """The lines of all the pages of a row, with newlines between them."""
    piece, width = row.piece, view.pointer_width
    members = piece.members
    count = len(members)
    steps = np.arange(count, dtype=np.uint64)
    columns = [
        _hexadecimal(np.uint64(piece.page) + steps * np.uint64(piece.size), width),
        _hexadecimal(np.uint64(piece.physical) + steps * np.uint64(piece.page_size), row.digits),
        _sparse(members["mapping"], width),
        _sparse(members["offset"], _INDEX_DIGITS),
    ]
    head = np.concatenate(columns, axis=1)
    text, length = head.tobytes().decode("ascii"), head.shape[1]
    tails = _Tails(row.flag_names)
    keys = zip(members["users"].tolist(), members["flags"].tolist(), strict=True)
    ends = [tails[key] for key in keys]
    lines = [
        text[at : at + length] + end
        for at, end in zip(range(0, count * length, length), ends, strict=True)
    ]
    for place in np.flatnonzero(members["offset"] >> (4 * _INDEX_DIGITS)).tolist():
        # An index that is wider than its column.
        before = lines[place][: length - _INDEX_DIGITS - 1]
        lines[place] = f"{before}{members['offset'][place]:x} {ends[place]}"
    return "\n".join(lines)


class _Tails(dict[tuple[int, int], str]):
    """The ends of lines: how many users, and the flags; few pages have any of their own."""

    def __init__(self, flag_names: Callable[[int], tuple[str, ...]]) -> None:
        self._names = flag_names

    def __missing__(self, key: tuple[int, int]) -> str:
        users, flags = key
        names = ",".join(self._names(flags))
        text = self[key] = f"{users:2} {flags:x}{' ' if names else ''}{names}"
        return text


def _sparse(numbers: Any, width: int) -> _Bytes:
    """Numbers that are mostly zero, as _hexadecimal makes them."""
    found = np.full((len(numbers), width + 1), _BLANK, np.uint8)
    found[:, width - 1] = _ZERO
    places = np.flatnonzero(numbers)
    if len(places):
        found[places] = _hexadecimal(numbers[places].astype(np.uint64), width)
    return found


def _hexadecimal(numbers: _Numbers, width: int) -> _Bytes:
    """Numbers in columns of hexadecimal digits, right-aligned, each with a blank behind it.

    Digits that a column has no room for are lost.
    """
    octets = numbers.astype(">u8").view(np.uint8).reshape(-1, 8)
    digits = _HEXADECIMAL[octets].view(np.uint8)
    found = np.full((len(numbers), width + 1), _BLANK, np.uint8)
    used = min(width, digits.shape[1])
    shown = digits[:, digits.shape[1] - used :]
    leading = np.logical_and.accumulate(shown[:, :-1] == _ZERO, axis=1)
    found[:, width - used : width] = shown
    found[:, width - used : width - 1][leading] = _BLANK
    return found
