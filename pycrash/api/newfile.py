"""Files that a command writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from pycrash.errors import CrashError


@contextmanager
def new_file(path: str) -> Iterator[BinaryIO]:
    """A file that was not there before, for its owner alone; removed where it cannot be finished.

    Raises CrashError in place of OSError.
    """

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600)

    try:
        with open(path, "xb", opener=opener) as file:
            try:
                yield file
                file.flush()
            except BaseException:
                os.unlink(path)
                raise
    except OSError as error:
        raise CrashError(f"{path}: {error.strerror or error}") from None
