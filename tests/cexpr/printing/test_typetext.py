"""Types as gdb prints them."""

from __future__ import annotations

from drgn import Object, Qualifiers, TypeEnumerator, TypeMember, TypeParameter

from pycrash.cexpr.printing.typetext import format_type, format_type_name
from tests.cexpr.fake import FakeKernel

PROG = FakeKernel().prog
INT = PROG.int_type("int", 4, True)
CHAR = PROG.int_type("char", 1, True)
VOID = PROG.void_type()
LIST = PROG.struct_type("list_head", 16, ())


def test_declarations() -> None:
    pointer = PROG.pointer_type(LIST)
    function = PROG.function_type(VOID, (TypeParameter(pointer), TypeParameter(INT)))
    constant = CHAR.qualified(Qualifiers.CONST)
    assert format_type_name(pointer, "next") == "struct list_head *next"
    assert format_type_name(pointer) == "struct list_head *"
    assert format_type_name(PROG.pointer_type(pointer), "pp") == "struct list_head **pp"
    assert format_type_name(PROG.array_type(INT, 3), "a") == "int a[3]"
    assert format_type_name(PROG.array_type(PROG.array_type(INT, 3), 2)) == "int [2][3]"
    assert format_type_name(PROG.pointer_type(constant), "s") == "const char *s"
    pointer_to = PROG.pointer_type(function)
    assert format_type_name(pointer_to, "f") == "void (*f)(struct list_head *, int)"
    assert format_type_name(pointer_to) == "void (*)(struct list_head *, int)"
    assert format_type_name(PROG.function_type(INT, ())) == "int (void)"
    assert format_type_name(PROG.function_type(INT, (), is_variadic=True)) == "int (...)"
    fixed = PROG.pointer_type(INT).qualified(Qualifiers.CONST)
    assert format_type_name(fixed, "p") == "int * const p"


def test_a_structure() -> None:
    inner = PROG.struct_type(None, 4, (TypeMember(INT, "x"),))
    named = PROG.union_type(None, 4, (TypeMember(inner, "deep"), TypeMember(INT, "y")))
    modes = PROG.enum_type(None, INT, (TypeEnumerator("A", 0), TypeEnumerator("B", 5)))
    type_ = PROG.struct_type(
        "outer",
        24,
        (
            TypeMember(PROG.union_type(None, 4, (TypeMember(inner, None),)), None),
            TypeMember(named, "u", 32),
            TypeMember(Object(PROG, INT, bit_field_size=3), "bits", 64),
            TypeMember(PROG.array_type(CHAR), "rest", 96),
            TypeMember(modes, "mode", 128),
        ),
    )
    assert format_type(type_).split("\n") == [
        "struct outer {",
        "    union {",
        "        struct {",
        "            int x;",
        "        };",
        "    };",
        "    union {",
        "        struct {...} deep;",
        "        int y;",
        "    } u;",
        "    int bits : 3;",
        "    char rest[];",
        "    enum {A, B = 5} mode;",
        "}",
    ]


def test_empty_and_incomplete() -> None:
    assert format_type(LIST) == "struct list_head {\n    <no data fields>\n}"
    assert format_type(PROG.struct_type("gone")) == "struct gone {\n    <incomplete type>\n}"


def test_typedefs_are_resolved_at_the_outside() -> None:
    size = PROG.typedef_type("size_t", PROG.int_type("unsigned long", 8, False))
    assert format_type(size) == "unsigned long"
    assert format_type_name(size) == "size_t"
    modes = PROG.enum_type("modes", INT, (TypeEnumerator("A", 0), TypeEnumerator("B", 1)))
    assert format_type(modes) == "enum modes {A, B}"
