"""The types of declared variables, from DWARF made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drgn import Architecture, Platform, PlatformFlags, Program

from pycrash.kernel.core.externs import Declarations
from pycrash.objects.elf import ElfFile
from tests.kernel.small_elf import write_elf


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
