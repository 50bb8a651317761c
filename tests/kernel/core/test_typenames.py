"""Every type of a vmlinux, and the types of declared variables, from DWARF made by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from drgn import Architecture, Platform, PlatformFlags, Program

from pycrash.errors import CrashError
from pycrash.kernel.core.externs import Declarations
from pycrash.kernel.core.typenames import IndexedType, TypeIndex
from pycrash.objects.elf import ElfFile
from tests.kernel.small_elf import entries, write_elf


def index(path: Path) -> list[IndexedType]:
    kernel: Any = SimpleNamespace(vmlinux=path)
    return TypeIndex(kernel).types


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
    kernel: Any = SimpleNamespace(vmlinux=write_elf(tmp_path / "vmlinux"))
    TypeIndex(kernel, lambda *progress: told.append(progress))
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


def program() -> Program:
    prog = Program(
        Platform(Architecture.X86_64, PlatformFlags.IS_64_BIT | PlatformFlags.IS_LITTLE_ENDIAN)
    )
    types = {"char": prog.int_type("char", 1, True)}

    def find(prog: Program, kinds: Any, name: str, filename: str | None) -> Any:
        found = types.get(name)
        return found if found is not None and found.kind in kinds else None

    prog.register_type_finder("fake", find, enable_index=0)
    return prog


def test_the_type_of_a_declared_variable(tmp_path: Path) -> None:
    declarations = Declarations(program(), ElfFile(write_elf(tmp_path / "vmlinux")))
    found = declarations.type("_text")
    assert found is not None
    assert found.type_name() == "char []"
    assert declarations.type("nosuch") is None
    assert declarations.type("pid_t") is None
