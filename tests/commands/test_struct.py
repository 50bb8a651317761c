"""struct, union and *: operands, members, counts, messages."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from drgn import TypeMember

from commands.struct import Pointer, Struct, Union
from pycrash.api import Context, Notice, Row, Settings, UsageError, View
from pycrash.api.registry import Registry
from pycrash.errors import CrashError
from pycrash.render.json import json_lines
from tests.cexpr.fake import BASE, FakeKernel


class Port:
    """A shell that offers nothing."""

    aliases: dict[str, tuple[str, str]] = {}
    history: Sequence[str] = ()

    def execute(self, line: str) -> None:
        raise AssertionError(line)

    def leave(self) -> None:
        raise AssertionError

    def rows(self, name: str, ctx: Context, words: Sequence[str]) -> Iterator[Row]:
        raise AssertionError(name)


def make_context() -> Context:
    data = struct.pack("<12Q", BASE, BASE + 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    kernel = FakeKernel(data)
    prog = kernel.prog
    long = prog.int_type("unsigned long", 8, False)
    pointer = prog.pointer_type(long)
    pair = prog.struct_type("pair", 16, (TypeMember(pointer, "a"), TypeMember(long, "b", 64)))
    kernel.add("pair", pair)
    outer = (TypeMember(pair, "inner"), TypeMember(long, "last", 128))
    kernel.add("outer", prog.struct_type("outer", 24, outer))
    kernel.add("either", prog.union_type("either", 8, (TypeMember(long, "whole"),)))
    return Context(kernel, Settings(), Registry(), Port())  # type: ignore[arg-type]


CONTEXT = make_context()


def run(line: str) -> list[str]:
    """The lines of a command, messages in angle brackets."""
    name, *words = line.split()
    command = {"struct": Struct, "union": Union, "*": Pointer}[name]()
    args = command.parse(words)
    shown: list[str] = []

    def say(notice: Notice) -> None:
        if not notice.quiet:
            shown.append(f"{notice.line}<{notice.text}>")

    def plain(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            if isinstance(row, Notice):
                say(row)
            else:
                yield row

    view = View(CONTEXT.settings, say=say)
    shown.extend(command.text(view, args, plain(command.run(CONTEXT, args))))
    return shown


def as_json(line: str) -> list[Any]:
    """The objects of a command."""
    name, *words = line.split()
    command = {"struct": Struct, "union": Union, "*": Pointer}[name]()
    return [json.loads(o) for o in json_lines(name, command.run(CONTEXT, command.parse(words)))]


def test_a_declaration() -> None:
    lines = ["struct pair {", "    unsigned long *a;", "    unsigned long b;", "}", "SIZE: 16"]
    assert run("struct pair") == lines
    assert run("* pair") == lines


def test_contents() -> None:
    assert run(f"struct pair {BASE:x}") == [
        "struct pair {",
        f"  a = {BASE:#x},",
        f"  b = {BASE + 16}",
        "}",
    ]
    assert run(f"struct pair -x {BASE:x}")[2] == f"  b = {BASE + 16:#x}"


def test_members() -> None:
    assert run(f"struct pair.b,a {BASE:x}") == [f"  b = {BASE + 16}", f"  a = {BASE:#x},"]
    assert run(f"struct outer.inner.b {BASE:x}") == [f"  inner.b = {BASE + 16}"]
    assert run(f"struct outer.last {BASE:x}") == ["  last = 1"]


def test_json_has_the_members_nested() -> None:
    (found,) = as_json(f"struct outer {BASE:x}")
    inner = {"a": f"{BASE:#x}", "b": BASE + 16}
    assert found["fields"] == {"inner": inner, "last": 1}
    assert (found["kind"], found["name"], found["address"]) == ("struct", "outer", f"{BASE:#x}")
    (found,) = as_json(f"struct outer.inner.b,last {BASE:x}")
    assert found["fields"] == {"inner.b": BASE + 16, "last": 1}


def test_json_of_a_declaration() -> None:
    (found,) = as_json("struct outer")
    assert (found["kind"], found["form"], found["size"]) == ("type", "struct", 24)
    assert [(m["name"], m["type"], m["offset"], m["size"]) for m in found["members"]] == [
        ("inner", "struct pair", 0, 16),
        ("last", "unsigned long", 16, 8),
    ]


def test_what_cannot_be_read_is_no_row() -> None:
    bad = BASE + 0x100000
    (found,) = as_json(f"struct pair {bad:x}")
    assert (found["kind"], found["reason"], found["address"]) == (
        "notice",
        "seek error",
        f"{bad:#x}",
    )


def test_counts() -> None:
    assert run(f"struct pair.b {BASE:x} 3") == [f"  b = {BASE + 16}", "", "  b = 2", "", "  b = 4"]
    assert run(f"struct pair.b -c -2 {BASE + 16:x}") == [f"  b = {BASE + 16}", "", "  b = 2"]


def test_an_empty_line_stands_between_all_but_whole_unions() -> None:
    assert run(f"union either {BASE:x} 2").count("") == 0
    assert run(f"union either.whole {BASE:x} 2").count("") == 1
    assert run(f"union either -o {BASE:x} 2").count("") == 1


def test_an_address_inside() -> None:
    assert run(f"struct pair.b -l 8 {BASE + 24:x}") == ["  b = 2"]
    assert run(f"struct pair.b -l pair.b {BASE + 24:x}") == ["  b = 2"]


def test_offsets_with_an_address() -> None:
    assert run(f"struct pair -o {BASE:x}")[1:3] == [
        f"  [{BASE:x}] unsigned long *a;",
        f"  [{BASE + 8:x}] unsigned long b;",
    ]


def test_bytes() -> None:
    assert run(f"struct pair -r {BASE + 16:x}") == [
        f"{BASE + 16:x}:  0000000000000001 0000000000000002   ................"
    ]
    assert run(f"struct pair.b -r {BASE + 16:x}")[0].startswith(f"{BASE + 24:x}:  000000000000")


def test_pointers_followed() -> None:
    assert run(f"union either {BASE:x}") == ["union either {", f"  whole = {BASE}", "}"]


def test_behind_a_union_that_cannot_be_read_is_a_gap() -> None:
    away = run(f"union either {BASE + 0x1000:x} 2")
    assert [line[:14] for line in away] == ["union either <", "", "union either <"]


def test_several_members_without_an_address() -> None:
    lines = run("struct pair.a,b")
    assert lines[0] == "<multiple member format not supported in this syntax>"
    assert lines[2] == "   [0] unsigned long *a;"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("struct nothing", "invalid data structure reference: nothing"),
        ("struct nothing.x", "invalid data structure reference: nothing"),
        ("struct pair.x", r"invalid data structure reference: pair\.x"),
        ("struct outer.inner.b", r"invalid data structure reference: outer\.inner\.b"),
        ("union pair", "data type mismatch: pair is not a union"),
        ("struct either", "data type mismatch: either is not a struct"),
        ("struct pair,", "invalid format: pair,"),
        ("struct pair 123", "invalid kernel virtual address: 123"),
        ("struct -x -d pair", "-d and -x are mutually exclusive"),
        ("struct pair -c 2", "no kernel virtual address argument entered"),
        ("struct pair -p", "-p option requires address argument"),
        (f"struct pair {BASE:x} 2 3", "too many arguments!"),
        ("struct pair -l nothing.x", r"invalid -l option: nothing\.x"),
        (f"struct pair.a,b -o {BASE:x}", "-o option not valid with multiple member format"),
    ],
)
def test_messages(line: str, message: str) -> None:
    with pytest.raises(CrashError, match=message):
        run(line)


def test_unreadable_memory() -> None:
    bad = BASE + 0x100000
    text = f'seek error: kernel virtual address: {bad:x}  type: "gdb_readmem_callback"'
    assert run(f"struct pair {bad:x}") == [f"struct pair <{text}>", ""]
    assert run(f"struct pair.a {bad:x}") == [f"<{text}>"]
    assert run(f"struct -p pair {bad:x}") == [f"<{text}>", "struct pair "]
    with pytest.raises(CrashError, match=f"^cannot access pair.a {bad:x}$") as caught:
        run(f"struct -p pair.a {bad:x}")
    assert caught.value.before == text


def test_no_operand_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        run("struct")


def test_members_in_the_file_are_numbered_from_0() -> None:
    first = ["struct pair {", "   [0] unsigned long *a;", "   [8] unsigned long b;"]
    for line in ("struct -f -o pair 1f00 2", "struct -l 8 -f -o pair 1f00 2"):
        found = run(line)
        assert found[:3] == first
        assert found[7:9] == ["  [10] unsigned long *a;", "  [18] unsigned long b;"]
