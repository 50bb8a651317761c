"""What a large file is known by, whatever its name and its times: its size and parts of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

#: Files up to this many bytes count whole.
WHOLE = 16 << 20
#: Of larger ones: the beginning, where headers, notes and the bitmap of pages are, ...
HEAD = 4 << 20
#: ... and spans of this size at even distances, the last of them at the file's end.
SPAN, SPANS = 64 << 10, 64


def content_key(path: Path) -> str:
    """A digest of a file's size, beginning and spread spans, in hexadecimal. Raises OSError.

    At most 8 MiB of a large file are read. Two that differ nowhere in those are taken for the
    same: dumps are not, since the time of the crash is in the note at the beginning, and what
    a kernel had in memory differs everywhere.
    """
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        digest = hashlib.sha256(f"{size}\n".encode())
        digest.update(file.read(WHOLE if size <= WHOLE else HEAD))
        if size > WHOLE:
            for number in range(1, SPANS + 1):
                file.seek(HEAD + (size - HEAD - SPAN) * number // SPANS)
                digest.update(file.read(SPAN))
    return digest.hexdigest()[:32]


def key_of_all(paths: Sequence[Path]) -> str:
    """The key of a dump in one file, or in several. Raises OSError."""
    keys = [content_key(path) for path in paths]
    if len(keys) == 1:
        return keys[0]
    return hashlib.sha256("".join(sorted(keys)).encode()).hexdigest()[:32]
