"""What docs/formats.md says of the formats of dumps, each tried on a made file."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import drgn
import pytest
import zstandard
from lzallright import LZOCompressor

import pycrash
from pycrash.errors import CrashError
from pycrash.files.compressed import unpacked
from pycrash.files.dumpfile import PAGE_DESC, DumpFile
from pycrash.kernel.opening import open_dump
from tests.golden.sample import SAMPLE
from tests.patched import PAGE, image_place, sample, write_packed

#: struct elf64_hdr and struct elf64_phdr behind e_ident, and where the direct map begins.
EHDR, PHDR = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQQQ")
DIRECT = 0xFF1816AC00000000


def snappy(page: bytes) -> bytes:
    """A page as one literal: its length by sevens of bits, a mark, its length less one."""
    return b"\x80\x20" + bytes([61 << 2]) + struct.pack("<H", len(page) - 1) + page


PACK: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "plain": (0x0, bytes),
    "zlib": (0x1, zlib.compress),
    "lzo": (0x2, lambda page: LZOCompressor().compress(page)),
    "snappy": (0x4, snappy),
    "zstd": (0x20, zstandard.ZstdCompressor().compress),
}


@pytest.mark.parametrize("kind", PACK)
def test_pages_of_a_kdump_file(kind: str, tmp_path: Path) -> None:
    whole = open_dump(SAMPLE / "vmcore")
    name = whole.vmcoreinfo.symbol("init_uts_ns")
    place = image_place(name) // PAGE * PAGE
    page = whole.prog.read(place, PAGE, physical=True)
    flags, pack = PACK[kind]
    copy = write_packed(tmp_path / "vmcore", place, pack(page), flags)
    assert open_dump(copy).prog.read(name, 5) == b"Linux"


def runs() -> Iterator[tuple[int, int]]:
    """The first page of each run of dumped pages, and the one behind it."""
    dumped, start = sample().bitmaps[1], None
    for page in range(8 * len(dumped)):
        there = dumped[page >> 3] >> (page & 7) & 1
        if there and start is None:
            start = page
        if not there and start is not None:
            yield start, page
            start = None


def write_elf(copy: Path, virtual: int | None, with_notes: bool = True) -> Path:
    """The sample as an ELF file; `virtual` is where its segments say the direct map begins."""
    raw, header = sample().path.read_bytes(), sample().kdump
    assert header is not None
    place, size = struct.unpack_from("<QQ", raw, header.block_size + 48)
    notes = raw[place : place + size] if with_notes else b""
    found = list(runs())
    heads = EHDR.size + PHDR.size * (len(found) + 1)
    at = -(-(heads + len(notes)) // PAGE) * PAGE
    table = [PHDR.pack(4, 0, heads, 0, 0, len(notes), len(notes), 4)]
    prog = drgn.Program()
    prog.set_core_dump(sample().path)
    with copy.open("wb") as file:
        file.seek(at)
        for first, last in found:
            start, size = first * PAGE, (last - first) * PAGE
            seen = 0 if virtual is None else virtual + start
            table.append(PHDR.pack(1, 7, file.tell(), seen, start, size, size, 0))
            file.write(prog.read(start, size, physical=True))
        file.seek(0)
        ident = b"\x7fELF\2\1\1".ljust(16, b"\0")
        numbers = (4, 62, 1, 0, EHDR.size, 0, 0, EHDR.size, PHDR.size, len(table), 0, 0, 0)
        file.write(EHDR.pack(ident, *numbers) + b"".join(table) + notes)
    return copy


@pytest.mark.parametrize("virtual", [None, DIRECT], ids=["as QEMU writes it", "/proc/vmcore"])
def test_an_elf_file(virtual: int | None, tmp_path: Path) -> None:
    vmlinux = unpacked(SAMPLE / "vmlinux.xz")
    dump = pycrash.open_dump(write_elf(tmp_path / "vmcore", virtual), vmlinux)
    assert not dump.kernel.notes
    whole = pycrash.open_dump(SAMPLE / "vmcore", vmlinux)
    for line in ("bt", "mod", "rd jiffies"):
        assert dump.text(line) == whole.text(line), line


def write_kdump_without_note(copy: Path) -> Path:
    """The sample without its notes."""
    header = sample().kdump
    assert header is not None
    data = bytearray(sample().path.read_bytes())
    data[header.block_size + 32 : header.block_size + 64] = bytes(32)
    copy.write_bytes(data)
    return copy


WITHOUT_NOTE: dict[str, Callable[[Path], Path]] = {
    "elf": lambda copy: write_elf(copy, None, with_notes=False),
    "kdump": write_kdump_without_note,
}


@pytest.mark.parametrize("form", WITHOUT_NOTE)
def test_a_dump_without_vmcoreinfo(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vmlinux = unpacked(SAMPLE / "vmlinux.xz")
    whole = pycrash.open_dump(SAMPLE / "vmcore", vmlinux)
    copy = WITHOUT_NOTE[form](tmp_path / "vmcore")
    dump = pycrash.open_dump(copy, vmlinux)
    assert not dump.kernel.notes
    assert dump.kernel.vmcoreinfo.text == whole.kernel.vmcoreinfo.text
    for line in ("bt", "mod", "rd jiffies", "log"):
        assert dump.text(line) == whole.text(line), line
    monkeypatch.setattr("pycrash.kernel.core.lostnote.texts_in", lambda memory: [])
    assert open_dump(copy).vmcoreinfo.release == "6.12.117-sample", "it was kept"


@pytest.mark.parametrize("line", [b"OSRELEASE=", b"SYMBOL(swapper_pg_dir)="])
def test_a_damaged_note_of_vmcoreinfo(line: bytes, tmp_path: Path) -> None:
    header = sample().kdump
    assert header is not None
    data = bytearray(sample().path.read_bytes())
    place, _ = struct.unpack_from("<QQ", data, header.block_size + 32)
    data[data.index(line, place)] ^= 1
    dump = tmp_path / "vmcore"
    dump.write_bytes(data)
    assert open_dump(dump).vmcoreinfo.text == open_dump(SAMPLE / "vmcore").vmcoreinfo.text


def without_text(dump: Path) -> Path:
    dump.write_bytes(dump.read_bytes().replace(b"OSRELEASE=", b"OSRELEASE:"))
    return dump


def test_a_dump_without_any_vmcoreinfo_is_refused(tmp_path: Path) -> None:
    dump = without_text(write_elf(tmp_path / "vmcore", None, with_notes=False))
    message = (
        f"^{dump}: no dump of a Linux kernel: it holds no VMCOREINFO that is whole, as a note"
        " or anywhere in its 80 MiB of memory$"
    )
    with pytest.raises(CrashError, match=message):
        open_dump(dump)


def test_a_vmcoreinfo_of_an_earlier_kernel_is_passed_over(tmp_path: Path) -> None:
    # In the first page that is there, none of the kernel's, lies another text.
    stale = (
        b"OSRELEASE=4.19.0\nPAGESIZE=4096\nSYMBOL(init_uts_ns)=ffffffff82012345\n"
        b"SYMBOL(swapper_pg_dir)=ffffffff82010000\n"
    )
    dump = write_elf(tmp_path / "vmcore", None, with_notes=False)
    with dump.open("r+b") as file:
        file.seek(DumpFile(dump).loads[0][1])
        file.write(stale.ljust(PAGE, b"\0"))
    assert open_dump(dump).vmcoreinfo.release == "6.12.117-sample"
    with dump.open("r+b") as file:
        data = file.read().replace(b"OSRELEASE=6.12", b"OSRELEASE:6.12")
        file.seek(0)
        file.write(data)
    copy = tmp_path / "copy"
    copy.write_bytes(
        dump.read_bytes().replace(b"SYMBOL(swapper_pg_dir)", b"SYMBOL(swapper_pg_old)")
    )
    with pytest.raises(CrashError, match=f"^{copy}: VMCOREINFO does not contain valid swapper_pg"):
        open_dump(copy)
    # The best there is must do; that it does not fit comes out with the vmlinux.
    assert open_dump(dump).vmcoreinfo.release == "4.19.0"
    with pytest.raises(CrashError, match="do not match! release"):
        pycrash.open_dump(dump, unpacked(SAMPLE / "vmlinux.xz"))


def write_raw(folder: Path) -> list[str]:
    """The sample's memory as two raw files; the arguments that name them."""
    prog = drgn.Program()
    prog.set_core_dump(sample().path)
    middle = 0x8000000
    low, high = folder / "low", folder / "high"
    with low.open("wb") as first, high.open("wb") as second:
        for page, last in runs():
            start, end = page * PAGE, last * PAGE
            for file, base, top in ((first, 0, middle), (second, middle, end)):
                if max(start, base) < min(end, top):
                    file.seek(max(start, base) - base)
                    size = min(end, top) - max(start, base)
                    file.write(prog.read(max(start, base), size, physical=True))
        first.truncate(middle)
    return [f"{high}@{middle:x}", f"{low}@0"]


def test_raw_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vmlinux = unpacked(SAMPLE / "vmlinux.xz")
    whole = pycrash.open_dump(SAMPLE / "vmcore", vmlinux)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    names = write_raw(tmp_path)
    dump = pycrash.open_dump(vmlinux, *names)
    assert not dump.kernel.notes
    lines = dump.text("sys").splitlines()
    assert lines[1:3] == [f"   DUMPFILES: {tmp_path / 'low'}", f"{'':14}{tmp_path / 'high'}"]
    for line in ("bt", "mod", "rd jiffies", "log"):
        assert dump.text(line) == whole.text(line), line
    assert open_dump(Path(",".join(names))).vmcoreinfo.release == "6.12.117-sample"


def write_part(copy: Path, first: int, last: int) -> Path:
    """A part of the sample with the pages of some numbers, as makedumpfile --split writes it."""
    raw, header = sample().path.read_bytes(), sample().kdump
    assert header is not None
    begin, _ = sample().descriptors
    dumped = int.from_bytes(sample().bitmaps[1], "little")
    below = (dumped & (1 << first) - 1).bit_count()
    count = (dumped & (1 << last) - 1).bit_count() - below
    heads = bytearray(raw[:begin])
    struct.pack_into("<i", heads, header.block_size + 12, 1)
    struct.pack_into("<QQ", heads, header.block_size + 80, first, last)
    place = begin + count * PAGE_DESC.size
    table, data = [], []
    for number in range(below, below + count):
        at, size, flags, rest = PAGE_DESC.unpack_from(raw, begin + number * PAGE_DESC.size)
        table.append(PAGE_DESC.pack(place, size, flags, rest))
        data.append(raw[at : at + size])
        place += size
    copy.write_bytes(b"".join([heads, *table, *data]))
    return copy


def test_a_split_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vmlinux = unpacked(SAMPLE / "vmlinux.xz")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    header = sample().kdump
    assert header is not None
    borders = (0, 10_000, 30_000, header.max_page)
    parts = [
        write_part(tmp_path / f"vmcore-{number}", *pages)
        for number, pages in enumerate(pairwise(borders), 1)
    ]
    dump = pycrash.open_dump(parts[2], vmlinux, parts[0], parts[1])
    assert not dump.kernel.notes
    lines = dump.text("sys").splitlines()
    assert lines[1:4] == [
        f"   DUMPFILES: {parts[2]} [PARTIAL DUMP]",
        f"              {parts[0]} [PARTIAL DUMP]",
        f"              {parts[1]} [PARTIAL DUMP]",
    ]
    whole = pycrash.open_dump(SAMPLE / "vmcore", vmlinux)
    for line in ("bt", "mod", "rd jiffies"):
        assert dump.text(line) == whole.text(line), line
    wrong = f"{parts[2]}: a part of a split dump; the part of page 10,000 is missing"
    with pytest.raises(CrashError, match=re.escape(wrong)):
        pycrash.open_dump(vmlinux, parts[0], parts[2])
    with pytest.raises(CrashError, match="the part of page 30,000 is missing"):
        pycrash.open_dump(vmlinux, parts[0], parts[1])
    with pytest.raises(CrashError, match="the part of page 0 is missing"):
        pycrash.open_dump(vmlinux, parts[1])


def flattened(content: bytes) -> bytes:
    """A dump as makedumpfile -F writes it, in two pieces, the later one first."""
    half = len(content) // 2
    pieces = [(half, content[half:]), (0, content[:half])]
    packed = b"".join(struct.pack(">qq", at, len(data)) + data for at, data in pieces)
    return b"makedumpfile\0".ljust(4096, b"\0") + packed + struct.pack(">qq", -1, -1)


@pytest.mark.parametrize("how", [bytes, flattened, lambda content: flattened(content)[:-40]])
def test_a_dump_on_standard_input(how: Callable[[bytes], bytes], tmp_path: Path) -> None:
    vmlinux = unpacked(SAMPLE / "vmlinux.xz")
    done = subprocess.run(
        [sys.executable, "-m", "pycrash", vmlinux, "-", "--exec", "rd jiffies"],
        input=how(sample().path.read_bytes()),
        capture_output=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        timeout=120,
        check=False,
    )
    said = (done.returncode, done.stdout[:35], done.stderr)
    if how is bytes or how is flattened:
        assert said == (0, b"ffffffffa90079c0:  00000000fffee526", b"")
    else:
        assert said == (1, b"", b"pycrash: -: flattened dump is cut short\n")
    assert not [file for file in (tmp_path / "pycrash").iterdir() if "stdin" in file.name]


def test_erased_data_is_told(tmp_path: Path) -> None:
    content = bytearray(sample().path.read_bytes())
    header = sample().kdump
    assert header is not None
    struct.pack_into("<QQ", content, header.block_size + 64, len(content), 30)
    dump = tmp_path / "vmcore"
    dump.write_bytes(content + b"erase init_uts_ns.name.release")
    told = f"{dump}: kernel data was erased from it (makedumpfile --config)"
    assert open_dump(dump).notes == [told]
    assert open_dump(sample().path).notes == []
