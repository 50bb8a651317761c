"""kdump files whose pages are not the kernel's, cut into the kernel's pages in the cache.

QEMU cannot know how large the pages of an arm64 guest are, so its `dump-guest-memory -z` writes
the largest there are, of 64 KiB; libkdumpfile takes the size that VMCOREINFO names for that of
the file's pages as well.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pycrash.errors import CrashError
from pycrash.files.cache import find_file, keep_file, kept_name
from pycrash.files.compressed import Progress
from pycrash.files.dumpfile import BAD_PAGE, PAGE_DESC, DumpFile, KdumpHeader

#: struct kdump_sub_header: its bytes, and where it says where the notes are: the place and the
#: size of VMCOREINFO, then of all of them.
_SUB_HEADER = 104
_PLACES_AT = 32
_PLACES = "QQQQ"
_LAST_PAGE_AT = 96
_LARGEST_NOTES = 1 << 24
#: Where struct disk_dump_header has the size of a block, the blocks of the sub header and of
#: the maps, and the number of the last page.
_BLOCKS_AT = 428
_BLOCKS = "IIII"
#: How a page is packed (page_desc.flags).
_PLAIN, _ZLIB = 0, 1


@dataclass(frozen=True)
class _Notes:
    """The sub header and the notes behind it, and where each of them lies in the file."""

    data: bytes
    places: tuple[int, int, int, int]

    def vmcoreinfo(self, start: int) -> bytes:
        place, size, _, _ = self.places
        return self.data[place - start : place - start + size]


def repaged(path: Path, progress: Progress | None = None, text: str = "") -> Path:
    """The dump itself, or in the cache the same with pages of the kernel's size.

    `text` is the VMCOREINFO of a dump that has no note of it. Raises CrashError where pages are
    packed in a way that is not known here.
    """
    dump = DumpFile(path)
    header = dump.kdump
    if header is None or header.word_size != 8:
        return path
    with open(path, "rb") as file:
        notes = _read_notes(file, header)
        size = _page_size(notes, header, text.encode())
        if not 0 < size < header.block_size or header.block_size % size:
            return path
        name = f"{kept_name(path, file)}-{size}"
        kept = find_file(name)
        if kept is not None:
            return kept

        def write(out: IO[bytes]) -> None:
            _Cutter(dump, header, notes, size).write(file, out, progress)

        return keep_file(name, write)


def _read_notes(file: IO[bytes], header: KdumpHeader) -> _Notes:
    start = header.block_size
    file.seek(start)
    sub = file.read(_SUB_HEADER).ljust(_SUB_HEADER, b"\0")
    places = struct.unpack_from(header.order + _PLACES, sub, _PLACES_AT)
    end = max(start + _SUB_HEADER, *(place + size for place, size in (places[:2], places[2:])))
    file.seek(start)
    return _Notes(file.read(min(end - start, _LARGEST_NOTES)), places)


def _page_size(notes: _Notes, header: KdumpHeader, text: bytes) -> int:
    """The size that VMCOREINFO names; that of the file where it names none."""
    note = notes.vmcoreinfo(header.block_size) or text
    found = re.search(rb"^PAGESIZE=(\d+)$", note, re.MULTILINE)
    return int(found[1]) if found else header.block_size


class _Cutter:
    """Writes one dump with smaller pages."""

    def __init__(self, dump: DumpFile, header: KdumpHeader, notes: _Notes, size: int) -> None:
        self._dump = dump
        self._header = header
        self._notes = notes
        self._size = size
        self._parts = header.block_size // size

    def write(self, file: IO[bytes], out: IO[bytes], progress: Progress | None) -> None:
        size = self._size
        sub_blocks = -(-len(self._notes.data) // size)
        maps = [self._widened(bits) for bits in self._dump.bitmaps]
        map_blocks = -(-len(maps[0]) // size)
        out.write(self._first_block(sub_blocks, 2 * map_blocks))
        out.write(self._sub_header().ljust(sub_blocks * size, b"\0"))
        for bits in maps:
            out.write(bits.ljust(map_blocks * size, b"\0"))
        table = out.tell()
        begin, count = self._dump.descriptors
        place = table + count * self._parts * PAGE_DESC.size
        known: dict[bytes | None, bytes] = {None: self._entry(*BAD_PAGE[:3])}
        for number in range(count):
            entries = []
            out.seek(place)
            for page in self._pages(file, begin + number * PAGE_DESC.size):
                if page in known:
                    entries.append(known[page])
                    continue
                assert page is not None
                packed, flags = _pack(page)
                entries.append(self._entry(place, len(packed), flags))
                if not page.strip(b"\0"):
                    known[page] = entries[-1]
                out.write(packed)
                place += len(packed)
            out.seek(table + number * self._parts * PAGE_DESC.size)
            out.write(b"".join(entries))
            if progress is not None:
                progress(f"cutting pages of {self._dump.path}", number, count)

    def _entry(self, place: int, size: int, flags: int) -> bytes:
        return struct.pack(self._header.order + "qIIQ", place, size, flags, 0)

    def _pages(self, file: IO[bytes], at: int) -> Iterator[bytes | None]:
        """The parts of the page whose descriptor stands at a place; None where it is damaged."""
        file.seek(at)
        entry = file.read(PAGE_DESC.size).ljust(PAGE_DESC.size, b"\0")
        place, length, flags, _ = struct.unpack(self._header.order + "qIIQ", entry)
        if flags not in (_PLAIN, _ZLIB):
            raise CrashError(f"{self._dump.path}: its pages are packed neither plainly nor by zlib")
        file.seek(max(place, 0))
        data = file.read(min(length, self._header.block_size))
        whole = _unpack(data) if flags == _ZLIB else data
        for part in range(self._parts):
            page = whole[part * self._size : (part + 1) * self._size]
            yield page if len(page) == self._size else None

    def _first_block(self, sub_blocks: int, map_blocks: int) -> bytes:
        head = bytearray(self._dump.head[: self._size])
        blocks = (self._size, sub_blocks, map_blocks, min(self._last, 0xFFFFFFFF))
        struct.pack_into(self._header.order + _BLOCKS, head, _BLOCKS_AT, *blocks)
        return bytes(head)

    @property
    def _last(self) -> int:
        """The number of pages that the file may have."""
        return self._header.max_page * self._parts

    def _sub_header(self) -> bytes:
        """The sub header with the places that the notes behind it get."""
        order, moved = self._header.order, self._size - self._header.block_size
        data = bytearray(self._notes.data)
        info, info_size, notes, notes_size = self._notes.places
        places = (info and info + moved, info_size, notes and notes + moved, notes_size)
        struct.pack_into(order + _PLACES, data, _PLACES_AT, *places)
        struct.pack_into(order + "Q", data, _LAST_PAGE_AT, self._last)
        return bytes(data)

    def _widened(self, bits: bytes) -> bytes:
        """A map of pages with as many bits for each as it has parts."""
        parts = self._parts
        needed = -(-self._header.max_page // 8)
        widened = [
            sum((1 << parts) - 1 << bit * parts for bit in range(8) if byte >> bit & 1)
            for byte in range(256)
        ]
        return b"".join(widened[byte].to_bytes(parts, "little") for byte in bits[:needed])


def _unpack(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error:
        return b""


def _pack(page: bytes) -> tuple[bytes, int]:
    """A page as it is written, and the flags that tell how."""
    packed = zlib.compress(page, 1)
    return (packed, _ZLIB) if len(packed) < len(page) else (page, _PLAIN)
