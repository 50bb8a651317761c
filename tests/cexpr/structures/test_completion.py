"""Names of structures and members that complete a word."""

from __future__ import annotations

from drgn import TypeMember

from pycrash.cexpr.structures.completion import Completer
from tests.cexpr.fake import FakeKernel

KERNEL = FakeKernel()
PROG = KERNEL.prog
INT = PROG.int_type("int", 4, True)
LIST = PROG.struct_type("list_head", 8, (TypeMember(INT, "next"), TypeMember(INT, "prev", 32)))
INNER = PROG.struct_type(None, 8, (TypeMember(LIST, "links"),))
KERNEL.add("list_head", LIST)
KERNEL.add("list_task", PROG.struct_type("list_task", 8, (TypeMember(INNER, None),)))
KERNEL.add("list_u", PROG.union_type("list_u", 4, (TypeMember(INT, "i"),)))
# A name may be the tail of a longer string; not every string is a type.
COMPLETER = KERNEL.part(Completer)
COMPLETER.__dict__["_debug_strings"] = b"\0my_list_head\0list_task\0list_u\0list_nothing\0"


def test_types() -> None:
    assert list(COMPLETER.structures("list_", ("struct",))) == [
        ("list_head", "struct, 8 bytes"),
        ("list_task", "struct, 8 bytes"),
    ]
    assert [name for name, _ in COMPLETER.structures("list_u")] == ["list_u"]
    assert list(COMPLETER.structures("l")) == []


def test_members() -> None:
    assert list(COMPLETER.structures("list_head.")) == [
        ("list_head.next", "int next"),
        ("list_head.prev", "int prev"),
    ]
    assert list(COMPLETER.structures("list_head.next,p")) == [("list_head.next,prev", "int prev")]
    assert list(COMPLETER.structures("list_task.links.n")) == [("list_task.links.next", "int next")]
    assert list(COMPLETER.structures("list_task.no.n")) == []
    assert list(COMPLETER.structures("nothing.n")) == []
