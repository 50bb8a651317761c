"""Page tables that lead in circles or are lost cost what they alone map, and nothing else."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import drgn
import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.files.compressed import unpacked
from pycrash.kernel.core import ownreads
from pycrash.kernel.core.reader import Options
from pycrash.kernel.opening import open_dump, open_files
from tests.golden.sample import SAMPLE
from tests.patched import TABLE, TOP_TABLE, image_place, sample, write_packed, write_patched

ITSELF = struct.pack("<Q", TOP_TABLE | TABLE)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def vmlinux() -> Path:
    return unpacked(SAMPLE / "vmlinux.xz")


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (ITSELF * 512, "its page tables lead in circles"),
        (bytes(4088) + ITSELF, "its page tables cannot be read"),
    ],
)
def test_tables_are_not_needed_for_most(tmp_path: Path, table: bytes, why: str) -> None:
    dump = write_patched(tmp_path / "dump", {TOP_TABLE: table})
    kernel = open_files([dump, vmlinux()])
    assert kernel.notes == [f"{dump}: {why}; what they alone map may be lost"]
    assert len(kernel.tasks.all) == 85
    assert kernel.read_word(kernel.required_symbol("jiffies"))
    assert kernel.memory.read_physical(TOP_TABLE, 4096, "table") == table
    with pytest.raises(ReadError):
        kernel.read(0xFFFFC90000000000, 8)


def test_the_log_alone_needs_no_vmlinux(tmp_path: Path) -> None:
    dump = write_patched(tmp_path / "dump", {TOP_TABLE: ITSELF * 512})
    kernel = open_dump(dump)
    assert "Linux version" in str(next(iter(kernel.log.records())).text)


def test_minimal_opens_circles_of_other_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownreads, "can_read", lambda kernel, places: False)
    dump = write_patched(tmp_path / "dump", {TOP_TABLE: ITSELF * 512})
    why = f"{dump}: its page tables lead in circles"
    with pytest.raises(CrashError) as caught:
        open_files([dump, vmlinux()])
    lost = f"{why}; the kernel's data cannot be read"
    assert str(caught.value) == f"{lost}; --minimal opens it for what can"
    kernel = open_files([dump, vmlinux()], None, Options(minimal=True))
    assert kernel.notes == [lost]
    assert kernel.memory.read_physical(TOP_TABLE, 8, "table") == ITSELF
    with pytest.raises(drgn.FaultError):
        kernel.prog.read(kernel.required_symbol("jiffies"), 8)


def test_pages_that_cannot_be_unpacked(tmp_path: Path) -> None:
    dump = write_patched(tmp_path / "dump", {TOP_TABLE: ITSELF * 512})
    kernel = open_dump(dump)
    assert kernel.prog.read(TOP_TABLE + 4094, 4, physical=True)[:2] == ITSELF[6:8]
    with pytest.raises(ReadError, match="seek error"):
        kernel.memory.read_physical(1 << 40, 8, "nothing")


def test_a_lost_page_is_no_reason_to_refuse(tmp_path: Path) -> None:
    place = image_place(open_dump(SAMPLE / "vmcore").vmcoreinfo.symbol("init_uts_ns"))
    dump = write_packed(tmp_path / "lost", place // 4096 * 4096, b"none", 1)
    kernel = open_files([dump, vmlinux()])
    assert kernel.notes == []
    assert len(kernel.tasks.all) == 85


def test_minimal_opens_what_cannot_be_read(tmp_path: Path) -> None:
    begin, count = sample().descriptors
    dump = tmp_path / "cut"
    dump.write_bytes(sample().path.read_bytes()[: begin + 24 * count])
    with pytest.raises(CrashError, match=r"; --minimal opens it for what can$"):
        open_files([dump, vmlinux()])
    kernel = open_files([dump, vmlinux()], None, Options(minimal=True))
    assert kernel.notes[0].endswith("; the kernel's data cannot be read")
    done = subprocess.run(
        [sys.executable, "-m", "pycrash", "-s", "--minimal", str(vmlinux()), str(dump)],
        input="eval 1\nsym schedule\nrd -p 362b000\nlog\nps\nrd jiffies\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout
    assert "ffffffffa87eab10 (T) schedule" in said
    assert "ps: command not available in minimal mode" in said
    assert "rd: read error: physical address: 362b000" in said
    assert "Traceback" not in said + done.stderr
    assert "internal error" not in said
