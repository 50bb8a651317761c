"""The parts of a split dump (makedumpfile --split), joined in the cache.

Each part has the header and the maps of the whole, and the pages between two of their numbers:
their descriptors, counted from its first page on, and their data.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pycrash.errors import CrashError
from pycrash.files.cache import find_file, keep_file, kept_name_of_all
from pycrash.files.compressed import Progress
from pycrash.files.dumpfile import PAGE_DESC, DumpFile, KdumpHeader

_CHUNK = 1 << 20
#: struct kdump_sub_header: where it says that the dump is split, and at which pages in two words
#: of 64 bits each, which were longs before (version 6).
_SPLIT_AT, _OLD_RANGE_AT, _RANGE_AT = 12, 16, 80
_RANGE = "QQ"


@dataclass(frozen=True)
class _Part:
    """One part: its pages by number, the place of its descriptors, and how many it has."""

    dump: DumpFile
    first: int
    last: int
    count: int

    @property
    def table(self) -> int:
        return self.dump.descriptors[0]

    @property
    def data(self) -> int:
        """Where what lies behind its descriptors begins."""
        return self.table + self.count * PAGE_DESC.size


def joined(paths: Sequence[Path], progress: Progress | None = None) -> Path:
    """In the cache the one dump that is made of all parts. Raises CrashError where one lacks."""
    parts = sorted((_part(path) for path in paths), key=lambda part: (part.first, part.last))
    first = parts[0].dump
    header = first.kdump
    assert header is not None
    for part in parts[1:]:
        if part.dump.bitmaps != first.bitmaps:
            raise CrashError(f"{part.dump.path}: not a part of the dump that {first.path} is of")
    _require_all(parts, header)
    with ExitStack() as stack:
        files = [stack.enter_context(open(part.dump.path, "rb")) for part in parts]
        name = kept_name_of_all(files)

    def write(out: IO[bytes]) -> None:
        _write(parts, header, out, progress)

    return find_file(name) or keep_file(name, write)


def _part(path: Path) -> _Part:
    dump = DumpFile(path)
    header = dump.kdump
    if header is None or not header.split or header.word_size != 8:
        raise CrashError(f"{path}: not a part of a split dump")
    at = header.block_size + (_RANGE_AT if header.version >= 6 else _OLD_RANGE_AT)
    first, last = struct.unpack_from(header.order + _RANGE, dump.head, at)
    below = int.from_bytes(dump.bitmaps[1], "little")
    if first > last or last > header.max_page:
        raise CrashError(f"{path}: damaged: a part of pages {first:,} to {last:,}")
    inside = below >> first & (1 << last - first) - 1
    return _Part(dump, first, last, inside.bit_count())


def _require_all(parts: Sequence[_Part], header: KdumpHeader) -> None:
    """Raises CrashError where the parts do not follow on each other from the first page on."""
    behind = 0
    for part in parts:
        if part.first != behind:
            raise CrashError(
                f"{part.dump.path}: a part of a split dump; the part of page {behind:,} is missing"
            )
        behind = part.last
    if behind < header.max_page:
        raise CrashError(
            f"{parts[-1].dump.path}: a part of a split dump; the part of page {behind:,} is missing"
        )


def _write(
    parts: Sequence[_Part], header: KdumpHeader, out: IO[bytes], progress: Progress | None
) -> None:
    with open(parts[0].dump.path, "rb") as file:
        heads = bytearray(file.read(parts[0].table))
    sub = header.block_size
    struct.pack_into(header.order + "I", heads, sub + _SPLIT_AT, 0)
    for at in (_OLD_RANGE_AT, _RANGE_AT):
        if at == _OLD_RANGE_AT or header.version >= 6:
            struct.pack_into(header.order + _RANGE, heads, sub + at, 0, 0)
    out.write(heads)
    place = len(heads) + sum(part.count for part in parts) * PAGE_DESC.size
    done, total = 0, sum(part.dump.size for part in parts)
    table_at = len(heads)
    for part in parts:
        with open(part.dump.path, "rb") as file:
            file.seek(part.table)
            out.seek(table_at)
            table = file.read(part.data - part.table).ljust(part.data - part.table, b"\0")
            out.write(_moved(table, place - part.data, header))
            table_at = out.tell()
            out.seek(place)
            file.seek(part.data)
            while chunk := file.read(_CHUNK):
                out.write(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(f"joining {part.dump.path}", done, total)
            place = out.tell()


def _moved(table: bytes, distance: int, header: KdumpHeader) -> bytes:
    """Descriptors whose pages lie elsewhere now; what is no place in a file stays none."""
    words = array("Q", table)
    swapped = (header.order == ">") != (sys.byteorder == "big")
    if swapped:
        words.byteswap()
    words[0::3] = array("Q", (place + distance & (1 << 64) - 1 for place in words[0::3]))
    if swapped:
        words.byteswap()
    return words.tobytes()
