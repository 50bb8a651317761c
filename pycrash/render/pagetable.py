"""The lines of pages by the ten thousand: columns of digits made as arrays of bytes."""

from __future__ import annotations

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
    tails, which = _tails(row)
    longest = max(map(len, tails))
    ends = np.frombuffer("".join(t.ljust(longest) for t in tails).encode(), np.uint8)
    lengths = np.array([len(tail) for tail in tails])
    whole = np.concatenate((head, ends.reshape(len(tails), longest)[which]), axis=1)
    if len(tails) > 1:
        kept = np.arange(whole.shape[1]) < (head.shape[1] + lengths)[:, None]
        whole = whole[kept[which]]
    text = whole.tobytes().decode("ascii")[:-1]
    wide = np.flatnonzero(members["offset"] >> np.uint64(4 * _INDEX_DIGITS)).tolist()
    if not wide:
        return text
    lines, length = text.split("\n"), head.shape[1]
    for place in wide:
        # An index that is wider than its column.
        before, end = lines[place][: length - _INDEX_DIGITS - 1], lines[place][length:]
        lines[place] = f"{before}{members['offset'][place]:x} {end}"
    return "\n".join(lines)


def _tails(row: PageColumns) -> tuple[list[str], Any]:
    """The different ends of lines: how many users, and the flags; and which each page has.

    Pages beside each other are often alike.
    """
    users, flags = row.piece.members["users"], row.piece.members["flags"]
    changes = (users[1:] != users[:-1]) | (flags[1:] != flags[:-1])
    starts = np.concatenate(([0], np.flatnonzero(changes) + 1))
    known: dict[tuple[int, int], int] = {}
    keys = zip(users[starts].tolist(), flags[starts].tolist(), strict=True)
    which = [known.setdefault(key, len(known)) for key in keys]
    tails = [_tail(row, *key) + "\n" for key in known]
    return tails, np.repeat(which, np.diff(starts, append=len(users)))


def _tail(row: PageColumns, users: int, flags: int) -> str:
    names = ",".join(row.flag_names(flags))
    return f"{users:2} {flags:x}{' ' if names else ''}{names}"


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
