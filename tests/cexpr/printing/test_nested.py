"""Values as nested plain data."""

from __future__ import annotations

import json
import struct

import drgn
import pytest
from drgn import Object, TypeEnumerator, TypeMember

from pycrash.cexpr.printing import nested
from pycrash.cexpr.printing.nested import NestedValue, Plain
from pycrash.errors import ReadError
from tests.cexpr.fake import BASE, FakeKernel

KERNEL = FakeKernel(b"comm\0\0\0\0" + bytes(range(8)))
PROG = KERNEL.prog
INT = PROG.int_type("int", 4, True)
LONG = PROG.int_type("unsigned long", 8, False)
CHAR = PROG.int_type("char", 1, True)
U8 = PROG.int_type("unsigned char", 1, False)
BOOL = PROG.bool_type("_Bool", 1)
POINTER = PROG.pointer_type(INT)
DOUBLE = PROG.float_type("double", 8)
COLOR = PROG.enum_type("color", INT, (TypeEnumerator("RED", 0), TypeEnumerator("GREEN", 5)))
LIST = PROG.struct_type(
    "list_head", 16, (TypeMember(POINTER, "next"), TypeMember(POINTER, "prev", 64))
)


def plain(type_: drgn.Type, data: bytes) -> Plain:
    return NestedValue.of(KERNEL, Object.from_bytes_(PROG, type_, data)).plain()


@pytest.mark.parametrize(
    ("type_", "data", "value"),
    [
        (INT, b"\xfe\xff\xff\xff", -2),
        (LONG, b"\xff" * 8, (1 << 64) - 1),
        (CHAR, b"A", 65),
        (BOOL, b"\1", True),
        (BOOL, b"\0", False),
        (BOOL, b"\5", 5),
        (COLOR, b"\5\0\0\0", "GREEN"),
        (COLOR, b"\6\0\0\0", 6),
        (POINTER, bytes(8), "0x0"),
        (POINTER, struct.pack("<Q", BASE), f"{BASE:#x}"),
        (DOUBLE, struct.pack("<d", 0.5), 0.5),
        (DOUBLE, struct.pack("<d", float("-inf")), "-inf"),
        (PROG.array_type(CHAR, 8), b"init\0old", "init"),
        (PROG.array_type(CHAR, 3), b"abc", "abc"),
        (PROG.array_type(CHAR, 4), b"\xc3\xa9\xff\0", "é\\xff"),
        (PROG.array_type(U8, 3), b"a\0b", [97, 0, 98]),
        (PROG.array_type(INT, 2), struct.pack("<2i", 7, -7), [7, -7]),
        (PROG.array_type(PROG.array_type(CHAR, 2), 2), b"a\0bc", ["a", "bc"]),
        (PROG.array_type(INT, 0), b"", []),
        (PROG.array_type(CHAR, 0), b"", []),
        (PROG.typedef_type("list_t", LIST), bytes(16), {"next": "0x0", "prev": "0x0"}),
    ],
)
def test_value(type_: drgn.Type, data: bytes, value: Plain) -> None:
    found = plain(type_, data)
    assert found == value
    assert type(found) is type(value)


def test_structure() -> None:
    inner = PROG.union_type(None, 8, (TypeMember(LONG, "word"), TypeMember(COLOR, "color")))
    outer = PROG.struct_type(
        "outer",
        32,
        (
            TypeMember(INT, "first"),
            TypeMember(Object(PROG, INT, bit_field_size=3), "low", 32),
            TypeMember(Object(PROG, INT, bit_field_size=5), None, 35),
            TypeMember(Object(PROG, BOOL, bit_field_size=1), "high", 40),
            TypeMember(inner, None, 64),
            TypeMember(LIST, "list", 128),
            TypeMember(PROG.array_type(INT, None), "rest", 256),
        ),
    )
    data = struct.pack("<iIQQQ", 1, 0x106, 5, BASE, 0)
    found = plain(outer, data)
    assert found == {
        "first": 1,
        "low": -2,
        "high": True,
        "word": 5,
        "color": "GREEN",
        "list": {"next": f"{BASE:#x}", "prev": "0x0"},
        "rest": [],
    }
    assert list(json.loads(json.dumps(found))) == list(found)


def test_what_has_no_value() -> None:
    function = PROG.function_type(PROG.void_type(), ())
    assert NestedValue.of(KERNEL, Object(PROG, function, address=BASE)).plain() == f"{BASE:#x}"
    assert NestedValue.of(KERNEL, Object(PROG, PROG.void_type())).plain() is None
    absent = Object(PROG, INT, absence_reason=drgn.AbsenceReason.OPTIMIZED_OUT)
    assert NestedValue.of(KERNEL, absent).plain() is None


def test_memory_is_read_when_asked_for() -> None:
    text = NestedValue.of(KERNEL, Object(PROG, PROG.array_type(CHAR, 8), address=BASE))
    assert text.plain() == "comm"
    missing = NestedValue.of(KERNEL, Object(PROG, LONG, address=BASE + 0x1000))
    with pytest.raises(ReadError):
        missing.plain()


def test_size_and_depth_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nested, "MOST", 4)
    assert plain(PROG.array_type(INT, 9), bytes(36)) == [0, 0, 0, "..."]
    assert plain(PROG.array_type(CHAR, 9), b"123456789") == "1234..."
    monkeypatch.setattr(nested, "MOST", 100)
    deep = INT
    for _ in range(25):
        deep = PROG.struct_type("deep", 4, (TypeMember(deep, "in"),))
    found = plain(deep, bytes(4))
    for _ in range(20):
        assert isinstance(found, dict)
        found = found["in"]
    assert found == "..."
