"""Copies of the sample with damaged headers and notes open as crash opens them, or are refused."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.files.compressed import unpacked
from pycrash.kernel.opening import open_dump, open_files
from tests.golden.sample import SAMPLE

#: Where the sample has its second header, and its notes of both CPUs.
SECOND, NOTES, CPU = 4096, 4200, 356


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write(path: Path, *changes: tuple[int, bytes]) -> Path:
    content = bytearray((SAMPLE / "vmcore").read_bytes())
    for at, data in changes:
        content[at : at + len(data)] = data
    path.write_bytes(content)
    return path


def test_a_machine_without_a_name(tmp_path: Path) -> None:
    dump = write(tmp_path / "a", (272, b"\xff\1"), (NOTES, bytes(2 * CPU)))
    kernel = open_files([dump, unpacked(SAMPLE / "vmlinux.xz")])
    assert kernel.prog["init_task"].comm.string_() == b"swapper/0"


@pytest.mark.parametrize(
    ("at", "data"),
    [
        (12, b"\xff" * 65),
        (NOTES, b"\xff" * CPU),
        (SECOND + 56, struct.pack("<Q", 1 << 30)),
        (SECOND + 72, struct.pack("<Q", 1 << 32)),
        (5336, b"\0"),
    ],
)
def test_damaged_heads_open(tmp_path: Path, at: int, data: bytes) -> None:
    kernel = open_dump(write(tmp_path / "a", (at, data)))
    assert kernel.vmcoreinfo.release.startswith("6.")
    assert kernel.prog.read(kernel.vmcoreinfo.symbol("init_uts_ns"), 8)


def test_a_dump_cut_in_its_notes_is_refused_in_a_line(tmp_path: Path) -> None:
    dump = tmp_path / "cut"
    for end in (4300, 8192, 36863):
        dump.write_bytes((SAMPLE / "vmcore").read_bytes()[:end])
        with pytest.raises(CrashError, match="the file ends before the first page of memory"):
            open_dump(dump)
    done = subprocess.run(
        [sys.executable, "-m", "pycrash", "-s", str(unpacked(SAMPLE / "vmlinux.xz")), str(dump)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
