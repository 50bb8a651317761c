"""Structures at an address as nested plain data, whole and by member."""

from __future__ import annotations

import struct

import pytest
from drgn import Object, TypeMember

from pycrash.cexpr.expressions import Expressions
from pycrash.cexpr.printing.values import ValueOptions
from pycrash.cexpr.structures.entries import EntryReader
from pycrash.cexpr.structures.structs import Shown, Trouble
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


def shown(path: str, address: int = BASE) -> Shown | Trouble:
    """What is shown of the task at an address."""
    assert TASK is not None
    return STRUCTS.member(TASK, path, address) if path else STRUCTS.whole(TASK, address)


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
    found = shown(path)
    assert isinstance(found, Shown)
    assert found.value.plain() == value


def test_lines() -> None:
    found = shown("bits")
    assert isinstance(found, Shown)
    assert list(found.lines()) == ["  bits = -3,"]


@pytest.mark.parametrize("path", ["nosuch", "list[1]", "list[99]"])
def test_members_that_are_not_there(path: str) -> None:
    assert shown(path) == Trouble(f"invalid data structure member reference: {path}")


def test_memory_that_is_not_there() -> None:
    found = shown("", BASE + 0x1000)
    assert isinstance(found, Trouble)
    assert (found.line, found.gap, found.quiet) == ("struct task ", True, False)
    assert isinstance(found.cause, ReadError)
    assert found.cause.address == BASE + 0x1000
    quiet = shown("", 0x1000)
    assert isinstance(quiet, Trouble)
    assert (quiet.line, quiet.gap, quiet.quiet) == ("struct task \n", False, True)


@pytest.mark.parametrize("direct", [False, True])
def test_entries_have_the_values_of_their_lines(direct: bool) -> None:
    reader = EntryReader(KERNEL, ValueOptions(), ["task.comm,bits,list", "pair"], direct)
    found = [
        (name, [p for p in parts if isinstance(p, Shown)]) for name, parts in reader.shown(BASE)
    ]
    assert [(name, [(p.path, p.value.plain()) for p in parts]) for name, parts in found] == [
        ("task", [("comm", "init"), ("bits", -3), ("list", [9])]),
        ("pair", [("", {"a": 7, "b": -1})]),
    ]


def test_members_read_by_themselves_fail_by_themselves() -> None:
    reader = EntryReader(KERNEL, ValueOptions(), ["pair.a,b"], direct=True)
    ((_, parts),) = reader.shown(BASE + 20)
    first, second = parts
    assert isinstance(first, Shown)
    assert isinstance(second, Trouble)
    assert second.text == f"cannot access member: b at {BASE + 24:x}"
