"""Dump files of any bytes: what they are is told, or refused in one line."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pycrash.errors import CrashError
from pycrash.files.compressed import unpacked
from pycrash.files.debuginfo import Identity, why_unfit
from pycrash.files.dumpfile import PAGE_DESC, DumpFile, KdumpHeader
from pycrash.files.flattened import laid_out
from pycrash.files.kinds import file_kind
from pycrash.files.rawmemory import pieces_of
from pycrash.files.repaged import repaged
from pycrash.files.repair import mended
from pycrash.kernel.core.lostnote import lost_note
from tests.kernel.test_opening import elf_file

BLOCK = 4096
NUMBERS = st.sampled_from([0, 1, 2, 24, 63, 255, BLOCK, 1 << 16, (1 << 31) - 1, (1 << 32) - 1])
#: Bytes that are put somewhere into a file.
CHANGES = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 12000), st.integers(0, 600), st.integers(4096, 4300)),
        st.one_of(
            st.binary(min_size=1, max_size=8),
            NUMBERS.map(lambda number: struct.pack("<I", number)),
            NUMBERS.map(lambda number: struct.pack("<Q", number << 32 | number)),
            NUMBERS.map(lambda number: struct.pack(">Q", number)),
        ),
    ),
    max_size=6,
)
SEVERAL = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def kdump() -> bytes:
    """A dump of three pages."""
    head = (
        b"KDUMP   " + struct.pack("<I", 6) + b"".join(w.ljust(65, b"\0") for w in (b"Linux",) * 6)
    )
    head = head.ljust(424, b"\0") + struct.pack("<IIIII", 1, BLOCK, 1, 2, 64)
    second = struct.pack("<Qii", 0, 31, 0).ljust(96, b"\0") + struct.pack("<Q", 64)
    bitmap = b"\x07".ljust(BLOCK, b"\0")
    table = b"".join(PAGE_DESC.pack(20100 + 100 * rank, 100, 1, 0) for rank in range(3))
    blocks = head.ljust(BLOCK, b"\0") + second.ljust(BLOCK, b"\0") + 2 * bitmap + table
    text = b"OSRELEASE=6.1.0\nPAGESIZE=4096\nSYMBOL(init_uts_ns)=ffffffff8260f960\n"
    packed = zlib.compress(text.ljust(BLOCK, b"\0"))
    return (blocks.ljust(20300, b"\x55") + packed).ljust(20400, b"\0")


def pieces() -> bytes:
    """The same as makedumpfile -F writes it."""
    content = kdump()
    packed = (b"makedumpfile\0\0\0\0" + struct.pack(">qq", 1, 1)).ljust(4096, b"\0")
    for at in range(0, len(content), 5000):
        piece = content[at : at + 5000]
        packed += struct.pack(">qq", at, len(piece)) + piece
    return packed + struct.pack(">qq", -1, -1)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "vmcore"


def changed(content: bytes, changes: list[tuple[int, bytes]], end: int) -> bytes:
    """A copy with some bytes overwritten, cut off at `end`."""
    copy = bytearray(content)
    for at, data in changes:
        copy[at : at + len(data)] = data
    return bytes(copy[:end])


def look_at(path: Path) -> None:
    """Everything that is asked of a dump before drgn has it."""
    with suppress(CrashError):
        file_kind(path)
        content = repaged(laid_out(unpacked(path)))
        dump = DumpFile(content)
        assert dump.missing >= 0
        assert dump.marks is not None
        dump.segments  # noqa: B018
        for address in (0, 0x1000, 1 << 40, 1 << 63):
            dump.page_state(address)
        content, _ = mended(content)
        lost_note(content, path, lambda info: True, None)


@SEVERAL
@given(CHANGES, st.integers(0, 20400))
def test_a_kdump(path: Path, changes: list[tuple[int, bytes]], end: int) -> None:
    path.write_bytes(changed(kdump(), changes, max(end, 1) if end % 3 else 20400))
    look_at(path)


@SEVERAL
@given(CHANGES, st.integers(1, 25000))
def test_a_flattened_dump(path: Path, changes: list[tuple[int, bytes]], end: int) -> None:
    path.write_bytes(changed(pieces(), changes, end if end % 3 else 25000))
    look_at(path)


@SEVERAL
@given(st.text("0123456789abcdefxX@,_ -./", max_size=12), st.text("0123456789abcdefx", max_size=17))
def test_an_address_of_raw_memory(path: Path, before: str, digits: str) -> None:
    path.write_bytes(b"memory")
    name = Path(f"{path}{before}@{digits}")
    with suppress(CrashError):
        assert all(piece.path == path for piece in pieces_of([name]))


@SEVERAL
@given(st.binary(max_size=700), st.sampled_from([b"", b"KDUMP   ", b"\x7fELF\2\1\1", b"\x1f\x8b"]))
def test_bytes_of_no_format(path: Path, content: bytes, head: bytes) -> None:
    KdumpHeader.parse(head + content)
    path.write_bytes(head + content or b"\0")
    look_at(path)


@SEVERAL
@given(CHANGES, st.integers(1, 700))
def test_an_elf_file(path: Path, changes: list[tuple[int, bytes]], end: int) -> None:
    whole = elf_file(path).read_bytes()
    small = [(at % len(whole), data) for at, data in changes]
    path.write_bytes(changed(whole, small, end if end % 3 else len(whole)))
    look_at(path)
    assert why_unfit(path, Identity("6.1.0", None)) != ""


def test_a_text_is_found(path: Path) -> None:
    path.write_bytes(kdump())
    assert lost_note(mended(path)[0], path, lambda info: True, None).startswith("OSRELEASE=6.1.0")
