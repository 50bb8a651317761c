"""Values as gdb prints them."""

from __future__ import annotations

import struct

import drgn
import pytest
from drgn import TypeEnumerator, TypeMember

from pycrash.cexpr.printing.values import ValueOptions, format_output, format_value
from pycrash.errors import ReadError
from tests.cexpr.fake import BASE, FakeKernel

KERNEL = FakeKernel(b"hello\0world" + bytes(85) + b"no end")
PROG = KERNEL.prog
INT = PROG.int_type("int", 4, True)
U32 = PROG.int_type("unsigned int", 4, False)
LONG = PROG.int_type("unsigned long", 8, False)
CHAR = PROG.int_type("char", 1, True)
U8 = PROG.int_type("unsigned char", 1, False)
BOOL = PROG.bool_type("_Bool", 1)
POINTER = PROG.pointer_type(INT)
FLAGS = PROG.enum_type(
    "flags",
    U32,
    (TypeEnumerator("A", 1), TypeEnumerator("B", 2), TypeEnumerator("D", 8)),
)
STATES = PROG.enum_type("states", U32, (TypeEnumerator("OFF", 0), TypeEnumerator("ON", 3)))


def shown(type_: drgn.Type, data: bytes, **options: object) -> str:
    value = drgn.Object.from_bytes_(PROG, type_, data)
    return format_value(KERNEL, value, ValueOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("type_", "data", "decimal", "hexadecimal"),
    [
        (INT, b"\xff\xff\xff\xff", "-1", "0xffffffff"),
        (U32, b"\xff\xff\xff\xff", "4294967295", "0xffffffff"),
        (CHAR, b"A", "65 'A'", "0x41"),
        (CHAR, b"\xff", "-1 '\\377'", "0xff"),
        (U8, b"\xff", "255 '\\377'", "0xff"),
        (BOOL, b"\1", "true", "0x1"),
        (BOOL, b"\0", "false", "0x0"),
        (BOOL, b"\5", "5", "0x5"),
        (POINTER, bytes(8), "0x0", "0x0"),
        (POINTER, struct.pack("<Q", BASE), f"{BASE:#x}", f"{BASE:#x}"),
        (STATES, b"\3\0\0\0", "ON", "ON"),
        (STATES, b"\7\0\0\0", "7", "7"),
        (FLAGS, b"\3\0\0\0", "(A | B)", "(A | B)"),
        (FLAGS, b"\5\0\0\0", "(A | unknown: 0x4)", "(A | unknown: 0x4)"),
        (FLAGS, b"\4\0\0\0", "(unknown: 0x4)", "(unknown: 0x4)"),
        (FLAGS, b"\0\0\0\0", "0", "0"),
        (PROG.float_type("double", 8), struct.pack("<d", 0.1), "0.10000000000000001", None),
        (PROG.float_type("float", 4), struct.pack("<f", 2.5), "2.5", None),
        (PROG.int_type("__int128", 16, True), b"\xff" * 16, "-1", "0x" + "f" * 32),
    ],
)
def test_scalars(type_: drgn.Type, data: bytes, decimal: str, hexadecimal: str | None) -> None:
    assert shown(type_, data) == decimal
    assert shown(type_, data, radix=16) == (hexadecimal or decimal)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("x", "0xfffffffe"),
        ("d", "-2"),
        ("u", "4294967294"),
        ("o", "037777777776"),
        ("t", "1" * 31 + "0"),
    ],
)
def test_formats(code: str, text: str) -> None:
    assert shown(INT, b"\xfe\xff\xff\xff", format=code) == text


def test_zero_padded() -> None:
    assert shown(INT, b"\x1f\0\0\0", format="z") == "0x0000001f"


def test_structures_and_arrays() -> None:
    pair = PROG.struct_type("pair", 8, (TypeMember(INT, "a"), TypeMember(INT, "b", 32)))
    anonymous = PROG.union_type(None, 8, (TypeMember(LONG, "whole"), TypeMember(pair, "parts")))
    outer = PROG.struct_type(
        "outer",
        40,
        (
            TypeMember(anonymous, None),
            TypeMember(PROG.array_type(pair, 2), "pairs", 64),
            TypeMember(PROG.array_type(INT, 3), "ints", 192),
            TypeMember(PROG.struct_type("none", 0, ()), "none", 288),
        ),
    )
    data = struct.pack("<10i", 1, 0, 2, 3, 4, 5, 6, 7, 8, 0)
    assert shown(outer, data).split("\n") == [
        "{",
        "  {",
        "    whole = 1,",
        "    parts = {",
        "      a = 1,",
        "      b = 0",
        "    }",
        "  },",
        "  pairs = {{",
        "      a = 2,",
        "      b = 3",
        "    }, {",
        "      a = 4,",
        "      b = 5",
        "    }},",
        "  ints = {6, 7, 8},",
        "  none = {<No data fields>}",
        "}",
    ]


def test_bit_fields() -> None:
    members = (
        TypeMember(drgn.Object(PROG, U32, bit_field_size=3), "low"),
        TypeMember(drgn.Object(PROG, INT, bit_field_size=5), "negative", 3),
        TypeMember(drgn.Object(PROG, U32, bit_field_size=12), "across", 8),
    )
    type_ = PROG.struct_type("bits", 4, members)
    data = struct.pack("<I", 5 | 0b11111 << 3 | 0xABC << 8)
    text = shown(type_, data, pretty=False)
    assert text == f"{{low = 5, negative = -1, across = {0xABC}}}"
    # gdb shows the number at the width of its type.
    assert "negative = 0xffffffff" in shown(type_, data, radix=16)


def test_array_limits_and_repeats() -> None:
    data = struct.pack("<6i", 1, 1, 1, 1, 2, 3)
    array = PROG.array_type(INT, 6)
    assert shown(array, data, print_max=2) == "{1, 1...}"
    assert shown(array, data, repeats=3) == "{1 <repeats 4 times>, 2, 3}"
    assert shown(array, data) == "{1, 1, 1, 1, 2, 3}"
    assert shown(array, data, array=True).startswith("{\n  1,\n  1")


def test_character_arrays() -> None:
    array = PROG.array_type(CHAR, 8)
    assert shown(array, b"init\0\0\0\0") == '"init\\000\\000\\000"'
    assert shown(array, b"init\0\0\0\0", null_stop=True) == '"init"'
    assert shown(array, b"initinit", print_max=4) == '"init"...'
    assert shown(array, b"initinit", format="x").startswith("{0x69, 0x6e")
    assert shown(PROG.array_type(U8, 2), b"\1\2") == '"\\001\\002"'


def test_character_pointers() -> None:
    pointer = PROG.pointer_type(CHAR)
    assert shown(pointer, struct.pack("<Q", BASE)) == f'{BASE:#x} "hello"'
    assert shown(pointer, struct.pack("<Q", BASE), print_max=2) == f'{BASE:#x} "he"...'
    bad = BASE + 0x100000
    error = f"<error: Cannot access memory at address {bad:#x}>"
    assert shown(pointer, struct.pack("<Q", bad)) == f"{bad:#x} {error}"
    assert shown(pointer, bytes(8)) == "0x0"


def test_a_string_that_runs_into_bad_memory() -> None:
    start = BASE + 96
    error = f"<error: Cannot access memory at address {BASE + 102:#x}>"
    text = shown(PROG.pointer_type(CHAR), struct.pack("<Q", start))
    assert text == f'{start:#x} "no end"{error}'


def test_flexible_arrays_are_addresses() -> None:
    type_ = PROG.struct_type(
        "flexible", 4, (TypeMember(INT, "n"), TypeMember(PROG.array_type(INT), "rest", 32))
    )
    value = drgn.Object(PROG, type_, address=BASE)
    text = format_value(KERNEL, value, ValueOptions(pretty=False))
    assert text == f"{{n = {int.from_bytes(b'hell', 'little')}, rest = {BASE + 4:#x}}}"


def test_deep_nesting_ends_in_dots() -> None:
    type_ = PROG.struct_type("s0", 4, (TypeMember(INT, "x"),))
    for depth in range(1, 22):
        type_ = PROG.struct_type(f"s{depth}", 4, (TypeMember(type_, "s"),))
    assert shown(type_, bytes(4), pretty=False).count("{") == 21
    assert "{...}" in shown(type_, bytes(4), pretty=False)


def test_unreadable_values() -> None:
    with pytest.raises(ReadError):
        format_value(KERNEL, drgn.Object(PROG, INT, address=BASE + 0x200000))


def test_a_pointer_by_itself_has_its_type() -> None:
    value = drgn.Object(PROG, POINTER, 0x10)
    assert format_output(KERNEL, value) == "(int *) 0x10"
    assert format_output(KERNEL, value, ValueOptions(format="x")) == "0x10"
    text = drgn.Object(PROG, PROG.pointer_type(CHAR), BASE)
    assert format_output(KERNEL, text) == f'{BASE:#x} "hello"'
