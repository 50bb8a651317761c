"""drgn's types made of BTF by hand."""

from __future__ import annotations

from collections.abc import Callable

import drgn
import pytest

from pycrash.errors import CrashError
from pycrash.kernel.core.btftypes import BtfTypes
from pycrash.kernel.core.reader import Reader
from pycrash.objects import btf
from pycrash.objects.btf import Btf
from tests.objects.madebtf import MadeBtf


class Addresses(Reader):
    def symbol_address(self, name: str) -> int | None:
        return {"schedule": 0x1000, "runqueues": 0x2000}.get(name)


Build = Callable[[MadeBtf, int], object]


def program(build: Build) -> drgn.Program:
    """A program that knows the types which `build` adds behind `int`."""
    made = MadeBtf()
    build(made, made.integer("int", 4, btf.INT_SIGNED))
    prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    types = BtfTypes(Addresses(prog), Btf(made.block(), "<"))
    prog.register_type_finder("btf", types.find_type, enable_index=0)
    prog.register_object_finder("btf", types.find_object, enable_index=0)
    return prog


def test_a_structure_that_points_to_itself() -> None:
    def build(made: MadeBtf, number: int) -> None:
        pointer = made.add(btf.PTR, "", number + 2)
        made.structure("list_head", 16, ("next", pointer, 0), ("prev", pointer, 64))

    prog = program(build)
    assert str(prog.type("struct list_head")) == (
        "struct list_head {\n\tstruct list_head *next;\n\tstruct list_head *prev;\n}"
    )
    assert drgn.offsetof(prog.type("struct list_head"), "prev") == 8


def test_bit_fields_arrays_and_qualifiers() -> None:
    def build(made: MadeBtf, number: int) -> None:
        flexible = made.add(btf.ARRAY, "", 0, number, number, 0)
        constant = made.add(btf.CONST, "", number)
        members = ("low", number, 3 << 24), ("fixed", constant, 32), ("end", flexible, 64)
        made.structure("mixed", 8, *members, flag=True)

    type_ = program(build).type("struct mixed")
    low, fixed, end = type_.members or ()
    assert (low.bit_field_size, fixed.bit_offset) == (3, 32)
    assert fixed.type.qualifiers == drgn.Qualifiers.CONST
    assert end.type.length is None


def test_what_is_declared_only_is_found_last() -> None:
    def build(made: MadeBtf, number: int) -> None:
        made.add(btf.FWD, "known", 0)
        made.structure("known", 4, ("a", number, 0))
        made.add(btf.FWD, "other", 0, flag=True)

    prog = program(build)
    assert prog.type("struct known").is_complete()
    assert not prog.type("union other").is_complete()
    with pytest.raises(LookupError):
        prog.type("struct other")


def test_typedefs_enumerators_functions_and_variables() -> None:
    def build(made: MadeBtf, number: int) -> None:
        made.add(btf.TYPEDEF, "pid_t", number)
        made.add(btf.ENUM, "state", 4, made.text("UP"), 1, made.text("GONE"), -2, vlen=2)
        proto = made.add(btf.FUNC_PROTO, "", 0, made.text("n"), number, 0, 0, vlen=2)
        made.add(btf.FUNC, "schedule", proto)
        made.add(btf.FUNC, "inlined", proto)
        made.add(btf.VAR, "runqueues", number, 1)

    prog = program(build)
    assert prog.type("pid_t").type_name() == "pid_t"
    assert prog.constant("GONE").value_() == -2
    assert prog["schedule"].address_ == 0x1000
    assert prog["schedule"].type_.type_name() == "void (int n, ...)"
    assert prog["runqueues"].address_ == 0x2000
    with pytest.raises(LookupError):
        prog["inlined"]


def test_unsigned_enumerators_of_an_old_block() -> None:
    """Where none is negative all 32 bits count as they are."""

    def build(made: MadeBtf, number: int) -> None:
        made.add(btf.ENUM, "flags", 4, made.text("A"), 1, made.text("B"), 2, vlen=2)

    type_ = program(build).type("enum flags")
    assert type_.type is not None
    assert not type_.type.is_signed


@pytest.mark.parametrize("kind", [btf.TYPEDEF, btf.CONST, btf.PTR])
def test_types_that_lead_to_themselves_are_refused(kind: int) -> None:
    def build(made: MadeBtf, number: int) -> None:
        made.add(kind, "", number + 1)
        made.add(btf.TYPEDEF, "endless", number + 1)

    with pytest.raises(CrashError, match="leads to itself"):
        program(build).type("endless")


def test_a_structure_that_holds_itself_is_refused() -> None:
    def build(made: MadeBtf, number: int) -> None:
        made.structure("inner", 8, ("", number + 2, 0))
        made.structure("outer", 8, ("", number + 1, 0))

    with pytest.raises(CrashError, match="holds itself"):
        program(build).type("struct outer").member("x")
