"""What names mean: an array that a header declares without its length."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import drgn
import pytest

from pycrash.cexpr.eval import lookup
from pycrash.cexpr.eval.state import ExprState
from pycrash.kernel.kernel import Kernel
from tests.cexpr.fake_expressions import ExpressionKernel


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """A kernel whose `numbers` is global, and declared as `int numbers[]` in a header."""
    fake: Any = ExpressionKernel()
    fake.vmlinux = "vmlinux"
    fake.symbols.kernel_symbols = SimpleNamespace(find=lambda name: [(0, "D")])
    declared = fake.prog.array_type(fake.prog.type("int"))
    declarations = SimpleNamespace(type=lambda name: declared)
    monkeypatch.setattr(lookup.Lookup, "_declarations", declarations)
    return cast(Kernel, fake)


def test_the_declaration_is_met_first(kernel: Kernel) -> None:
    names = lookup.Lookup(kernel)
    assert names.symbol("numbers").type_.length is None
    kernel.part(ExprState).types_read = True
    assert names.symbol("numbers").type_.length is None


def test_with_all_files_read_the_definition_is_met(kernel: Kernel) -> None:
    kernel.part(ExprState).types_read = True
    assert lookup.Lookup(kernel).symbol("numbers").type_.length == 4


def test_what_is_no_array_is_not_looked_for_in_headers(kernel: Kernel) -> None:
    assert lookup.Lookup(kernel).symbol("counter").type_.type_name() == "unsigned long"


def test_a_static_array_has_no_declaration(kernel: Kernel) -> None:
    cast(Any, kernel).symbols.kernel_symbols.find = lambda name: [(0, "d")]
    assert lookup.Lookup(kernel).symbol("numbers").type_.length == 4


def test_of_several_functions_the_first_is_taken(kernel: Kernel) -> None:
    fake = cast(Any, kernel)
    name, only = "run", lookup.Lookup(kernel).symbol("run")
    places = [(0x1000, "t"), (only.address_, "t")]
    fake.symbols.kernel_symbols.find = lambda name: places
    fake.sources = SimpleNamespace(unit=lambda address: "")
    assert lookup.Lookup(kernel).symbol(name).address_ == only.address_
    # What no file defines was written in a header.
    fake.sources = SimpleNamespace(unit=lambda address: "none.c")
    assert lookup.Lookup(kernel).symbol(name).address_ == 0x1000
    fake.sources = SimpleNamespace(unit=lambda address: "other.c")
    found = drgn.Object(fake.prog, fake.prog.type("int"), address=0x1000)

    def find(prog: drgn.Program, name: str, flags: object, file: str | None) -> drgn.Object | None:
        return found if file == "other.c" else None

    fake.prog.register_object_finder("other", find, enable_index=0)
    assert lookup.Lookup(kernel).symbol(name).type_.type_name() == "int"
