"""Which areas of a user space a core file has, as the kernel's coredump_filter says it."""

from __future__ import annotations

from enum import IntFlag
from functools import cached_property

from pycrash.kernel.core.layout import member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.coredump.memory import UserMemory
from pycrash.kernel.mm.vmas import (
    VM_DONTDUMP,
    VM_HUGETLB,
    VM_IO,
    VM_PFNMAP,
    VM_READ,
    VM_SHARED,
    Vma,
    Vmas,
)
from pycrash.kernel.vfs.files import Files
from pycrash.kernel.vfs.inodes import Inodes

_MAGIC = b"\x7fELF"


class Filter(IntFlag):
    """What is written. The bits are those of /proc/PID/coredump_filter, but for the last."""

    ANONYMOUS_PRIVATE = 1
    ANONYMOUS_SHARED = 2
    FILE_PRIVATE = 4
    FILE_SHARED = 8
    ELF_HEADERS = 16
    HUGE_PRIVATE = 32
    HUGE_SHARED = 64
    #: Also what the program has asked to be left out (MADV_DONTDUMP).
    DONTDUMP = 128


#: What the kernel writes unless told otherwise.
USUAL = (
    Filter.ANONYMOUS_PRIVATE | Filter.ANONYMOUS_SHARED | Filter.ELF_HEADERS | Filter.HUGE_PRIVATE
)


class DumpedAreas:
    """Which part of an area belongs into a core file. Methods raise ReadError."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._vmas = kernel.part(Vmas)

    def size(self, area: Vma, wanted: Filter) -> int:
        """How many bytes of an area are written: all, the first page, or none."""
        whole = area.end - area.start
        if self._vmas.is_special(area) and not area.flags & VM_PFNMAP:
            return whole
        if area.flags & VM_DONTDUMP and not wanted & Filter.DONTDUMP:
            return 0
        kind = self._kind(area)
        if kind is not None:
            return whole if wanted & kind else 0
        if wanted & Filter.ANONYMOUS_PRIVATE and self._has_own_pages(area):
            return whole
        if area.file and wanted & Filter.FILE_PRIVATE:
            return whole
        return self._header_size(area) if wanted & Filter.ELF_HEADERS else 0

    def _kind(self, area: Vma) -> Filter | None:
        """What an area is that is no usual private one; no bits for what is never written."""
        shared = area.flags & VM_SHARED
        if area.flags & VM_HUGETLB:
            return Filter.HUGE_SHARED if shared else Filter.HUGE_PRIVATE
        if area.flags & VM_IO:
            return Filter(0)
        if not shared:
            return None
        return Filter.FILE_SHARED if self._has_name(area) else Filter.ANONYMOUS_SHARED

    def _has_name(self, area: Vma) -> bool:
        """Whether the file of a shared area has a name; that of anonymous memory has none."""
        if not area.file:
            return False
        files = self._kernel.part(Files)
        inode = files.inode(files.get(area.file))
        return bool(inode) and self._kernel.part(Inodes).get(inode).links > 0

    def _header_size(self, area: Vma) -> int:
        """A page where a program or library begins, of which it tells the build."""
        if not area.file or area.offset or not area.flags & VM_READ:
            return 0
        page = self._kernel.page_size
        first = next(self._kernel.part(UserMemory).pieces(area, page))
        return page if first.data is not None and first.data.startswith(_MAGIC) else 0

    def _has_own_pages(self, area: Vma) -> bool:
        """Whether pages of an area were ever the process's own (anon_vma)."""
        where = area.address + self._own_at
        return bool(self._kernel.read_word(where, "vm_area_struct anon_vma"))

    @cached_property
    def _own_at(self) -> int:
        return member_offset(self._kernel.prog, "struct vm_area_struct", "anon_vma")
