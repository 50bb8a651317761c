"""Saved guests of QEMU, made by hand: their memory and registers as core files."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import drgn
import pytest

from pycrash.errors import CrashError
from pycrash.files.dumpfile import DumpFile
from pycrash.files.foreign import as_core
from pycrash.files.kinds import file_kind
from tests.files import foreign_files as made
from tests.files.foreign_files import END, PAGE, PART, START, device, page, ram
from tests.files.refusals import refusal

GIB = 1 << 30
BLOCKS = {"pc.ram": 16 * PAGE, "pc.bios": PAGE}
GENERAL = tuple(range(0x10, 0x20))
SEGMENTS = (0, 0x33, 0x2B, 0, 1, 2)
CPU = made.x86_state(GENERAL, 0x401000, 0x246, SEGMENTS)
#: struct user_regs_struct of that.
REGISTERS = (
    *(0x1F, 0x1E, 0x1D, 0x1C, 0x15, 0x13, 0x1B, 0x1A, 0x19, 0x18, 0x10, 0x11, 0x12, 0x16, 0x17),
    *(0, 0x401000, 0x33, 0x246, 0x14, 0x2B, 0x1001, 0x1002, 0, 0, 1, 2),
)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[bytes], Path]:
    """The core file of a stream."""

    def saved(stream: bytes) -> Path:
        path = tmp_path / "guest"
        path.write_bytes(stream)
        assert file_kind(path) == "dump"
        made_of = as_core([path])
        assert made_of is not None
        assert made_of[1] == "QEMU"
        return made_of[0]

    return saved


def stream(*more: bytes, blocks: dict[str, int] = BLOCKS, machine: str = "pc-q35-7.2") -> bytes:
    """A stream of several sections of memory, then CPUs and what else there is."""
    return b"".join(
        (
            made.head(machine),
            ram(START, made.sizes(blocks)),
            ram(PART, page(0, b"one " * 1024, next(iter(blocks))) + page(PAGE, b"two " * 1024)),
            *more,
            device("cpu_common", 20, 0, 1, b"\0" * 8),
            device("cpu", 21, 1, 12, CPU),
            device("cpu", 22, 0, 12, CPU),
            b"\0\6" + struct.pack(">I", 2) + b"{}",
        )
    )


def read(core: Path, address: int, size: int = 4) -> bytes:
    prog = drgn.Program()
    prog.set_core_dump(core)
    return prog.read(address, size, physical=True)


def segments(core: Path) -> list[tuple[int, int]]:
    """The memory it has; the first page of a machine's only region is a segment of its own."""
    first, *others = DumpFile(core).segments
    if first == (0, PAGE) and others:
        return [(0, PAGE + others[0][1]), *others[1:]]
    return [first, *others]


def notes(core: Path) -> list[tuple[int, ...]]:
    """The registers of its notes, each behind the number of its thread."""
    data = core.read_bytes()
    found, at = [], data.rfind(b"CORE\0") - 12
    at = data.find(struct.pack("<III", 5, 336, 1) + b"CORE\0", at - 4096 if at > 4096 else 0)
    while at >= 0 and at + 20 + 336 <= len(data):
        note = data[at + 20 : at + 20 + 336]
        found.append((*struct.unpack_from("<I", note, 32), *struct.unpack_from("<27Q", note, 112)))
        at = data.find(b"\5\0\0\0\x50\1\0\0\1\0\0\0CORE\0", at + 1)
    return found


def test_pages_and_registers(saved: Callable[[bytes], Path]) -> None:
    middle = page(2 * PAGE, 0x55) + page(3 * PAGE, b"bios" * 1024, "pc.bios").replace(
        struct.pack(">Q", 3 * PAGE | 8), struct.pack(">Q", 8)
    )
    later = page(0, 0, "pc.ram") + page(3 * PAGE, b"four" * 1024) + page(4 * PAGE, 0)
    core = saved(stream(ram(PART, middle), ram(END, later)))
    # The block is the one of the page before, in another section; what comes later counts.
    assert read(core, 0, PAGE) == bytes(PAGE)
    assert read(core, PAGE) == b"two "
    assert read(core, 2 * PAGE, PAGE) == b"\x55" * PAGE
    assert read(core, 3 * PAGE) == b"four"
    assert read(core, 15 * PAGE, PAGE) == bytes(PAGE)
    assert segments(core) == [(0, 16 * PAGE)]
    assert notes(core) == [(1, *REGISTERS), (2, *REGISTERS)]


@pytest.mark.parametrize(
    ("machine", "size", "expected"),
    [
        ("pc-q35-7.2", 0xAFFFF000, [(0, 0xAFFFF000)]),
        ("pc-q35-rhel8.6.0", 0xB0000000, [(0, 2 * GIB), (4 * GIB, 0x30000000)]),
        ("pc-i440fx-7.2", 0xDFFFF000, [(0, 0xDFFFF000)]),
        ("pc-i440fx-jammy", 4 * GIB, [(0, 3 * GIB), (4 * GIB, GIB)]),
        ("", 4 * GIB, [(0, 3 * GIB), (4 * GIB, GIB)]),
        ("virt-7.2", 4 * GIB, [(GIB, 4 * GIB)]),
    ],
)
def test_where_memory_lies(
    machine: str, size: int, expected: list[tuple[int, int]], saved: Callable[[bytes], Path]
) -> None:
    name = "mach-virt.ram" if machine.startswith("virt") else "pc.ram"
    last = ram(END, page(size - PAGE, b"last" * 1024, name))
    core = saved(stream(last, blocks={name: size}, machine=machine))
    assert segments(core) == expected
    address, length = expected[-1]
    assert read(core, address + length - 4) == b"last"
    assert read(core, expected[0][0]) == b"one "


def test_several_nodes(saved: Callable[[bytes], Path]) -> None:
    blocks = {"/objects/ram-node1": 2 * GIB, "/objects/ram-node0": 2 * GIB, "vga.vram": 4 * GIB}
    core = saved(
        stream(ram(END, page(GIB, b"node" * 1024)), blocks=blocks, machine="pc-i440fx-2.9")
    )
    assert segments(core) == [(0, 2 * GIB), (2 * GIB, GIB), (4 * GIB, GIB)]
    assert read(core, 2 * GIB) == b"one "
    assert read(core, 3 * GIB - 4) == bytes(4)
    assert read(core, 4 * GIB - GIB - PAGE) == bytes(4)
    assert read(core, 2 * GIB + PAGE) == b"two "
    assert read(core, 4 * GIB) == b"node"


def test_arm_registers(saved: Callable[[bytes], Path]) -> None:
    values = range(0x100, 0x100 + 34)
    state = bytes(64) + struct.pack(">33QI", *values)
    records = made.sizes({"mach-virt.ram": 8 * PAGE}) + page(0, b"arm " * 1024, "mach-virt.ram")
    bits = made.subsection("configuration/target-page-bits", struct.pack(">I", 12))
    core = saved(made.head("virt-8.2", bits) + ram(START, records) + ram(END, b"")
                 + device("cpu", 9, 0, 22, state))  # fmt: skip
    data = core.read_bytes()
    at = data.index(b"CORE\0") + 8 + 112
    assert struct.unpack_from("<34Q", data, at) == tuple(values)
    assert struct.unpack_from("<H", data, 18) == (183,)
    assert read(core, GIB) == b"arm "


def test_a_long_run_of_empty_pages(saved: Callable[[bytes], Path]) -> None:
    blocks = {"pc.ram": 5000 * PAGE}
    empty = b"".join(page(at * PAGE, 0) for at in range(4, 4000))
    core = saved(stream(ram(END, page(3 * PAGE, 0) + empty + page(4000 * PAGE, b"more" * 1024)),
                        blocks=blocks))  # fmt: skip
    assert read(core, 3999 * PAGE, PAGE + 4) == bytes(PAGE) + b"more"


def test_packed_pages_and_other_sections(saved: Callable[[bytes], Path]) -> None:
    data = zlib.compress(b"zlib" * 1024)
    packed = struct.pack(">QI", 5 * PAGE | made.PACKED | made.SAME, len(data)) + data
    command = b"\x08" + struct.pack(">HH", 3, 2) + b"ab"
    other = device("virtio-mem-early", 7, 0, 1, b"\1" * 300)
    core = saved(stream(command, other, ram(END, packed)))
    assert read(core, 5 * PAGE) == b"zlib"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_what_libvirt_saves(pack: Callable[[bytes], bytes], saved: Callable[[bytes], Path]) -> None:
    core = saved(made.libvirt(pack(stream(ram(END, b"")))))
    assert read(core, PAGE) == b"two "
    assert len(notes(core)) == 2


def test_a_packed_stream_may_not_become_large(tmp_path: Path) -> None:
    path = tmp_path / "guest"
    empty = ram(END, page(0, 0) * 200_000)
    path.write_bytes(made.libvirt(bz2.compress(stream(empty))))
    with pytest.raises(CrashError, match="becomes more than 1,000,000 bytes when unpacked"):
        as_core([path], limit=1_000_000)
    assert as_core([path]) is not None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (made.libvirt(b"", magic=b"LibvirtQemudPart"), "never finished"),
        (made.libvirt(b"\x89LZO" + bytes(100)), "packed with lzop"),
        (b"QEVM\0\0\0\2" + bytes(100), "of a version that is known: 2"),
        (made.head("s390-ccw-virtio-7.2") + ram(START, made.sizes({"s390.ram": PAGE})),
         "of a machine that is not known: s390-ccw-virtio-7.2"),
        (made.head("pc-q35-9.0", made.subsection("configuration/capabilities",
         struct.pack(">I", 1) + made.text("mapped-ram"))), "not supported: mapped-ram"),
        (made.head("pc-q35-9.0", made.subsection("configuration/new", b"")), "configuration/new"),
        (stream(ram(PART, struct.pack(">Q", 2 * PAGE | made.DELTA | made.SAME))), "xbzrle"),
        (stream(ram(PART, struct.pack(">Q", 0x200))), "kind 0x200"),
        (stream(ram(PART, page(0, 0, "other.ram"))), "damaged"),
        (stream(ram(PART, page(16 * PAGE, 0))), "damaged"),
        (stream(), "damaged"),  # it never ends
        (stream(ram(END, b""))[:5000], "cut short at byte 5,000"),
        (made.head() + ram(START, page(0, 0, "pc.ram")), "damaged"),
        (made.head() + ram(START, made.sizes({})), "damaged"),
        (made.head() + ram(START, struct.pack(">Q", 2 * PAGE | 4) + made.text("pc.ram")
         + struct.pack(">Q", 1 << 63)), "damaged"),
        (b"QEVM\0\0\0\3\7\xff\xff\xff\xff" + bytes(100), "damaged"),
    ],
)  # fmt: skip
def test_what_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "guest"
    path.write_bytes(content)
    assert said in refusal([path])
    left = [entry.name for entry in (tmp_path / "cache" / "pycrash").glob("*")]
    assert not left
