"""Which stretches of a file hold data, and which are holes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator


def data_in(handle: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a stretch of an open file that are no holes, each with where it ends."""
    while start < end:
        try:
            start = os.lseek(handle, start, os.SEEK_DATA)
        except OSError:  # there are none up to the end of the file
            return
        if start < end:
            last = min(os.lseek(handle, start, os.SEEK_HOLE), end)
            yield start, last
            start = last
