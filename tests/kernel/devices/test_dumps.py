"""What drivers add to a dump, in files made by hand."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pycrash.errors import CrashError
from pycrash.files.dumpfile import DumpFile
from pycrash.kernel.devices.dumps import DeviceDump, device_dumps

BLOCK = 4096
PRSTATUS = struct.pack("<III8s4s", 5, 4, 1, b"CORE", b"abcd")


def note(name: bytes, data: bytes) -> bytes:
    body = struct.pack("<III8s44s", 8, 44 + len(data), 0x700, b"LINUX", name) + data
    return body + bytes(-len(body) % 4)


def opened(path: Path, data: bytes) -> Any:
    path.write_bytes(data)
    return SimpleNamespace(dump_file=DumpFile(path))


def kdump(notes: bytes, size: int | None = None) -> bytes:
    head = bytearray(3 * BLOCK)
    head[:8] = b"KDUMP   "
    struct.pack_into("<I", head, 8, 6)
    struct.pack_into("<IIIII", head, 424, 0, BLOCK, 1, 0, 0)
    place = len(notes) if size is None else size
    struct.pack_into("<QQ", head, BLOCK + 48, 3 * BLOCK, place)
    return bytes(head) + notes


def elf(notes: bytes) -> bytes:
    sizes = (64, 56, 1, 0, 0, 0)
    head = struct.pack("<16sHHIQQQI6H", b"\x7fELF\2\1\1", 4, 62, 1, 0, 64, 0, 0, *sizes)
    table = struct.pack("<IIQQQQQQ", 4, 0, 120, 0, 0, len(notes), len(notes), 4)
    return head + table + notes


def test_those_of_a_kdump_file(tmp_path: Path) -> None:
    kernel = opened(tmp_path / "d", kdump(PRSTATUS + note(b"nic", b"12345") + note(b"b", b"")))
    start = 3 * BLOCK + len(PRSTATUS) + 64
    assert device_dumps(kernel) == [DeviceDump("nic", start, 5), DeviceDump("b", start + 72, 0)]


def test_those_of_an_elf_file(tmp_path: Path) -> None:
    kernel = opened(tmp_path / "d", elf(PRSTATUS + note(b"nic", b"1")))
    assert device_dumps(kernel) == [DeviceDump("nic", 120 + len(PRSTATUS) + 64, 1)]


def test_notes_that_end_too_soon(tmp_path: Path) -> None:
    kernel = opened(tmp_path / "d", kdump(PRSTATUS + note(b"nic", b"1")[:8], 1 << 60))
    assert device_dumps(kernel) == []


def test_another_kind_of_file(tmp_path: Path) -> None:
    with pytest.raises(CrashError, match="not supported on this dumpfile type"):
        device_dumps(opened(tmp_path / "d", bytes(4096)))
