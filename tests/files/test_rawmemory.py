"""Files of raw memory, by the addresses they are named with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.files.dumpfile import DumpFile
from pycrash.files.image import PAGE
from pycrash.files.kinds import sort_files
from pycrash.files.rawmemory import Piece, core_of, pieces_of

TEXT = b"OSRELEASE=6.1.0\nPAGESIZE=4096\nSYMBOL(init_uts_ns)=ffff8000119a1248\n"
ARM64 = TEXT + b"NUMBER(kimage_voffset)=0xffff7fffc8000000\n"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def low(tmp_path: Path) -> Path:
    path = tmp_path / "low"
    path.write_bytes(bytes(PAGE) + b"low!" * 1024)
    return path


@pytest.fixture
def high(tmp_path: Path) -> Path:
    path = tmp_path / "high"
    path.write_bytes(ARM64.ljust(PAGE, b"\0") + b"high")
    return path


def vmlinux(folder: Path, machine: int = 62, bits: int = 2, order: int = 1) -> Path:
    path = folder / "vmlinux"
    head = b"\x7fELF" + bytes((bits, order)) + bytes(12)
    path.write_bytes(head + machine.to_bytes(2, "little" if order == 1 else "big") + bytes(44))
    return path


def test_how_they_are_named(low: Path, high: Path) -> None:
    both = [Piece(low, 0), Piece(high, 4 << 30)]
    assert pieces_of([Path(f"{low}@0"), Path(f"{high}@100000000")]) == both
    assert pieces_of([Path(f"{high}@0x100000000,{low}@0")]) == both
    files = sort_files([Path(f"{high}@100000000"), vmlinux(low.parent), Path(f"{low}@0")])
    assert files.vmlinux == low.parent / "vmlinux"
    assert pieces_of(files.parts) == both


def test_a_file_that_has_such_a_name_is_that_file(low: Path) -> None:
    there = low.rename(low.parent / "low@0")
    assert pieces_of([there]) == []
    assert pieces_of([Path(f"{there}@1000")]) == [Piece(there, 0x1000)]


@pytest.mark.parametrize("address", ["", "zz", "0x", "-1000", "1_000", " 0", "801", "1" + 14 * "0"])
def test_what_is_no_address(address: str, low: Path) -> None:
    message = f"{low}@{address}: @ needs the hexadecimal address of a page"
    with pytest.raises(CrashError, match=f"^{re.escape(message)}$"):
        pieces_of([Path(f"{low}@{address}")])


def test_what_is_no_memory(low: Path, high: Path, tmp_path: Path) -> None:
    with pytest.raises(CrashError, match="none: No such file or directory"):
        pieces_of([Path(f"{low}@0,{tmp_path}/none@10000")])
    with pytest.raises(CrashError, match="too many dumpfile arguments"):
        pieces_of([Path(f"{low}@0"), high])
    with pytest.raises(CrashError, match="@ needs the hexadecimal address"):
        pieces_of([Path(f"{low}@0,{high}")])
    with pytest.raises(CrashError, match="vmlinux: no raw memory: give it without an address"):
        pieces_of([Path(f"{vmlinux(tmp_path)}@0")])


def test_two_files_in_one_place(low: Path, high: Path) -> None:
    pieces = pieces_of([Path(f"{low}@1000"), Path(f"{high}@2000")])
    with pytest.raises(CrashError, match=f"^{high}@2000: {low}@1000 is there already, up to 3000$"):
        core_of(pieces, vmlinux(low.parent))


def test_an_empty_file(low: Path) -> None:
    low.write_bytes(b"")
    with pytest.raises(CrashError, match=f"^{low}: empty$"):
        core_of([Piece(low, 0)], vmlinux(low.parent))


@pytest.mark.parametrize(("machine", "order"), [(62, 1), (22, 2)])
def test_the_core_file(machine: int, order: int, low: Path, high: Path) -> None:
    told: list[tuple[str, int, int]] = []
    namelist = vmlinux(low.parent, machine, order=order)
    core = core_of([Piece(low, 0), Piece(high, 4 << 30)], namelist, lambda *how: told.append(how))
    data = core.read_bytes()
    assert data[5] == order
    assert int.from_bytes(data[18:20], "little" if order == 1 else "big") == machine
    loads = DumpFile(core).loads
    assert [(address, size) for address, _, size in loads] == [(0, 2 * PAGE), (4 << 30, PAGE + 4)]
    assert [data[at : at + size] for _, at, size in loads] == [low.read_bytes(), high.read_bytes()]
    assert told[-1] == (f"laying out {high}", PAGE + 4, PAGE + 4)
    again = core_of([Piece(low, 0), Piece(high, 4 << 30)], namelist)
    assert again == core, "made once"
    assert core_of([Piece(low, 0), Piece(high, 2 << 30)], namelist) != core


def test_the_machine_of_memory_alone(low: Path, high: Path) -> None:
    core = core_of([Piece(low, 0), Piece(high, 4 << 30)], None)
    assert core.read_bytes()[18] == 183
    with pytest.raises(CrashError, match=f"^{low}: no memory of a Linux kernel: it holds no VMCO"):
        core_of([Piece(low, 0)], None)
    low.write_bytes(TEXT.ljust(PAGE, b"\0"))
    with pytest.raises(CrashError, match="VMCOREINFO does not tell the machine; give the vmlinux"):
        core_of([Piece(low, 0)], None)


def test_a_machine_of_32_bits(low: Path) -> None:
    with pytest.raises(CrashError, match="vmlinux: raw memory of 32-bit machines cannot be read"):
        core_of([Piece(low, 0)], vmlinux(low.parent, 40, bits=1))
