"""Every type of a vmlinux, from DWARF made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.objects.alltypes import AllTypes, NamedType
from pycrash.objects.elf import ElfFile
from tests.kernel.small_elf import entries, write_elf


def index(path: Path) -> list[NamedType]:
    return AllTypes(ElfFile(path)).types


def test_every_named_type_is_found(tmp_path: Path) -> None:
    found = {t.name: (t.kind, t.size) for t in index(write_elf(tmp_path / "vmlinux"))}
    assert found == {
        "int": ("base", 4),
        "char": ("base", 1),
        "list_head": ("struct", 16),
        "rq": ("struct", 32),
        "pid_t": ("typedef", None),
        "byte_t": ("typedef", 0),
    }


def test_it_tells_how_far_it_is(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    elf = ElfFile(write_elf(tmp_path / "vmlinux"))
    AllTypes(elf, lambda *progress: told.append(progress))
    assert told[-1] == ("reading types", len(entries()), len(entries()))


def test_a_file_without_types(tmp_path: Path) -> None:
    assert index(write_elf(tmp_path / "vmlinux", b"")) == []


@pytest.mark.parametrize("cut", range(1, len(entries()), 7))
def test_cut_debugging_data_is_a_named_error(tmp_path: Path, cut: int) -> None:
    try:
        index(write_elf(tmp_path / "vmlinux", entries()[:cut]))
    except CrashError as error:
        assert str(error)  # noqa: PT017


@pytest.mark.parametrize("place", range(4, len(entries()), 5))
def test_damaged_debugging_data_ends(tmp_path: Path, place: int) -> None:
    info = bytearray(entries())
    info[place] ^= 0xFF
    try:
        index(write_elf(tmp_path / "vmlinux", bytes(info)))
    except CrashError as error:
        assert str(error)  # noqa: PT017
