"""ELF core files of physical memory, made in the cache of formats that drgn cannot read.

How a reader of a format uses this, as one step of `open_dump`:

    def laid_out(path, progress, limit) -> Path:
        with open(path, "rb") as file:
            name = kept_name(path, file)         # of all files that the content comes from
            ...                                  # read where memory is
            plan = Plan(machine=62, regions=(Region(0, 3 << 30), Region(4 << 30, 5 << 30)))

            def fill(image: MemoryImage) -> None:
                image.copy(0, file, offset, 3 << 30)     # a plain stretch of a file
                image.write(address, data)               # pages, in any order, as often as need be
                image.add_note("CORE", 1, prstatus)      # at any time

            return find_file(name) or keep_image(path, name, plan, fill, limit)

Progress is the reader's to show: it alone knows how far it is. A VMCOREINFO note need not be
added: it is looked for in the memory of files that have none.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from pycrash.errors import CrashError
from pycrash.files.cache import keep_file
from pycrash.files.holes import data_in
from pycrash.files.room import require_room

#: Physical memory is taken and left out by pages of this size, whatever the kernel's is.
PAGE = 4096
_NO_PAGE = bytes(PAGE)
#: Bytes read at once, and after how many it is looked whether the file became too large.
_CHUNK = 1 << 20
_LOOK = 1 << 26
#: No machine has physical addresses beyond this.
_HIGHEST = 1 << 56
#: More segments than this a header cannot count.
_MOST_REGIONS = 0xFFFE
_HEADER, _SEGMENT = "16sHHIQQQIHHHHHH", "IIQQQQQQ"
_ET_CORE, _PT_LOAD, _PT_NOTE = 4, 1, 4
#: ioctl FICLONERANGE, which has two files share blocks of the disk, and its argument.
_CLONE, _CLONE_ARGUMENT = 0x4020940D, "qQQQ"


class Region(NamedTuple):
    """Physical memory: `size` bytes from an address on."""

    address: int
    size: int

    @property
    def end(self) -> int:
        return self.address + self.size


@dataclass(frozen=True)
class Plan:
    """What is known before the memory is: the machine (EM_X86_64 is 62, EM_AARCH64 183), where
    memory is, in any order, and the byte order, "<" or ">"."""

    machine: int
    regions: tuple[Region, ...]
    order: str = "<"


class MemoryImage:
    """An ELF core file of a machine's memory on its way into `out`, which is empty.

    What nothing is written to reads as zeros and takes no room on the disk. All methods raise
    CrashError where memory lies outside of the regions, OSError where the disk says no.
    """

    def __init__(self, out: IO[bytes], plan: Plan, source: Path, limit: int) -> None:
        self._handle = out.fileno()
        self._plan = plan
        self._source = source
        self._limit = limit
        self._given = os.stat(source).st_size
        self._regions = _apart(sorted(plan.regions))
        self._places: list[int] = []
        self._notes = bytearray()
        self._written = self._told = 0
        end = struct.calcsize("<" + _HEADER)
        end += (len(self._regions) + 1) * struct.calcsize("<" + _SEGMENT)
        for region in self._regions:
            self._places.append(_up(end))
            end = self._places[-1] + region.size
        self._end = end
        os.ftruncate(self._handle, end)

    def add_note(self, owner: str, kind: int, data: bytes) -> None:
        """Add an ELF note: NT_PRSTATUS of "CORE" is 1, VMCOREINFO has kind 0."""
        name = owner.encode() + b"\0"
        head = struct.pack(self._plan.order + "III", len(name), len(data), kind)
        self._notes += head + _whole_words(name) + _whole_words(data)

    def write(self, address: int, data: bytes) -> None:
        """Set memory from a physical address on."""
        for place, start, end in self._pieces(address, len(data)):
            self._put(place, data[start:end])

    def zero(self, address: int, size: int) -> None:
        """Clear memory, however much that is."""
        for place, start, end in self._pieces(address, size):
            self._clear(place, end - start)

    def copy(
        self,
        address: int,
        file: IO[bytes],
        offset: int,
        size: int,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Set memory to `size` bytes of a file, and return how many of them the file has.

        Blocks of the disk are shared where the file system can; else what is not zeros is copied,
        which takes less time and room than to have the system copy all (copy_file_range).
        `progress` is called with the bytes done so far.
        """
        source = file.fileno()
        size = min(size, max(0, os.fstat(source).st_size - offset))
        for place, start, end in self._pieces(address, size):
            if _clone(source, offset + start, self._handle, place, end - start):
                continue
            self._require_room(source, end - start)
            moved, behind = place - offset - start, offset + start
            for first, last in data_in(source, offset + start, offset + end):
                self._clear(behind + moved, first - behind)
                for at in range(first, last, _CHUNK):
                    data = os.pread(source, min(_CHUNK, last - at), at)
                    self._put(at + moved, data)
                    if progress is not None:
                        progress(at - offset + len(data))
                behind = last
            self._clear(behind + moved, offset + end - behind)
        return size

    def finish(self) -> None:
        """Write the headers and the notes, behind which nothing follows."""
        order, machine = self._plan.order, self._plan.machine
        segment = struct.Struct(order + _SEGMENT)
        table = segment.pack(_PT_NOTE, 0, self._end, 0, 0, len(self._notes), len(self._notes), 4)
        for place, (address, size) in zip(self._places, self._regions, strict=True):
            table += segment.pack(_PT_LOAD, 7, place, 0, address, size, size, PAGE)
        ident = b"\x7fELF" + bytes((2, 1 if order == "<" else 2, 1))
        head_size = struct.calcsize("<" + _HEADER)
        counts = (head_size, segment.size, len(self._regions) + 1, 0, 0, 0)
        head = struct.pack(
            order + _HEADER, ident, _ET_CORE, machine, 1, 0, head_size, 0, 0, *counts
        )
        _write(self._handle, 0, head + table)
        _write(self._handle, self._end, bytes(self._notes))

    def _pieces(self, address: int, size: int) -> Iterator[tuple[int, int, int]]:
        """Where in the file memory goes, and which part of it: regions may touch each other."""
        done = 0
        for place, region in zip(self._places, self._regions, strict=True):
            at = address + done
            if done < size and region.address <= at < region.end:
                some = min(size - done, region.end - at)
                yield place + at - region.address, done, done + some
                done += some
        if done < size:
            raise CrashError(f"memory at {address + done:#x} is in no region")

    def _require_room(self, source: int, size: int) -> None:
        """Whether there is room for so much of a file, of whose holes nothing is known."""
        status = os.fstat(source)
        size = min(size, status.st_blocks * 512)
        self._given = max(self._given, self._written + size)
        require_room(self._source, size, size, self._limit)

    def _put(self, place: int, data: bytes) -> None:
        """Write what is not zeros, and clear the rest."""
        start, empty = 0, False
        for at in [*range(0, len(data), PAGE), len(data)]:
            page = data[at : at + PAGE]
            is_empty = page == _NO_PAGE
            if at and (is_empty != empty or at == len(data)):
                if empty:
                    self._clear(place + start, at - start)
                else:
                    _write(self._handle, place + start, data[start:at])
                    self._count(at - start)
                start = at
            empty = is_empty

    def _clear(self, place: int, size: int) -> None:
        """Write zeros over what was written before, and leave holes alone."""
        for first, last in data_in(self._handle, place, place + size):
            for at in range(first, last, _CHUNK):
                _write(self._handle, at, bytes(min(_CHUNK, last - at)))

    def _count(self, size: int) -> None:
        self._written += size
        if self._written - self._told >= _LOOK:
            self._told = self._written
            require_room(self._source, self._written, self._given, self._limit, written=True)


def keep_image(
    source: Path,
    name: str,
    plan: Plan,
    fill: Callable[[MemoryImage], None],
    limit: int = 0,
    needed: int = 0,
) -> Path:
    """Have a core file of that name made in the cache, all or nothing. Raises CrashError.

    `source` is the file that messages name. Neither it nor what is copied may become larger than
    is usual, or than `limit` allows (`--unpack-limit`), where it is not zeros. There must be room
    in the cache for stretches of files before they are copied, and for the bytes `needed`, where
    that is known.
    """
    _check(source, plan)
    if needed:
        require_room(source, needed, os.stat(source).st_size, limit)

    def write(out: IO[bytes]) -> None:
        image = MemoryImage(out, plan, source, limit)
        try:
            fill(image)
        except CrashError as error:
            raise CrashError(_with_name(source, str(error))) from error
        image.finish()

    return keep_file(name, write)


def _apart(regions: list[Region]) -> list[Region]:
    """The regions, one from address 0 on in two: where all segments of a file are at 0 drgn
    takes that for no address at all."""
    first, *others = regions
    if others or first.address or first.size <= PAGE:
        return regions
    return [Region(0, PAGE), Region(PAGE, first.size - PAGE)]


def _with_name(source: Path, text: str) -> str:
    return text if text.startswith(f"{source}:") else f"{source}: {text}"


def _check(source: Path, plan: Plan) -> None:
    """Raises CrashError where that cannot be the memory of a machine."""
    regions = sorted(plan.regions)
    if not regions or len(regions) > _MOST_REGIONS:
        raise CrashError(f"{source}: damaged: {len(regions):,} regions of memory")
    behind = 0
    for region in regions:
        if region.size <= 0 or region.address < 0 or region.end > _HIGHEST:
            raise CrashError(
                f"{source}: damaged: {region.size:,} bytes of memory at {region.address:#x}"
            )
        if region.address < behind:
            raise CrashError(f"{source}: memory at {region.address:#x} is there twice")
        behind = region.end


def _write(handle: int, place: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        done = os.pwrite(handle, view, place)
        view, place = view[done:], place + done


def _clone(source: int, offset: int, target: int, place: int, size: int) -> bool:
    """Have a file take blocks of the disk from another; False where that cannot be."""
    # Most file systems cannot, and none does so between two, or with parts of blocks.
    with contextlib.suppress(OSError):
        argument = struct.pack(_CLONE_ARGUMENT, source, offset, size, place)
        fcntl.ioctl(target, _CLONE, argument)
        return True
    return False


def _up(place: int) -> int:
    return place + -place % PAGE


def _whole_words(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
