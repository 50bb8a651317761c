"""Saved guests of QEMU: what `migrate "exec:cat > FILE"` and `virsh save` write.

A migration stream is a sequence of sections: the pages of each block of memory first, by their
offset in the block, then the state of the devices, the CPUs among them. Where in physical memory
a block lies is not said: the kind of the machine tells. All numbers are big-endian.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pycrash.errors import CrashError
from pycrash.files.cache import find_file, kept_name
from pycrash.files.compressed import Progress, content_chunks
from pycrash.files.image import MemoryImage, Plan, keep_image
from pycrash.files.qemumachine import machine_of, placed_blocks, state_of_cpus
from pycrash.files.registers import KIND, OWNER, prstatus
from pycrash.files.stream import Stream

_MAGIC, _VERSION = b"QEVM", 3
#: What libvirt puts before the stream: a header with the bytes of text that follow it.
_LIBVIRT, _UNFINISHED = b"LibvirtQemudSave", b"LibvirtQemudPart"
_LIBVIRT_HEADER = struct.Struct("<16sIIIII56x")
_LONGEST_TEXT = 1 << 26
_LZOP = b"\x89LZO"

#: Kinds of sections.
_EOF, _START, _PART, _END, _FULL, _SUB, _DESCRIPTION, _CONFIGURATION, _COMMAND = range(9)
_FOOTER = 0x7E
#: Bits of the word before a page, whose upper part is the page's offset in its block.
_FILL, _SIZES, _PAGE, _DONE, _SAME_BLOCK, _DELTA, _PACKED = 2, 4, 8, 0x10, 0x20, 0x40, 0x100
_KNOWN = _FILL | _SIZES | _PAGE | _DONE | _SAME_BLOCK | _PACKED
#: What was agreed on about the stream and changes it.
_FOREIGN_FORMS = ("mapped-ram", "x-ignore-shared", "fixed-ram")

_MOST_BLOCKS, _LONGEST_MACHINE = 4096, 256
#: The state of a device that is none of memory's.
_LARGEST_DEVICE = 1 << 24
_LARGEST_REST = 1 << 26
_RUN = 1 << 20
#: An empty page of the same block: its word, and the byte that it is full of.
_EMPTY = struct.Struct(">QB")
_AHEAD = 1000


def is_saved_guest(head: bytes) -> bool:
    """Whether a file that begins so is a saved guest."""
    return head.startswith((_MAGIC, _LIBVIRT, _UNFINISHED))


def saved_guest(path: Path, progress: Progress | None = None, limit: int = 0) -> Path:
    """In the cache the core file of a saved guest: its memory and registers.

    `limit` is how many bytes the memory may become, 0 what is usual. Raises CrashError.
    """
    with open(path, "rb") as file:
        name = kept_name(path, file)
        kept = find_file(name)
        if kept is not None:
            return kept
        migration = _Migration(path, file, progress, limit)
        return keep_image(path, name, migration.plan, migration.fill, limit)


def _chunks(path: Path, file: IO[bytes], limit: int) -> Iterator[bytes]:
    """The stream itself, without what libvirt put around it."""
    file.seek(0)
    head = file.read(_LIBVIRT_HEADER.size)
    if head.startswith(_UNFINISHED):
        raise CrashError(f"{path}: a saved guest of libvirt that was never finished")
    start = 0
    if head.startswith(_LIBVIRT):
        head = head.ljust(_LIBVIRT_HEADER.size, b"\0")
        _, version, text, _, _, _ = _LIBVIRT_HEADER.unpack(head)
        if version >= 1 << 16:  # written on a machine of the other byte order
            (text,) = struct.unpack_from(">I", head, 20)
        if text > _LONGEST_TEXT:
            raise CrashError(f"{path}: damaged: {text:,} bytes of text before the saved guest")
        start = _LIBVIRT_HEADER.size + text
    file.seek(start)
    if file.read(len(_LZOP)) == _LZOP:
        raise CrashError(f"{path}: a saved guest packed with lzop, which is not supported")
    file.seek(start)
    return content_chunks(path, file, limit)


class _Migration:
    """One stream, read once."""

    def __init__(self, path: Path, file: IO[bytes], progress: Progress | None, limit: int) -> None:
        self._path = path
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._progress = progress
        self._stream = Stream(path, _chunks(path, file, limit))
        self._page = 4096
        self._memory = -1  # the number of memory's section
        self._machine = ""
        self._blocks: dict[str, int] = {}
        self._block = ""  # the one of the last page, which the next section may go on with
        self._read_head()
        try:
            self._elf_machine = machine_of(self._machine, self._blocks)
            self._placed = placed_blocks(self._machine, self._blocks)
        except CrashError as error:
            raise CrashError(f"{path}: {error}") from error

    @property
    def plan(self) -> Plan:
        """Where memory is."""
        regions = tuple(piece.region for pieces in self._placed.values() for piece in pieces)
        return Plan(self._elf_machine, regions)

    def fill(self, image: MemoryImage) -> None:
        """Write memory and the CPUs' registers."""
        kind = _START
        while True:
            self._read_pages(image)
            if kind == _END:
                break
            kind = self._next_of_memory()
        rest = self._stream.rest(_LARGEST_REST)
        for cpu, registers in enumerate(state_of_cpus(self._elf_machine, rest)):
            image.add_note(OWNER, KIND, prstatus(self._elf_machine, cpu, registers))

    def _read_head(self) -> None:
        """Read to behind the list of the blocks of memory."""
        stream = self._stream
        magic, version = stream.take(len(_MAGIC)), stream.number(4)
        if magic != _MAGIC or version != _VERSION:
            raise CrashError(f"{self._path}: no saved guest of a version that is known: {version}")
        if stream.peek() == _CONFIGURATION:
            stream.take(1)
            self._read_configuration()
        self._next_of_memory()
        word = stream.number(8)
        if not word & _SIZES:
            raise self._damaged()
        left = word & -self._page
        while left > 0:
            name, size = stream.name(), stream.number(8)
            if not name or not size or len(self._blocks) >= _MOST_BLOCKS:
                raise self._damaged()
            self._blocks[name] = size
            left -= size
        if left or not self._blocks:
            raise self._damaged()

    def _read_configuration(self) -> None:
        stream = self._stream
        if (size := stream.number(4)) > _LONGEST_MACHINE:
            raise self._damaged()
        self._machine = stream.take(size).decode("latin-1")
        while stream.peek() == _SUB:
            stream.take(1)
            name, _ = stream.name(), stream.number(4)
            if name == "configuration/target-page-bits":
                bits = stream.number(4)
                if not 12 <= bits <= 16:
                    raise self._damaged()
                self._page = 1 << bits
            elif name == "configuration/capabilities":
                for _ in range(min(stream.number(4), 256)):
                    form = stream.name()
                    if form in _FOREIGN_FORMS:
                        raise self._refused(form)
            elif name == "configuration/uuid":
                stream.take(16)
            else:
                raise self._refused(name)

    def _next_of_memory(self) -> int:
        """Go to the next section of memory, and return its kind. Others are passed over."""
        stream = self._stream
        while True:
            kind = stream.number(1)
            if kind == _FOOTER:
                stream.take(4)
            elif kind == _COMMAND:
                stream.take(2)
                stream.take(stream.number(2))
            elif kind in (_START, _PART, _END, _FULL):
                number = stream.number(4)
                if kind in (_START, _FULL):
                    name, _, _ = stream.name(), stream.number(4), stream.number(4)
                    if name == "ram":
                        self._memory = number
                if number == self._memory:
                    return kind
                stream.skip_past(struct.pack(">BI", _FOOTER, number), _LARGEST_DEVICE)
            else:
                raise self._damaged()

    def _read_pages(self, image: MemoryImage) -> None:
        """Read one section of memory."""
        stream, run = self._stream, _Run(image)
        while True:
            word = stream.number(8)
            flags, offset = word & self._page - 1, word & -self._page
            if flags & _DONE:
                break
            if flags & _DELTA:
                raise self._refused("pages as differences (xbzrle)")
            if flags & ~_KNOWN or flags & _SIZES:
                raise self._refused(f"pages of kind {flags:#x} (multifd?)")
            if not flags & _SAME_BLOCK:
                name = stream.name()
                if name not in self._blocks:
                    raise self._damaged()
                self._block = name
            data, more = self._read_page(flags), 0
            if not data and flags & _SAME_BLOCK:
                more = self._skip_empty(word)
            if self._block in self._placed:
                for place in range(offset, offset + (more + 1) * self._page, self._page):
                    run.add(self._address(place), data, self._page)
        run.end()
        if self._progress is not None:
            self._progress(f"reading {self._path}", self._file.tell(), self._size)

    def _skip_empty(self, word: int) -> int:
        """How many of the pages behind one are empty as well, and follow it; they are read."""
        step = self._page
        count = 0
        for following, fill in _EMPTY.iter_unpack(self._stream.ahead(_EMPTY.size, _AHEAD)):
            if fill or following != word + (count + 1) * step:
                break
            count += 1
        self._stream.take(count * _EMPTY.size)
        return count

    def _read_page(self, flags: int) -> bytes:
        """The bytes of a page; none where it is empty."""
        stream = self._stream
        if flags & _FILL:
            fill = stream.number(1)
            return bytes((fill,)) * self._page if fill else b""
        if flags & _PAGE:
            return stream.take(self._page)
        if flags & _PACKED:
            size = stream.number(4)
            if size <= 2 * self._page:
                try:
                    page = zlib.decompressobj().decompress(stream.take(size), self._page + 1)
                except zlib.error:
                    page = b""
                if len(page) == self._page:
                    return page
        raise self._damaged()

    def _address(self, offset: int) -> int:
        """Where the page of the current block lies."""
        for piece in self._placed[self._block]:
            if piece.offset <= offset < piece.offset + piece.region.size:
                return piece.region.address + offset - piece.offset
        raise self._damaged()

    def _damaged(self) -> CrashError:
        return CrashError(f"{self._path}: damaged: no saved guest at byte {self._stream.place:,}")

    def _refused(self, what: str) -> CrashError:
        return CrashError(
            f"{self._path}: a saved guest in a form that is not supported: {what};"
            " `virsh dump --memory-only` makes a file that opens"
        )


class _Run:
    """Pages that follow each other, written at once."""

    def __init__(self, image: MemoryImage) -> None:
        self._image = image
        self._start = self._end = 0
        self._pages: list[bytes] = []
        self._empty = False

    def add(self, address: int, page: bytes, size: int) -> None:
        """Add a page; no bytes are an empty one."""
        full = not self._empty and address - self._start >= _RUN
        if address != self._end or self._empty != (not page) or full:
            self.end()
            self._start, self._empty = address, not page
        self._pages.append(page)
        self._end = address + size

    def end(self) -> None:
        """Write what was added."""
        if self._empty:
            self._image.zero(self._start, self._end - self._start)
        else:
            self._image.write(self._start, b"".join(self._pages))
        self._pages = []
        self._start = self._end
