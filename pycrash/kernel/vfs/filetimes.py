"""When files were changed (struct inode)."""

from __future__ import annotations

from functools import cached_property

from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader


class FileTimes:
    """`modified` gives when an inode's file was written to."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def modified(self, inode: int) -> tuple[int, int]:
        """Seconds since 1970 and nanoseconds. Raises ReadError."""
        layout = self._layout
        data = self._kernel.read(inode + layout.start, layout.size, "inode i_mtime")
        seconds, nanoseconds = layout.unpack(data)
        return seconds, nanoseconds

    @cached_property
    def _layout(self) -> Layout:
        # Members of their own since 6.11; before, a structure of another name since 6.7.
        seconds = ("i_mtime_sec", "__i_mtime.tv_sec", "i_mtime.tv_sec")
        rest = ("i_mtime_nsec", "__i_mtime.tv_nsec", "i_mtime.tv_nsec")
        return Layout(self._kernel.prog, "struct inode", (seconds, rest))
