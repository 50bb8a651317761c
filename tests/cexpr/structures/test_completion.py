"""Names of structures and members that complete a word."""

from __future__ import annotations

from drgn import TypeMember

from pycrash.cexpr.structures.completion import Completer
from pycrash.matching import Typed
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


def structures(word: str, *kinds: str, loose: bool = False) -> list[tuple[str, int, str]]:
    typed = Typed(word, loose)
    found = COMPLETER.structures(typed, kinds or ("struct", "union"))
    return [(text, start, remark) for text, start, remark in found]


def test_types() -> None:
    assert structures("list_", "struct") == [
        ("list_head", 0, "struct, 8 bytes"),
        ("list_task", 0, "struct, 8 bytes"),
    ]
    assert structures("list_u") == [("list_u", 0, "union, 4 bytes")]
    assert structures("l") == []


def test_types_by_their_letters() -> None:
    assert [name for name, _, _ in structures("LTask", loose=True)] == ["list_task"]
    assert structures("task", loose=True) == []


def test_members() -> None:
    assert structures("list_head.") == [
        ("next", len("list_head."), "int next"),
        ("prev", len("list_head."), "int prev"),
    ]
    start = len("list_head.next,")
    assert ("prev", start, "int prev") in structures("list_head.next,p")
    assert structures("list_task.links.n")[0] == ("next", len("list_task.links."), "int next")
    assert structures("list_task.no.n") == []
    assert structures("nothing.n") == []


def test_slips() -> None:
    assert COMPLETER.slip("list_head.next,prev") is None
    assert COMPLETER.slip("list_task.links.next") is None
    assert COMPLETER.slip("list_haed.next") == ("list_haed", ["list_head"])
    assert COMPLETER.slip("list_head.nxt") == ("nxt", ["next"])
    assert COMPLETER.slip("list_task.links.perv") == ("perv", ["prev"])
    assert COMPLETER.slip("list_u", ("struct",)) == ("list_u", [])
    assert COMPLETER.near("my_list_heat") == []
