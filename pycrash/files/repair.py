"""kdump files whose heads or table of pages are damaged, mended in the cache for drgn.

libkdumpfile maps the file and trusts each struct page_desc: a place behind the end of the
file would end the process (SIGBUS). In the mended copy such a page cannot be unpacked, and
reading it is an error like any other; every other page stays as it is.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from pycrash.files.cache import find_file, keep_file, kept_name
from pycrash.files.compressed import Progress
from pycrash.files.dumpfile import BAD_PAGE, PAGE_DESC, DumpFile, KdumpHeader
from pycrash.files.heads import Change, Heads, apply

_CHUNK = 1 << 20
#: Pages looked at in one sweep.
_SWEEP = 1 << 16


def mended(path: Path, progress: Progress | None = None, machine: bytes = b"") -> tuple[Path, int]:
    """The dump itself, or a mended copy, and how many of its pages are lost.

    `machine` is that of the vmlinux (`Heads`).
    """
    dump = DumpFile(path)
    with open(path, "rb") as file:
        bad = _bad_descriptors(dump, file)
        changes = [*Heads(file, machine).changes, *((at, PAGE_DESC.pack(*BAD_PAGE)) for at in bad)]
        if not changes:
            return path, 0
        name = f"{kept_name(path, file)}-{_digest(changes)}"
        kept = find_file(name)
        if kept is not None:
            return kept, len(bad)

        def write(out: IO[bytes]) -> None:
            file.seek(0)
            while chunk := file.read(_CHUNK):
                out.write(chunk)
                if progress is not None:
                    progress(f"mending {path}", file.tell(), dump.size)
            # A table cut short ends in pages that are lost, too.
            apply(changes, out)

        return keep_file(name, write), len(bad)


def _bad_descriptors(dump: DumpFile, file: IO[bytes]) -> list[int]:
    """Where in the file the descriptors stand whose page is not, or not whole, in the file."""
    header = dump.kdump
    if header is None:
        return []
    begin, count = dump.descriptors
    swapped = (header.order == ">") != (sys.byteorder == "big")
    safe = dump.size - header.block_size
    bad: list[int] = []
    for first in range(0, count, _SWEEP):
        file.seek(begin + first * PAGE_DESC.size)
        table = file.read(min(_SWEEP, count - first) * PAGE_DESC.size)
        whole = len(table) // PAGE_DESC.size
        table = table[: whole * PAGE_DESC.size]
        places = array("Q", table)[0::3]
        if swapped:
            places.byteswap()
        suspects: Iterable[int] = (n for n, place in enumerate(places) if place > safe)
        if _has_large(table, header):
            suspects = range(whole)
        for index in suspects:
            at = index * PAGE_DESC.size
            place, size = struct.unpack_from(header.order + "QI", table, at)
            if place + size > dump.size or size > header.block_size:
                bad.append(begin + first * PAGE_DESC.size + at)
        cut_off = range(first + whole, min(first + _SWEEP, count))
        bad += [begin + index * PAGE_DESC.size for index in cut_off]
    return bad


def _has_large(table: bytes, header: KdumpHeader) -> bool:
    """Whether a descriptor's size may be larger than a page, told by its higher bytes alone."""
    columns = [table[at :: PAGE_DESC.size] for at in range(8, 12)]
    lowest, low, *high = columns if header.order == "<" else columns[::-1]
    some_high = any(column.count(0) != len(lowest) for column in high)
    return some_high or max(set(low), default=0) > header.block_size >> 8


def _digest(changes: list[Change]) -> str:
    return hashlib.sha256(repr(changes).encode()).hexdigest()[:8]
