"""Writes ELF core files of 64-bit programs: notes, the pages of memory as they come, headers."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO, NamedTuple

_ET_CORE, _PT_LOAD, _PT_NOTE = 4, 1, 4
#: Where a header cannot count its segments, the one section's header does (PN_XNUM).
_MANY = 0xFFFF
_HEADER, _SEGMENT, _SECTION = "16sHHIQQQIHHHHHH", "IIQQQQQQ", "IIQQQQIIQQ"
#: Bytes of a page for which the file has room.
PAGE = 4096


class Note(NamedTuple):
    """One ELF note."""

    owner: str
    type: int
    data: bytes


class _Segment(NamedTuple):
    """A PT_LOAD: of `size` bytes from `start` on the file has the first `held`, at `offset`."""

    flags: int
    start: int
    offset: int
    held: int
    size: int


def note_bytes(notes: Iterable[Note], order: str) -> bytes:
    """Notes as they stand in a file; names and contents fill whole words."""
    parts = []
    for owner, kind, data in notes:
        name = owner.encode() + b"\0"
        parts += [struct.pack(f"{order}III", len(name), len(data), kind), _filled(name)]
        parts.append(_filled(data))
    return b"".join(parts)


def _filled(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


class CoreFile:
    """A core file on its way into `file`, which must be seekable and empty.

    The memory of an area follows its `area`, by rising address and in whole pages: `data` that
    is there, `zeros` that are a hole in the file, what was `left_out` on purpose, and what is
    `lost`, of which there is no trace: debuggers take the first three for readable.
    The headers of segments stand at the end, for only then it is known how many there are.
    All methods raise OSError.
    """

    def __init__(self, file: BinaryIO, machine: int, notes: Iterable[Note], order: str) -> None:
        self._file = file
        self._machine = machine
        self._order = order
        self._notes = note_bytes(notes, order)
        self._segments: list[_Segment] = []
        self._flags = self._start = self._held = self._left_out = 0
        head = struct.calcsize("<" + _HEADER)
        self._notes_at = head
        self._first = self._end = _aligned(head + len(self._notes))
        file.seek(head)
        file.write(self._notes)

    @property
    def size(self) -> int:
        """Bytes of the file so far, its holes among them."""
        return self._end

    def area(self, start: int, flags: int) -> None:
        """Memory from an address on follows; `flags` are PF_X, PF_W, PF_R."""
        self._close()
        self._start, self._flags = start, flags

    def data(self, data: bytes) -> int:
        """Memory that is there; returns the bytes written, which are all but pages of zeros."""
        self._hold(len(data))
        written, at = 0, self._end - len(data)
        for start, end in _not_zeros(data):
            self._file.seek(at + start)
            self._file.write(data[start:end])
            written += end - start
        return written

    def zeros(self, size: int) -> None:
        """Memory of zeros."""
        self._hold(size)

    def left_out(self, size: int) -> None:
        """Memory that is not in the file; a segment tells that there was some."""
        self._left_out += size

    def lost(self, size: int) -> None:
        """Memory of which nothing is known."""
        self._close()
        self._start += size

    def finish(self) -> None:
        """Write the headers."""
        self._close()
        count, order = len(self._segments) + 1, self._order
        headers = [_PT_NOTE, 0, self._notes_at, 0, 0, len(self._notes), 0, 4]
        form = struct.Struct(order + _SEGMENT)
        table = bytearray(form.pack(*headers))
        for flags, start, offset, held, size in self._segments:
            table += form.pack(_PT_LOAD, flags, offset, start, 0, held, size, PAGE)
        sections_at = self._end + len(table) if count >= _MANY else 0
        if sections_at:
            table += struct.pack(order + _SECTION, 0, 0, 0, 0, 0, 1, 0, count, 0, 0)
        self._file.seek(self._end)
        self._file.write(table)
        self._file.seek(0)
        self._file.write(self._header(min(count, _MANY), sections_at))
        self._end += len(table)

    def _header(self, count: int, sections_at: int) -> bytes:
        ident = b"\x7fELF" + bytes((2, 1 if self._order == "<" else 2, 1))
        sizes = (struct.calcsize("<" + form) for form in (_HEADER, _SEGMENT, _SECTION))
        head, segment, section = sizes
        return struct.pack(
            self._order + _HEADER,
            *(ident, _ET_CORE, self._machine, 1, 0, self._end, sections_at, 0),
            *(head, segment, count, section if sections_at else 0, int(sections_at > 0), 0),
        )

    def _hold(self, size: int) -> None:
        """Make room for memory that the file has."""
        if self._left_out:
            self._close()
        self._held += size
        self._end += size

    def _close(self) -> None:
        """End the segment at hand; what follows in the area begins behind it."""
        size = self._held + self._left_out
        if size:
            where = self._end - self._held
            self._segments.append(_Segment(self._flags, self._start, where, self._held, size))
        self._start += size
        self._held = self._left_out = 0


def _aligned(size: int) -> int:
    return size + -size % PAGE


def _not_zeros(data: bytes) -> Iterable[tuple[int, int]]:
    """The runs of pages in which there is something, each from its first byte to behind it."""
    empty, start = bytes(PAGE), -1
    for at in range(0, len(data), PAGE):
        if data[at : at + PAGE] == empty:
            if start >= 0:
                yield start, at
            start = -1
        elif start < 0:
            start = at
    if start >= 0:
        yield start, len(data)
