"""Headers of dump files: kdump's compressed format (struct disk_dump_header) and ELF cores."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

#: Bits of KdumpHeader.status.
INCOMPLETE = 0x8
EXCLUDED_VMEMMAP = 0x10

#: One page descriptor: offset, size, flags, page_flags.
PAGE_DESC = struct.Struct("<qIIQ")
#: A page no decompressor accepts: one byte of the file's head, marked as packed with zlib.
BAD_PAGE = (0, 1, 1, 0)
_LARGEST_BITMAP = 1 << 28
#: The kind of an ELF segment that holds memory.
_PT_LOAD = 1
#: Bytes at a file's start that hold both headers of a kdump file.
_HEADS = 1 << 17
#: Where the sub header has the bytes of the rules by which data was erased.
_ERASED_AT = 72
#: Size of a long to the offset of disk_dump_header.status.
_STATUS_AT = ((8, 424), (4, 412))


def _is_block_size(size: int) -> bool:
    return 512 <= size <= 1 << 20 and not size & (size - 1)


@dataclass(frozen=True)
class KdumpHeader:
    """The head of a kdump-compressed dump; sizes in bytes, `order` is "<" or ">"."""

    order: str
    word_size: int
    version: int
    status: int
    block_size: int
    sub_header_blocks: int
    bitmap_blocks: int
    max_page: int
    dump_level: int
    split: bool

    @classmethod
    def parse(cls, head: bytes) -> KdumpHeader | None:
        """The header in a file's first bytes (a second block included), None if there is none."""
        if not head.startswith((b"KDUMP   ", b"DISKDUMP")) or len(head) < 512:
            return None
        # struct new_utsname ends at 402; a struct timeval follows, aligned as a long.
        layouts = [
            (order, size, struct.unpack_from(order + "IIIII", head, at))
            for order in "<>"
            for size, at in _STATUS_AT
        ]
        sane = [layout for layout in layouts if _is_block_size(layout[2][1])]
        if not sane:
            return None
        # 4096 read in the other byte order is 1 MiB, which no block has.
        order, word_size, fields = min(sane, key=lambda layout: layout[2][1])
        status, block_size, sub_blocks, bitmap_blocks, max_page = fields
        version = struct.unpack_from(order + "I", head, 8)[0]
        sub = head[block_size : block_size + 104].ljust(104, b"\0")
        level, split = struct.unpack_from(order + "ii", sub, word_size)
        if version >= 6 and word_size == 8:  # sub_header.max_mapnr_64, the other being too small
            (max_page,) = struct.unpack_from(order + "Q", sub, 96)
        return cls(
            order=order,
            word_size=word_size,
            version=version,
            status=status,
            block_size=block_size,
            sub_header_blocks=sub_blocks,
            bitmap_blocks=bitmap_blocks,
            max_page=max_page,
            dump_level=level if version >= 1 else 0,
            split=version >= 2 and bool(split),
        )


class _Segment(NamedTuple):
    """A segment of an ELF file: its kind, place, physical address, and bytes in the file."""

    kind: int
    offset: int
    physical: int
    size: int


class DumpFile:
    """What can be told of a dump from its file alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with open(path, "rb") as file:
            self.head = file.read(_HEADS)
            self.size = os.fstat(file.fileno()).st_size

    @cached_property
    def kdump(self) -> KdumpHeader | None:
        """The kdump header, or None for another format."""
        return KdumpHeader.parse(self.head)

    @property
    def nodename(self) -> str | None:
        """The machine's name in the header of a kdump file (struct new_utsname behind signature
        and version); None where it has none."""
        if self.kdump is None:
            return None
        return self.head[77:142].partition(b"\0")[0].decode("utf-8", "replace") or None

    @cached_property
    def erased(self) -> bool:
        """Whether makedumpfile erased data by rules of a user (kdump_sub_header.size_eraseinfo)."""
        header = self.kdump
        if header is None or header.version < 5 or header.word_size != 8:
            return False
        at = header.block_size + _ERASED_AT
        return any(self.head[at : at + 8])

    @cached_property
    def expected_size(self) -> int:
        """The size the file must have for its last page to be whole; 0 where it cannot be told."""
        if self.kdump is not None:
            return self._kdump_size(self.kdump)
        if self.head.startswith(b"\x7fELF"):
            return self._elf_size()
        return 0

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """What crash says of the dump's kind in brackets behind its name."""
        if self.kdump is None:
            # makedumpfile sets e_flags of an ELF dump that it could not finish.
            wide = self.head[4:5] == b"\2"
            flags = self.head[48:52] if wide else self.head[36:40]
            unfinished = self.head.startswith(b"\x7fELF") and any(flags)
            return ("INCOMPLETE",) if unfinished else ()
        status = self.kdump.status
        marks = {
            "PARTIAL DUMP": self.kdump.dump_level > 0,
            "INCOMPLETE": bool(status & INCOMPLETE),
            "EXCLUDED VMEMMAP": bool(status & EXCLUDED_VMEMMAP),
        }
        return tuple(mark for mark, is_set in marks.items() if is_set)

    @property
    def missing(self) -> int:
        """How many bytes the file lacks at its end."""
        return max(0, self.expected_size - self.size)

    def page_state(self, address: int) -> Literal["present", "excluded", "absent"] | None:
        """Whether the dump has a page of physical memory; None for other formats.

        A page left out by makedumpfile is excluded; one that is no memory is absent.
        """
        header = self.kdump
        if header is None:
            return None
        memory, dumped = self.bitmaps
        page = address // header.block_size
        byte, bit = page >> 3, 1 << (page & 7)
        if not 0 <= page < header.max_page or byte >= len(memory) or not memory[byte] & bit:
            return "absent"
        return "present" if byte < len(dumped) and dumped[byte] & bit else "excluded"

    @cached_property
    def bitmaps(self) -> tuple[bytes, bytes]:
        """A bit for each page that is memory, and one for each that is in the dump."""
        header = self.kdump
        assert header is not None
        size = header.bitmap_blocks * header.block_size // 2
        if size > _LARGEST_BITMAP:
            return b"", b""
        begin = (1 + header.sub_header_blocks) * header.block_size
        with open(self.path, "rb") as file:
            file.seek(min(begin, self.size))
            return file.read(size), file.read(size)

    @cached_property
    def descriptors(self) -> tuple[int, int]:
        """Where the table of page descriptors begins in a kdump file, and how many it holds."""
        header = self.kdump
        if header is None:
            return 0, 0
        begin = (1 + header.sub_header_blocks + header.bitmap_blocks) * header.block_size
        return begin, int.from_bytes(self.bitmaps[1], "little").bit_count()

    def _kdump_size(self, header: KdumpHeader) -> int:
        """Where the page of the last descriptor ends (struct page_desc, one a dumped page)."""
        begin, pages = self.descriptors
        least = begin + pages * PAGE_DESC.size
        if header.order == ">" or least > self.size or not pages:
            return least
        with open(self.path, "rb") as file:
            file.seek(least - PAGE_DESC.size)
            offset, size, _, _ = PAGE_DESC.unpack(file.read(PAGE_DESC.size))
        # The pages lie in the order of their descriptors, but for the shared page of zeroes.
        end = int(offset + size)
        return end if end <= least + pages * header.block_size else least

    @property
    def segments(self) -> list[tuple[int, int]]:
        """Physical address and bytes of the memory in an ELF dump; none for other formats."""
        return [(address, size) for address, _, size in self.loads]

    @property
    def loads(self) -> list[tuple[int, int, int]]:
        """The memory in an ELF dump: its physical address, its place in the file, its bytes."""
        if not self.head.startswith(b"\x7fELF"):
            return []
        _, found = self._elf_table
        return [(s.physical, s.offset, s.size) for s in found if s.kind == _PT_LOAD and s.size]

    def _elf_size(self) -> int:
        """Where the last segment ends."""
        least, segments = self._elf_table
        if least > self.size:
            return least
        return max((s.offset + s.size for s in segments), default=0)

    @cached_property
    def _elf_table(self) -> tuple[int, list[_Segment]]:
        """Where the table of segments ends in the file, and the segments where it is all there
        (Elf64_Phdr, Elf32_Phdr)."""
        wide, order = self.head[4] == 2, ">" if self.head[5] == 2 else "<"
        if wide:
            (table_at,) = struct.unpack_from(order + "Q", self.head, 32)
            entry_size, count = struct.unpack_from(order + "HH", self.head, 54)
        else:
            (table_at,) = struct.unpack_from(order + "I", self.head, 28)
            entry_size, count = struct.unpack_from(order + "HH", self.head, 42)
        entry = struct.Struct(order + ("I4xQ8xQQ" if wide else "II4xII"))
        if entry_size < entry.size:
            return 0, []
        with open(self.path, "rb") as file:
            file.seek(min(table_at, self.size))
            table = file.read(entry_size * count)
        end = int(table_at + entry_size * count)
        if len(table) < entry_size * count:
            return end, []
        places = range(0, len(table), entry_size)
        return end, [_Segment(*entry.unpack_from(table, at)) for at in places]
