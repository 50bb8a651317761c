"""Members of given structures as operands."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from drgn import TypeMember

from pycrash.api import MembersOf, Typed
from tests.cexpr.fake import FakeKernel


def test_members_of_several_structures() -> None:
    kernel = FakeKernel()
    prog = kernel.prog
    number = prog.int_type("int", 4, True)
    for name, member in (("page", "flags"), ("folio", "mapping")):
        kernel.add(name, prog.struct_type(name, 4, (TypeMember(number, member),)))
    kind = MembersOf("member", "members", "page", "folio")
    context: Any = SimpleNamespace(kernel=kernel)
    offers = list(kind.complete(context, Typed("flags,ma")))
    assert offers == [("flags", "int flags", 6, ""), ("mapping", "int mapping", 6, "")]
