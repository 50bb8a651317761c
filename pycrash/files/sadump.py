"""Dumps of sadump, which the firmware of Fujitsu's servers writes: to one partition, to a set of
disks, or copied to a medium.

One bitmap says which pages are memory, a second which of them follow behind it, in their order.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import IO

from pycrash.errors import CrashError
from pycrash.files.cache import find_file, kept_name_of_all
from pycrash.files.compressed import Progress
from pycrash.files.image import MemoryImage, Plan, Region, keep_image
from pycrash.files.registers import X86_64

_SIGNATURE = b"sadump\0\0"
BLOCK = 4096
#: The head of a partition: IDs of the system, the set and the disk; which of the set it is, from
#: 1 on (0: it is none), and how many of its bytes are used; then numbers that follow a rule.
_PARTITION = struct.Struct("<8s80x16s16s16s16xI4xQ")
_RULE_AT, _RULE_COUNT = 168, 982
#: The head of a medium: the IDs of system and set, and which of the media it is.
_MEDIUM = struct.Struct("<16s16s16xB")
#: The head of the set: its blocks, its disks, then the IDs of the second and following ones.
_SET, _SET_IDS_AT, _SET_ID_STEP, _MOST_DISKS = struct.Struct("<II"), 16, 32, 16
#: The head of the dump: its version, the size of a block, the blocks of the CPUs' state and of
#: both bitmaps, and the number of pages, twice.
_DUMP = struct.Struct("<8sI28xI4xIIII24xQ")
_LARGEST_BITMAP = 1 << 28
#: More than this no core file can have.
_MOST_REGIONS = 1 << 16
#: Bytes of a bitmap that are looked at at once, and what each becomes: a digit for each bit.
_PIECE = 1 << 16
_DIGITS = [f"{byte:08b}".encode() for byte in range(256)]


@dataclass(frozen=True)
class _Disk:
    """A disk of a set, or the one partition: where its part of the pages begins and ends."""

    file: IO[bytes]
    system: bytes
    diskset: bytes
    volume: bytes
    rank: int
    used: int

    @property
    def path(self) -> Path:
        return Path(self.file.name)


def is_sadump(head: bytes) -> bool:
    """Whether a file that begins so (two blocks) is of sadump."""
    return head.startswith(_SIGNATURE) or head[BLOCK : BLOCK + 8] == _SIGNATURE


def set_of(head: bytes) -> bytes:
    """The IDs that all disks of a set bear; empty where a file that begins so is none of them."""
    if not head.startswith(_SIGNATURE) or len(head) < _PARTITION.size:
        return b""
    _, system, diskset, _, rank, _ = _PARTITION.unpack_from(head)
    return system + diskset if rank else b""


def firmware_dump(paths: Sequence[Path], progress: Progress | None = None, limit: int = 0) -> Path:
    """In the cache the core file of a dump of sadump, given in all its disks in any order.

    What the dump leaves out of the memory reads as zeros. `limit` is how many bytes the memory
    may become, 0 what is usual. Raises CrashError.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(open(path, "rb")) for path in paths]
        return _kept(files, progress, limit)


def _kept(files: Sequence[IO[bytes]], progress: Progress | None, limit: int) -> Path:
    disks, start = _disks(files)
    path = disks[0].path
    name = kept_name_of_all(files)
    kept = find_file(name)
    if kept is not None:
        return kept
    memory, dumped, start = _bitmaps(disks[0], start)
    runs = islice(_runs(memory), _MOST_REGIONS)
    regions = tuple(Region(first * BLOCK, (behind - first) * BLOCK) for first, behind in runs)
    total = sum(os.fstat(disk.file.fileno()).st_size for disk in disks)

    def fill(image: MemoryImage) -> None:
        places = _Places(disks, start)
        for first, behind in _runs(dumped):
            address = first * BLOCK
            for disk, at, size in places.take((behind - first) * BLOCK):
                if image.copy(address, disk.file, at, size) < size:
                    raise CrashError(f"{disk.path}: cut short")
                address += size
            if progress is not None:
                progress(f"reading {path}", places.done, total)

    return keep_image(path, name, Plan(X86_64, regions), fill, limit, needed=_bytes_of(dumped))


def _bytes_of(dumped: bytes) -> int:
    """The bytes of the pages of which a bitmap has the bit."""
    return int.from_bytes(dumped, "big").bit_count() * BLOCK


class _Places:
    """Where pages that follow each other lie on the disks."""

    def __init__(self, disks: Sequence[_Disk], start: int) -> None:
        self._disks = list(disks)
        self._at = start
        self.done = 0

    def take(self, size: int) -> Iterator[tuple[_Disk, int, int]]:
        """The places of the next bytes: disk, offset, size. Raises CrashError behind the last."""
        while size > 0:
            disk = self._disks[0]
            # A partition alone is read to its end, whatever it says of itself.
            left = disk.used - self._at if disk.rank else size
            some = min(size, left)
            if some > 0:
                yield disk, self._at, some
                self._at += some
                self.done += some
                size -= some
            elif len(self._disks) == 1:
                raise CrashError(f"{disk.path}: a disk of a set; one that follows is missing")
            else:
                self._disks.pop(0)
                self._at = BLOCK


def _disks(files: Sequence[IO[bytes]]) -> tuple[list[_Disk], int]:
    """The disks in their order, and where on the first the head of the dump begins."""
    if len(files) == 1:
        file = files[0]
        if _block(file, 0).startswith(_SIGNATURE):
            disk = _disk(file, 0)
            return [disk], _behind_set([disk]) if disk.rank else BLOCK
        system, diskset, rank = _MEDIUM.unpack_from(_block(file, 0))
        disk = _disk(file, BLOCK)
        if (system, diskset) != (disk.system, disk.diskset):
            raise CrashError(f"{file.name}: damaged: a medium of another system")
        if rank != 1:
            raise CrashError(f"{file.name}: medium {rank} of several, which is not supported")
        return [_Disk(file, system, diskset, disk.volume, 0, 0)], 2 * BLOCK
    disks = sorted((_disk(file, 0) for file in files), key=lambda disk: disk.rank)
    return disks, _behind_set(disks)


def _disk(file: IO[bytes], at: int) -> _Disk:
    block = _block(file, at)
    signature, system, diskset, volume, rank, used = _PARTITION.unpack_from(block)
    rule = struct.unpack_from(f"<{_RULE_COUNT}I", block, _RULE_AT)
    follows = all(later == (earlier + 7) * 11 & 0xFFFFFFFF for earlier, later in pairwise(rule))
    if signature != _SIGNATURE or not follows or rank > _MOST_DISKS:
        raise CrashError(f"{file.name}: damaged: no head of a partition of sadump")
    return _Disk(file, system, diskset, volume, rank, used)


def _behind_set(disks: Sequence[_Disk]) -> int:
    """Where the head of a set ends. Raises CrashError where that are not the disks of it."""
    first = disks[0]
    if first.rank != 1:
        raise CrashError(f"{first.path}: a disk of a set; the first one is missing")
    block = _block(first.file, BLOCK)
    blocks, count = _SET.unpack_from(block)
    if not 0 < blocks <= 1024 or not 0 < count <= _MOST_DISKS:
        raise CrashError(f"{first.path}: damaged: a set of {count:,} disks")
    for rank, disk in enumerate(disks, 1):
        if disk.rank > rank:
            raise CrashError(f"{first.path}: a disk of a set; disk {rank} is missing")
        known = disk.volume
        if rank > 1:
            at = _SET_IDS_AT + (rank - 2) * _SET_ID_STEP
            known = block[at : at + len(known)]
        if (disk.rank, disk.system, disk.diskset, disk.volume) != (
            *(rank, first.system, first.diskset, known),
        ):
            raise CrashError(f"{disk.path}: no disk of the set that {first.path} is of")
    if len(disks) < count:
        raise CrashError(f"{first.path}: a disk of a set; disk {len(disks) + 1} is missing")
    return BLOCK * (1 + int(blocks))


def _bitmaps(disk: _Disk, start: int) -> tuple[bytes, bytes, int]:
    """The bitmaps of the memory and of what was dumped of it, and where the pages begin."""
    signature, version, block, state, size, dumped_size, pages, pages_64 = _DUMP.unpack_from(
        _block(disk.file, start)
    )
    if signature != _SIGNATURE:
        raise CrashError(f"{disk.path}: damaged: it has no head of a dump")
    if block != BLOCK:
        raise CrashError(f"{disk.path}: blocks of {block:,} bytes, which are not supported")
    count = pages_64 if version else pages
    at = start + BLOCK * (1 + state)
    bitmaps = []
    for blocks in (size, dumped_size):
        if not 0 < blocks * BLOCK <= _LARGEST_BITMAP:
            raise CrashError(f"{disk.path}: damaged: a bitmap of {blocks:,} blocks")
        disk.file.seek(min(at, os.fstat(disk.file.fileno()).st_size))
        bitmap = disk.file.read(blocks * BLOCK)
        if len(bitmap) < blocks * BLOCK:
            raise CrashError(f"{disk.path}: cut short")
        bitmaps.append(_cut(bitmap, count))
        at += blocks * BLOCK
    return bitmaps[0], bitmaps[1], at


def _cut(bitmap: bytes, count: int) -> bytes:
    """A bitmap without the bits behind the last page."""
    whole, rest = divmod(min(count, 8 * len(bitmap)), 8)
    last = bytes((bitmap[whole] & 0xFF00 >> rest & 0xFF,)) if rest else b""
    return bitmap[:whole] + last


def _runs(bitmap: bytes) -> Iterator[tuple[int, int]]:
    """The first page of each run of bits, the highest of a byte first, and the one behind it."""
    start = end = 0
    for at in range(0, len(bitmap), _PIECE):
        digits = b"".join(_DIGITS[byte] for byte in bitmap[at : at + _PIECE])
        for found in re.finditer(b"1+", digits):
            first, behind = (8 * at + place for place in found.span())
            if first != end:
                if end > start:
                    yield start, end
                start = first
            end = behind
    if end > start:
        yield start, end


def _block(file: IO[bytes], at: int) -> bytes:
    file.seek(at)
    block = file.read(BLOCK)
    if len(block) < BLOCK:
        raise CrashError(f"{file.name}: cut short")
    return block
