"""The text of VMCOREINFO where a dump has no note of it: in the kernel's own memory.

The kernel writes it to a buffer of its own at its start, as lines of plain text, and once more
behind the head of an ELF note. Copies of either lie about (what programs read of an earlier
dump, the memory of a kernel that ran before), so that whoever searches tries what is found.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pycrash.files.dumpfile import DumpFile
from pycrash.files.holes import data_in

#: What the text begins with, in every kernel, and what it must hold to be of use.
BEGIN = b"OSRELEASE="
_FIRST_LINE = re.compile(rb"OSRELEASE=[!-~]{1,64}\n")
_NEEDED = [
    re.compile(line, re.MULTILINE)
    for line in (
        rb"^PAGESIZE=(?:4096|8192|16384|32768|65536)$",
        rb"^SYMBOL\(init_uts_ns\)=[0-9a-f]+$",
    )
]
_LINES = re.compile(rb"(?:[!-<>-~]+=[ -~]*\n)+")
#: The kernel keeps it in a page, the largest of which has this size.
_LONGEST = 1 << 16
_CHUNK = 1 << 21

#: ELF machines, each by a line that no other's kernel writes.
_MACHINES = (
    (62, re.compile(r"^(?:NUMBER|SYMBOL)\(phys_base\)=", re.MULTILINE)),
    (183, re.compile(r"^NUMBER\((?:kimage_voffset|PHYS_OFFSET|TCR_EL1_T1SZ)\)=", re.MULTILINE)),
    (243, re.compile(r"^NUMBER\((?:phys_ram_base|va_kernel_pa_offset)\)=", re.MULTILINE)),
)


def texts_in(memory: Iterable[tuple[int, bytes]]) -> Iterator[str]:
    """The texts in memory, each once, in the order of their places.

    Memory comes as an address and the bytes there, the addresses rising; a text may go on from
    one to the next that follows on it.
    """
    seen: set[bytes] = set()
    rest, behind = b"", -1
    for address, data in memory:
        if address != behind:
            rest = b""
        # What begins before it, then what begins in it: to join them all would take half the time.
        for text in (*_whole_texts(rest + data[:_LONGEST]), *_whole_texts(data)):
            if text not in seen:
                seen.add(text)
                yield text.decode("ascii")
        rest, behind = (rest + data[-_LONGEST:])[-_LONGEST:], address + len(data)


def _whole_texts(data: bytes) -> Iterator[bytes]:
    """Those that begin in some bytes and are not cut off there."""
    at = data.find(BEGIN)
    while at >= 0:
        # Of what has no such line no more is looked at: the next may begin a few bytes behind.
        begins = _FIRST_LINE.match(data, at)
        lines = _LINES.match(data, at, at + _LONGEST) if begins else None
        text = lines[0] if lines else b""
        is_whole = data[at + len(text) : at + len(text) + 1] == b"\0"
        if is_whole and all(line.search(text) for line in _NEEDED):
            yield text
        at = data.find(BEGIN, at + max(1, len(text)))


def machine_of(text: str) -> int | None:
    """The ELF machine (e_machine) whose kernel wrote a text; None where it does not tell."""
    return next((machine for machine, line in _MACHINES if line.search(text)), None)


def elf_memory(dump: DumpFile) -> Iterator[tuple[int, bytes]]:
    """The memory in an ELF dump by segments, but for holes of the file; any other has none."""
    left = dump.size
    with open(dump.path, "rb") as file:
        for address, offset, size in sorted(dump.loads):
            for at, data in data_of(file.fileno(), offset, size):
                yield address + at - offset, data
                left -= len(data)
                if left <= 0:  # segments of a damaged file may lie above each other
                    return


def data_of(handle: int, offset: int, size: int) -> Iterator[tuple[int, bytes]]:
    """What a stretch of an open file holds, but for its holes, some at a time with its place."""
    for first, last in data_in(handle, offset, min(offset + size, os.fstat(handle).st_size)):
        for at in range(first, last, _CHUNK):
            yield at, os.pread(handle, min(_CHUNK, last - at), at)


def first_text(path: Path) -> str | None:
    """The first text in a file that is nothing but memory."""
    with open(path, "rb") as file:
        handle = file.fileno()
        return next(texts_in(data_of(handle, 0, os.fstat(handle).st_size)), None)
