"""ptype/o: offsets, sizes, holes, bit-fields, structures inside."""

from __future__ import annotations

from typing import Any

import drgn
import pytest
from drgn import Program, TypeMember

from pycrash.cexpr.gdb.offsets import with_offsets
from pycrash.cexpr.gdb.printing import ptype_command
from pycrash.cexpr.syntax.errors import ExprError
from tests.cexpr.fake_expressions import make_program, make_session

OUTER = """\
struct outer {
/*      0      |       4 */    int a;
/* XXX  4-byte hole      */
/*      8      |       8 */    struct inner {
/*      8      |       4 */        int b;
/*     12      |       4 */        int c;

                                   /* total size (bytes):    8 */
                               } in;
/*     16: 0   |       4 */    int low : 3;
/*     16: 3   |       4 */    int high : 5;
/* XXX  3-byte padding   */

                               /* total size (bytes):   20 */
                             }"""


@pytest.fixture
def prog() -> Program:
    return make_program()


def outer(prog: Program) -> drgn.Type:
    number = prog.int_type("int", 4, True)
    inner = prog.struct_type("inner", 8, (TypeMember(number, "b"), TypeMember(number, "c", 32)))

    def bits(width: int) -> Any:
        return lambda: drgn.Object(prog, number, bit_field_size=width)

    return prog.struct_type(
        "outer",
        20,
        (
            TypeMember(number, "a", 0),
            TypeMember(inner, "in", 64),
            TypeMember(bits(3), "low", 128),
            TypeMember(bits(5), "high", 131),
        ),
    )


def test_structure(prog: Program) -> None:
    assert with_offsets(outer(prog)) == OUTER


def test_hexadecimal(prog: Program) -> None:
    lines = with_offsets(outer(prog), hexadecimal=True).split("\n")
    assert lines[1] == "/* 0x0000      |  0x0004 */    int a;"
    assert lines[9] == "/* 0x0010: 0x0 |  0x0004 */    int low : 3;"


def test_members_of_a_union_have_only_sizes(prog: Program) -> None:
    number = prog.int_type("int", 4, True)
    union = prog.union_type("u", 4, (TypeMember(number, "a"), TypeMember(number, "b")))
    assert with_offsets(union).split("\n")[1] == "/*                     4 */    int a;"


def test_the_command() -> None:
    session = make_session()
    printed = "".join(ptype_command(session, "/o struct task"))
    assert printed.startswith("/* offset      |    size */  type = struct task {\n")
    assert "".join(ptype_command(session, "/o int")) == "type = int\n"
    with pytest.raises(ExprError):
        "".join(ptype_command(session, "/q int"))
