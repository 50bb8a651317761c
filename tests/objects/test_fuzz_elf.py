"""Object files of damaged bytes: what can be read is, the rest is a CrashError."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pycrash.errors import CrashError
from pycrash.objects.alltypes import AllTypes
from pycrash.objects.dwarf import Dwarf
from pycrash.objects.elf import ElfFile
from pycrash.objects.linetable import LineTable
from pycrash.objects.relocated import RelocatedFile
from tests.golden.sample import SAMPLE

MODULE = (SAMPLE / "crashme.ko").read_bytes()
NUMBERS = st.sampled_from([0, 1, 3, 24, 64, 255, 1 << 16, (1 << 31) - 1, (1 << 32) - 1])
DATA = st.one_of(
    st.binary(min_size=1, max_size=8),
    NUMBERS.map(lambda number: struct.pack("<I", number)),
    NUMBERS.map(lambda number: struct.pack("<Q", number << 32 | number)),
)
SEVERAL = settings(
    deadline=None,
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def places(path: Path) -> list[range]:
    """Where the headers are, and each section that is read here."""
    elf = ElfFile(path)
    (table,) = struct.unpack_from("<Q", MODULE, 40)
    read = (".debug", ".symtab", ".strtab", ".shstrtab", ".rela.debug")
    sections = [s for s in elf.sections if s.size and s.name.startswith(read)]
    return [
        range(64),
        range(table, len(MODULE)),
        *(range(s.offset, s.offset + s.size) for s in sections),
    ]


@pytest.fixture(scope="module")
def spots() -> list[range]:
    return places(SAMPLE / "crashme.ko")


def attempt(ask: Callable[[], object]) -> None:
    """Ask; an answer or a CrashError is well."""
    with suppress(CrashError):
        ask()


def read_all(path: Path) -> None:
    """Everything that is read of an object file."""
    elf = ElfFile(path)
    for section in elf.sections:
        attempt(partial(elf.contents, section))
        assert section.letter
    attempt(lambda: elf.symbols.all())
    attempt(lambda: [elf.symbols.name(at) for at in range(min(len(elf.symbols), 50))])
    attempt(lambda: elf.symbols.find("crashme_init"))
    attempt(lambda: elf.symbols.having(0))
    attempt(lambda: AllTypes(elf).types)
    attempt(lambda: lines(elf))
    attempt(lambda: lines(RelocatedFile(path, {})))


def lines(elf: ElfFile) -> None:
    dwarf = Dwarf(elf)
    for address in (0, 0x10, 0x1000):
        attempt(partial(dwarf.unit_at, address))
    table = LineTable(dwarf, dwarf.compile_unit(0), elf.order)
    table.find(0x10)
    table.stretch(0x10)


@SEVERAL
@given(st.data())
def test_damage_anywhere(tmp_path: Path, spots: list[range], data: st.DataObject) -> None:
    content = bytearray(MODULE)
    for _ in range(data.draw(st.sampled_from([1, 1, 3, 10]))):
        spot = data.draw(st.sampled_from(spots))
        at = data.draw(st.integers(spot.start, spot.stop - 1))
        new = data.draw(DATA)
        content[at : at + len(new)] = new
    path = tmp_path / "damaged.ko"
    path.write_bytes(content)
    attempt(lambda: read_all(path))


@SEVERAL
@given(st.integers(0, len(MODULE) - 1))
def test_a_file_cut_short(tmp_path: Path, end: int) -> None:
    path = tmp_path / "cut.ko"
    path.write_bytes(MODULE[:end])
    attempt(lambda: read_all(path))
