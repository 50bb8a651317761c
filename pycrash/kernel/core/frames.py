"""Page frames of physical memory, many at a time, by the numbers they have."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import drgn
import numpy as np

from pycrash.kernel.core.kdumppages import KdumpPages
from pycrash.kernel.core.reader import Reader

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Pages(NamedTuple):
    """Bytes of page frames. `data` has a line for each different page, `lines` for each frame
    asked for the number of its line, -1 where it cannot be read."""

    data: NDArray[np.uint8]
    lines: NDArray[np.int64]


class Frames:
    """Which page frames a dump has, and what is in them.

    A kdump file is read by its own table of pages: what many frames share, above all the page of
    zeros, is unpacked once.
    """

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def are_there(self, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the frames the dump has, as far as its tables tell."""
        if self._kdump is not None:
            zeros = self._kernel.memory.zero_excluded
            return self._kdump.is_memory(frames) if zeros else self._kdump.is_there(frames)
        return self._in_segments(frames)

    def read(self, frames: NDArray[np.int64]) -> Pages:
        """What is in the frames, which `are_there`."""
        if self._kdump is None:
            return self._by_runs(frames)
        there = self._kdump.is_there(frames)
        entries = self._kdump.descriptors(frames[there])
        _, firsts, lines = np.unique(entries["offset"], return_index=True, return_inverse=True)
        pages = self._unpacked(entries[firsts], frames[there][firsts])
        found = np.full(len(frames), -1, np.int64)
        found[there] = pages.lines[lines]
        if there.all():
            return Pages(pages.data, found)
        # Pages left out of the dump that are to read as zeros.
        found[~there] = len(pages.data)
        zeros = np.zeros((1, self._kernel.page_size), np.uint8)
        return Pages(np.concatenate([pages.data, zeros]), found)

    def _unpacked(self, entries: NDArray[np.void], frames: NDArray[np.int64]) -> Pages:
        """Different pages by their descriptors, those of an unknown packing through drgn."""
        assert self._kdump is not None
        unpack, zeros = self._kdump.unpack, bytes(self._kernel.page_size)
        pages = [unpack(offset, size, flags) for offset, size, flags, _ in entries.tolist()]
        left = np.array([line for line, page in enumerate(pages) if page is None], np.int64)
        whole = bytearray().join([page or zeros for page in pages])
        data = np.frombuffer(whole, np.uint8).reshape(len(pages), len(zeros))
        lines = np.arange(len(frames))
        self._read_runs(frames, left, data, lines)
        return Pages(data, lines)

    def _by_runs(self, frames: NDArray[np.int64]) -> Pages:
        data = np.zeros((len(frames), self._kernel.page_size), np.uint8)
        lines = np.arange(len(frames))
        self._read_runs(frames, lines.copy(), data, lines)
        return Pages(data, lines)

    def _read_runs(
        self,
        frames: NDArray[np.int64],
        wanted: NDArray[np.int64],
        data: NDArray[np.uint8],
        lines: NDArray[np.int64],
    ) -> None:
        """Fill in the lines `wanted` of the data, frames in a row at once; -1 for what fails."""
        if not len(wanted):
            return
        steps = np.diff(frames[wanted]) != 1
        steps |= np.diff(wanted) != 1
        for run in np.split(wanted, np.flatnonzero(steps) + 1):
            first, count = int(run[0]), len(run)
            if not self._fill(int(frames[first]), data[first : first + count]):
                for line in run.tolist():
                    if not self._fill(int(frames[line]), data[line : line + 1]):
                        lines[line] = -1

    def _fill(self, frame: int, data: NDArray[np.uint8]) -> bool:
        try:
            found = self._kernel.prog.read(frame * self._kernel.page_size, data.size, physical=True)
        except (drgn.FaultError, OverflowError):
            return False
        data[:] = np.frombuffer(found, np.uint8).reshape(data.shape)
        return True

    @cached_property
    def _kdump(self) -> KdumpPages | None:
        file = self._kernel.dump_file
        header = None if file is None else file.kdump
        if file is None or header is None or header.block_size != self._kernel.page_size:
            return None
        return KdumpPages(file, header)

    def _in_segments(self, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which frames lie whole in the segments of an ELF file; all, for other files."""
        segments = self._segments
        if segments is None:
            return frames >= 0
        starts, ends = segments
        place = np.searchsorted(starts, frames, "right") - 1
        return (place >= 0) & (frames < ends[np.maximum(place, 0)])

    @cached_property
    def _segments(self) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """The first frame of each segment, ascending, and the one behind its last."""
        file, page = self._kernel.dump_file, self._kernel.page_size
        segments = [] if file is None else sorted(file.segments)
        if not segments:
            return None
        starts = np.array([-(-address // page) for address, _ in segments], np.int64)
        ends = np.array([(address + size) // page for address, size in segments], np.int64)
        return starts, ends
