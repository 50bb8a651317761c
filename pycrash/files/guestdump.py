"""What VMware writes of a guest in debug mode that panics: a small file of its CPUs and of the
holes in its memory (`.guest`), which lies in the `.vmem` beside.

It has no mark to know it by: where memory ends is said twice. All numbers are little-endian.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple

from pycrash.errors import CrashError
from pycrash.files.compressed import Progress
from pycrash.files.image import PAGE, Region
from pycrash.files.registers import ORDER, X86_64
from pycrash.files.vmware import SavedMachine, kept_with_memory

#: Releases: where the last address and the number of pages stand, how wide numbers are there, and
#: the bytes from there on to the first CPU. In the first release there are more for each hole.
_LAYOUTS = {
    1: (21, "<QIII4I", 40, 8),
    3: (22, "<QQII4Q", 56, 0),
    4: (22, "<QQII4Q", 56, 0),
    5: (22, "<QQII4Q", 56, 0),
    6: (23, "<QQII4Q", 56, 0),
    7: (16, "<QQII4Q", 67, 0),
}
#: Since this release it is said which processor it is, and x86 is this one.
_SAYS_PROCESSOR, _PROCESSOR_AT, _X86 = 7, 72, 1
_MOST_CPUS = 4096
#: The bytes of a CPU before its registers, before release 4 and since, and behind them.
_BEFORE, _BEHIND = (161, 158), 17 + 4096


class _Head(NamedTuple):
    """Where the CPUs begin, how many there are, the bytes of each before its registers, and the
    regions of memory."""

    cpus_at: int
    cpus: int
    before: int
    regions: list[Region]

    @property
    def cpu_size(self) -> int:
        return self.before + 8 * len(ORDER[X86_64]) + _BEHIND


def is_guest_dump(head: bytes) -> bool:
    """Whether a file that begins so is one of these."""
    return _parsed(head) is not None


def _parsed(head: bytes) -> _Head | None:
    if len(head) < 128:
        return None
    release, cpus = struct.unpack_from("<II", head)
    if release not in _LAYOUTS or not 0 < cpus <= _MOST_CPUS:
        return None
    at, numbers, size, for_hole = _LAYOUTS[release]
    last, pages, _, count, *holes = struct.unpack_from(numbers, head, at)
    if count > 2 or not pages:
        return None
    if release >= _SAYS_PROCESSOR:
        (processor,) = struct.unpack_from("<I", head, _PROCESSOR_AT)
        if processor != _X86:
            return None
    regions, start = [], 0
    for first, hole in sorted(zip(holes[: 2 * count : 2], holes[1 : 2 * count : 2], strict=True)):
        regions.append(Region(start, first * PAGE - start))
        start = (first + hole) * PAGE
    regions.append(Region(start, last + 1 - start))
    sizes = [region.size for region in regions]
    if min(sizes) <= 0 or sum(sizes) != pages * PAGE:
        return None
    return _Head(at + size + for_hole * count, cpus, _BEFORE[release >= 4], regions)


def debugged_guest(path: Path, progress: Progress | None = None, limit: int = 0) -> Path:
    """In the cache the core file of such a guest: its memory and registers.

    `limit` is how many bytes the memory may become, 0 what is usual. Raises CrashError.
    """
    with open(path, "rb") as file:
        head = _parsed(file.read(128))
        assert head is not None
        expected = head.cpus_at + head.cpus * head.cpu_size
        size = os.fstat(file.fileno()).st_size
        if size != expected:
            raise CrashError(f"{path}: damaged: {size:,} bytes where there should be {expected:,}")
        cpus = []
        for cpu in range(head.cpus):
            file.seek(head.cpus_at + cpu * head.cpu_size + head.before)
            names = ORDER[X86_64]
            values = struct.unpack(f"<{len(names)}Q", file.read(8 * len(names)))
            cpus.append((cpu, dict(zip(names, values, strict=True))))
    pieces, at = [], 0
    for region in head.regions:
        pieces.append((at, region))
        at += region.size
    return kept_with_memory(path, SavedMachine(pieces, cpus), progress, limit)
