"""Structures at an address as nested plain data, whole and by member."""

from __future__ import annotations

import struct

import pytest
from drgn import Object, TypeMember

from pycrash.cexpr.expressions import Expressions
from pycrash.cexpr.printing.values import ValueOptions
from pycrash.cexpr.structures.entries import EntryReader, Part
from pycrash.cexpr.structures.innermembers import MemberNotFound
from pycrash.cexpr.structures.structs import NotKernelMemory
from pycrash.errors import ReadError
from tests.cexpr.fake import BASE, FakeKernel

KERNEL = FakeKernel(struct.pack("<ii8sII", 7, -1, b"init", 0b1101, 9))
PROG = KERNEL.prog
INT = PROG.int_type("int", 4, True)
PAIR = PROG.struct_type("pair", 8, (TypeMember(INT, "a"), TypeMember(INT, "b", 32)))
KERNEL.add("pair", PAIR)
KERNEL.add(
    "task",
    PROG.struct_type(
        "task",
        24,
        (
            TypeMember(PROG.struct_type(None, 8, (TypeMember(PAIR, "pair"),)), None),
            TypeMember(PROG.array_type(PROG.int_type("char", 1, True), 8), "comm", 64),
            TypeMember(Object(PROG, INT, bit_field_size=3), "bits", 128),
            TypeMember(PROG.array_type(INT, 1), "list", 160),
        ),
    ),
)
TASK = KERNEL.part(Expressions).types.find("task")
assert TASK is not None
STRUCTS = KERNEL.part(Expressions).structs(ValueOptions())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("", {"pair": {"a": 7, "b": -1}, "comm": "init", "bits": -3, "list": [9]}),
        ("pair", {"a": 7, "b": -1}),
        ("pair.b", -1),
        ("comm", "init"),
        ("bits", -3),
        ("list[0]", 9),
    ],
)
def test_nested(path: str, value: object) -> None:
    assert TASK is not None
    assert STRUCTS.nested(TASK, BASE, path).plain() == value


def test_what_is_not_there() -> None:
    assert TASK is not None
    with pytest.raises(MemberNotFound):
        STRUCTS.nested(TASK, BASE, "nosuch")
    with pytest.raises(ReadError):
        STRUCTS.nested(TASK, BASE + 0x1000).plain()
    with pytest.raises(NotKernelMemory):
        STRUCTS.nested(TASK, 0x1000).plain()


@pytest.mark.parametrize("direct", [False, True])
def test_entries_have_the_values_of_their_lines(direct: bool) -> None:
    reader = EntryReader(KERNEL, ValueOptions(), ["task.comm,bits,list", "pair"], direct)
    parts = [part for part in reader.parts(BASE) if isinstance(part, Part)]
    assert [(part.member, part.value.plain()) for part in parts] == [
        ("comm", "init"),
        ("bits", -3),
        ("list", [9]),
        ("", {"a": 7, "b": -1}),
    ]
