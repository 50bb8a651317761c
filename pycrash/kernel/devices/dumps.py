"""What device drivers added to a dump: notes of the type NT_VMCOREDD (struct vmcoredd_header)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from pycrash.errors import CrashError
from pycrash.files.dumpfile import DumpFile
from pycrash.kernel.core.reader import Reader

_NOTE = struct.Struct("III")
_TYPE = 0x700
#: Bytes from the beginning of such a note to the driver's data, and of the device's name.
_HEAD, _NAME = 64, 44
#: crash keeps so many.
_MOST = 8
_MOST_NOTES = 1 << 16
_PT_NOTE = 4
#: Where struct kdump_sub_header has the offset and the size of the notes.
_PLACE_AT = {8: (48, "QQ"), 4: (36, "QI")}


@dataclass(frozen=True)
class DeviceDump:
    """What one driver left; `offset` and `size` tell where it lies in the file."""

    name: str
    offset: int
    size: int


def device_dumps(kernel: Reader) -> list[DeviceDump]:
    """The device dumps of the dump's file in their order. Raises CrashError."""
    dump = kernel.dump_file
    if dump is None or not (dump.kdump or dump.head.startswith(b"\x7fELF")):
        raise CrashError("-V option not supported on this dumpfile type")
    with open(dump.path, "rb") as file:
        return [
            found
            for start, size in _spans(dump, file)
            for found in _in_notes(file, dump, start, size)
        ][:_MOST]


def _order(dump: DumpFile) -> str:
    header = dump.kdump
    if header is not None:
        return header.order
    return ">" if dump.head[5:6] == b"\2" else "<"


def _spans(dump: DumpFile, file: IO[bytes]) -> list[tuple[int, int]]:
    """Where the file has notes, and how many bytes of them."""
    header = dump.kdump
    if header is not None:
        at, form = _PLACE_AT[header.word_size]
        file.seek(header.block_size + at)
        form = header.order + form
        data = file.read(struct.calcsize(form))
        return [struct.unpack(form, data)] if len(data) == struct.calcsize(form) else []
    return _elf_spans(dump) if dump.head.startswith(b"\x7fELF\2") else []


def _elf_spans(dump: DumpFile) -> list[tuple[int, int]]:
    """The segments of notes (Elf64_Phdr); crash looks at the first."""
    order, found = _order(dump), []
    (table,) = struct.unpack_from(order + "Q", dump.head, 32)
    size, count = struct.unpack_from(order + "HH", dump.head, 54)
    for at in range(table, min(table + size * count, len(dump.head) - 56 + 1), max(size, 1)):
        kind, _, offset, _, _, length = struct.unpack_from(order + "IIQQQQ", dump.head, at)
        if kind == _PT_NOTE:
            found.append((offset, length))
    return found[:1]


def _in_notes(file: IO[bytes], dump: DumpFile, start: int, size: int) -> Iterator[DeviceDump]:
    """Those among the notes of a span; of the large ones only the heads are read."""
    form = struct.Struct(_order(dump) + _NOTE.format)
    at, end = start, min(start + size, dump.size)
    for _ in range(_MOST_NOTES):
        if at + form.size > end:
            return
        file.seek(at)
        name_size, length, kind = form.unpack(file.read(form.size))
        if kind == _TYPE and length >= _NAME:
            name = file.read(_HEAD - form.size)[-_NAME:].partition(b"\0")[0]
            yield DeviceDump(name.decode("utf-8", "replace"), at + _HEAD, length - _NAME)
        at += form.size + -(-name_size // 4) * 4 + -(-length // 4) * 4
