"""Suspended guests of VMware, made by hand: their memory and registers as core files.

crash 9.0.2 opens what `foreign_files.vmss` makes out of a real machine's memory.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.files.dumpfile import DumpFile
from pycrash.files.foreign import as_core
from pycrash.files.kinds import file_kind
from tests.files import foreign_files as made
from tests.files.foreign_files import GENERAL, PAGE
from tests.files.refusals import refusal
from tests.files.test_qemusave import notes, read, segments

GIB = 1 << 30
REGISTERS = {name: 0x10 + place for place, name in enumerate(GENERAL)} | {
    **{"rip": 0x401000, "eflags": 0x246, "cs": 0x33, "ss": 0x2B, "fs": 1, "gs": 2},
    **{"fs_base": 0x7F0000001000, "gs_base": 0xFFFF888000000000},
}
#: struct user_regs_struct of that.
EXPECTED = (
    *(0x1F, 0x1E, 0x1D, 0x1C, 0x14, 0x13, 0x1B, 0x1A, 0x19, 0x18, 0x10, 0x11, 0x12, 0x16, 0x17),
    *(0, 0x401000, 0x33, 0x246, 0x15, 0x2B, 0x7F0000001000, 0xFFFF888000000000, 0, 0, 1, 2),
)
#: Two pages below a hole, three above 4 GiB.
REGIONS = ((0, 0, 2), (GIB * 4 // PAGE, 2, 3))
MEMORY = b"".join(bytes((number,)) * PAGE for number in range(1, 6))


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def core_of(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    assert file_kind(path) == "dump"
    made_of = as_core([path])
    assert made_of is not None
    assert made_of[1] == "VMware"
    return made_of[0]


def cpus(as_block: bool = False) -> list[bytes]:
    return [made.vmware_cpu(cpu, REGISTERS, as_block) for cpu in range(2)]


@pytest.mark.parametrize("magic", [0xBED2BED2, 0xBED3BED3, 0xBAD1BAD1, 0xBAD2BAD2])
def test_memory_inside(magic: int, tmp_path: Path) -> None:
    content = made.vmss(cpus(), REGIONS, len(MEMORY), magic) + MEMORY + b"\0\0"
    core = core_of(tmp_path / "guest.vmss", content)
    assert segments(core) == [(0, 2 * PAGE), (4 * GIB, 3 * PAGE)]
    assert read(core, PAGE) == b"\2\2\2\2"
    assert read(core, 4 * GIB + 2 * PAGE) == b"\5\5\5\5"
    assert notes(core) == [(1, *EXPECTED), (2, *EXPECTED)]


def test_memory_beside(tmp_path: Path) -> None:
    path, memory = tmp_path / "guest-Snapshot1.vmsn", tmp_path / "guest-Snapshot1.vmem"
    memory.write_bytes(MEMORY)
    core = core_of(path, made.vmss(cpus(as_block=True)))
    assert segments(core) == [(0, 5 * PAGE)]
    assert read(core, 3 * PAGE) == b"\4\4\4\4"
    assert notes(core) == [(1, *EXPECTED), (2, *EXPECTED)]
    # What lies in the cache is of both files.
    memory.write_bytes(MEMORY[::-1])
    again = core_of(path, path.read_bytes())
    assert again != core
    assert read(again, 3 * PAGE) == b"\2\2\2\2"


def test_registers_of_some_cpus_are_those_of_none(tmp_path: Path) -> None:
    some = [*cpus(), made.value("rax", 1, 8, 2)]
    core = core_of(tmp_path / "a.vmss", made.vmss(some, (), len(MEMORY)) + MEMORY + b"\0\0")
    assert notes(core) == []
    assert DumpFile(core).missing == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (made.vmss([], magic=0xBED0BED0), "a VMware suspend file of 32 bits"),
        (made.vmss([], (), PAGE, packed=True) + MEMORY, "its memory is packed"),
        (made.vmss([]), "its memory is in a file beside it: "),
        (made.vmss([], (), 8 * PAGE) + MEMORY, "cut short"),
        (made.vmss([], REGIONS, 4 * PAGE) + MEMORY + b"\0\0", "cut short"),
        (made.vmss([], [*REGIONS, (1, 0, 1)], 5 * PAGE) + MEMORY + b"\0\0", "is there twice"),
        (struct.pack("<III", 0xBED2BED2, 8, 0xFFFFFFFF) + bytes(9000), "4,294,967,295 groups"),
        (made.vmss([])[:16390], "cut short at byte"),
        (made.vmss([])[:76] + bytes((0, 0, 0, 0, 0, 0, 0, 0xFE)) + made.vmss([])[84:],
         "cut short at byte"),
        (made.vmss([])[:100], "cut short at byte"),
        (b"\xd2\xbe\xd2\xbe", "cut short at byte"),
    ],
)  # fmt: skip
def test_what_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "guest.vmss"
    path.write_bytes(content)
    assert said in refusal([path])


@pytest.mark.parametrize("release", made.RELEASES)
@pytest.mark.parametrize("hole", [None, (2, 100)])
def test_a_guest_in_debug_mode(release: int, hole: tuple[int, int] | None, tmp_path: Path) -> None:
    (tmp_path / "debug.vmem").write_bytes(MEMORY)
    content = made.guest(EXPECTED, 2, 5, hole, release)
    core = core_of(tmp_path / "debug.guest", content)
    if hole is None:
        assert segments(core) == [(0, 5 * PAGE)]
    else:
        assert segments(core) == [(0, 2 * PAGE), (102 * PAGE, 3 * PAGE)]
    assert read(core, (102 if hole else 2) * PAGE) == b"\3\3\3\3"
    assert notes(core) == [(1, *EXPECTED), (2, *EXPECTED)]
    (tmp_path / "debug.guest").write_bytes(content[:-1])
    with pytest.raises(CrashError, match="bytes where there should be"):
        as_core([tmp_path / "debug.guest"])
    (tmp_path / "debug.guest").write_bytes(content)
    (tmp_path / "debug.vmem").unlink()
    with pytest.raises(CrashError, match=r"debug\.vmem: No such file"):
        as_core([tmp_path / "debug.guest"])
