"""The VMCOREINFO of a dump that has no note of it, found in the memory that it holds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import groupby, islice
from pathlib import Path

import drgn
import numpy as np
from numpy.typing import NDArray

from pycrash.errors import CrashError
from pycrash.files.cache import kept_name, note, noted
from pycrash.files.compressed import Progress
from pycrash.files.dumpfile import PAGE_DESC, DumpFile, KdumpHeader
from pycrash.files.lostnote import BEGIN, elf_memory, texts_in
from pycrash.files.repaged import repaged
from pycrash.files.snappy import unpack
from pycrash.kernel.core.kdumppages import KdumpPages
from pycrash.kernel.core.trial import why_unreadable
from pycrash.kernel.core.vmcoreinfo import Vmcoreinfo

#: Pages packed with snappy (page_desc.flags).
_SNAPPY = 0x4
#: Page frames of a kdump file looked at in one go.
_FRAMES = 1024
#: Different texts that are tried. A machine that was often restarted has a few.
_MOST_TEXTS = 64
#: Bytes of struct uts_namespace that hold the names; where they begin in it differs.
_NAMES = 400


def lost_note(
    content: Path, dump: Path, suits: Callable[[Vmcoreinfo], bool], progress: Progress | None
) -> str:
    """The text of VMCOREINFO out of the memory of a file, `dump` by its name.

    It is the first by which the kernel's own name is found where the text says that it is, and
    which `suits` likes; this is kept for later sessions. Else the best there is must do. Raises
    CrashError where there is no text at all.
    """
    with open(content, "rb") as opened:
        digest = hashlib.sha256(os.fsencode(kept_name(content, opened))).hexdigest()[:24]
    name = f"vmcoreinfo-{digest}"
    known = (noted(name) or b"").decode()
    if known and suits(Vmcoreinfo(known)):
        return known
    file = DumpFile(content)
    best, rank = "", 0
    for text in islice(texts_in(_memory(file, dump, progress)), _MOST_TEXTS):
        fits = _fits(repaged(content, progress, text), text)
        wanted = suits(Vmcoreinfo(text))
        if fits and wanted:
            note(name, text.encode())
            return text
        if not best or 2 * fits + wanted > rank:
            best, rank = text, 2 * fits + wanted
    if best:
        return best
    raise CrashError(
        f"{dump}: no dump of a Linux kernel: it holds no VMCOREINFO that is whole, as a note"
        f" or anywhere in its {_size(file) >> 20:,} MiB of memory"
    )


def _size(file: DumpFile) -> int:
    """Bytes of memory in a dump."""
    if file.kdump is not None:
        return file.descriptors[1] * file.kdump.block_size
    return sum(size for _, size in file.segments)


def _memory(file: DumpFile, dump: Path, progress: Progress | None) -> Iterator[tuple[int, bytes]]:
    """The memory of a dump by rising address, some at a time."""
    done, total = 0, _size(file)
    found = elf_memory(file) if file.kdump is None else _kdump_memory(file, file.kdump)
    try:
        for address, data in found:
            yield address, data
            done += len(data)
            if progress is not None:
                progress(f"searching {dump} for VMCOREINFO", min(done, total - 1), total)
    finally:
        if progress is not None:
            progress("", total, total)


def _kdump_memory(file: DumpFile, header: KdumpHeader) -> Iterator[tuple[int, bytes]]:
    pages, size = KdumpPages(file, header), header.block_size
    left = file.size // PAGE_DESC.size  # a damaged map may tell of more
    for frames in _frames(file.bitmaps[1], header.max_page):
        entries = pages.descriptors(frames).tolist()
        # Less its place in the row a frame's number is one for all that follow on each other.
        there = enumerate(zip(frames.tolist(), entries, strict=True))
        for _, run in groupby(there, lambda item: item[1][0] - item[0]):
            found = [(frame, _page(pages, size, *entry[:3])) for _, (frame, entry) in run]
            yield found[0][0] * size, b"".join(page for _, page in found)
        left -= len(frames)
        if left <= 0:
            return


def _page(pages: KdumpPages, size: int, offset: int, packed: int, flags: int) -> bytes:
    """A page by its descriptor; zeros where it cannot be unpacked.

    Of those packed with snappy, which is slow here, that one alone is wanted in which a text
    begins: there it stands as it is.
    """
    page = pages.unpack(offset, packed, flags)
    if page is None and flags == _SNAPPY and packed <= 2 * size:
        data = pages.packed(offset, packed)
        if BEGIN in data:
            with suppress(ValueError):
                page = unpack(data, size)
    return page or bytes(size)


def _frames(dumped: bytes, end: int) -> Iterator[NDArray[np.int64]]:
    """The page frames of a map of pages, some at a time, as far as `end`."""
    step = _FRAMES // 8
    for first in range(0, min(len(dumped), -(-end // 8)), step):
        some = dumped[first : first + step]
        if some.strip(b"\0"):
            bits = np.unpackbits(np.frombuffer(some, np.uint8), bitorder="little")
            frames = np.flatnonzero(bits) + 8 * first
            yield frames[frames < end]


def _fits(content: Path, text: str) -> bool:
    """Whether the kernel's name is found by what a text says: its page tables are there, too."""
    info = Vmcoreinfo(text)
    try:
        place = info.symbol("init_uts_ns")
        prog = drgn.Program(vmcoreinfo=text)
        prog.set_core_dump(content)
        if why_unreadable(prog, place) is not None:
            return False
        names = prog.read(place, _NAMES)
    except MemoryError:
        raise
    except Exception:  # what libkdumpfile and drgn have to say of it has no class of its own
        return False
    return b"Linux\0" in names and info.release.encode() + b"\0" in names
