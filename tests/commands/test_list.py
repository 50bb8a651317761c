"""list and tree: what stands for the start, what is shown of entries, messages."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from drgn import TypeMember

from commands.list import List
from commands.tree import Tree
from pycrash.api import Context, Notice, Row, Settings, UsageError, View
from pycrash.api.registry import Registry
from pycrash.errors import CrashError
from pycrash.kernel.symbols.table import Symbol
from pycrash.render.json import json_lines
from tests.cexpr.fake import BASE, FakeKernel

A, B, C = (BASE + 0x20 * i for i in range(3))
HEAD = BASE + 0x60
EMPTY = BASE + 0x80


class Symbols:
    """The symbols `head`, `first` and `empty`."""

    known = {"head": HEAD, "first": A, "empty": EMPTY}
    module_symbols = FakeKernel().symbols.module_symbols

    def by_name(self, name: str) -> Symbol | None:
        return Symbol(self.known[name], name, "D") if name in self.known else None

    def lookup(self, address: int) -> None:
        return None


def make_context() -> Context:
    words = [0] * 32
    # Three entries of 32 bytes, each a list_head and a number, and the heads of two lists.
    for here, before, behind, number in ((A, HEAD, B, 1), (B, A, C, 2), (C, B, HEAD, 3)):
        at = (here - BASE) // 8
        words[at : at + 3] = [behind, before, number]
    words[12], words[13] = A, C
    words[16], words[17] = EMPTY, EMPTY
    kernel = FakeKernel(struct.pack("<32Q", *words))
    kernel.__dict__["symbols"] = Symbols()
    prog = kernel.prog
    long = prog.int_type("unsigned long", 8, False)
    pointer = prog.pointer_type(long)
    head = prog.struct_type(
        "list_head", 16, (TypeMember(pointer, "next"), TypeMember(pointer, "prev", 64))
    )
    kernel.add("list_head", head)
    thing = (TypeMember(head, "list"), TypeMember(long, "number", 128))
    kernel.add("thing", prog.struct_type("thing", 24, thing))
    root = prog.struct_type("rb_root", 8, (TypeMember(pointer, "rb_node"),))
    kernel.add("rb_root", root)
    node = (TypeMember(pointer, "rb_right"), TypeMember(pointer, "rb_left", 192))
    kernel.add("rb_node", prog.struct_type("rb_node", 32, node))
    return Context(kernel, Settings(), Registry(), None)  # type: ignore[arg-type]


CONTEXT = make_context()


def run(line: str) -> list[str]:
    """The lines of a command, messages in angle brackets."""
    name, *words = line.split()
    command = {"list": List, "tree": Tree}[name]()
    args = command.parse(words)
    shown: list[str] = []

    def say(notice: Notice) -> None:
        if not notice.quiet:
            shown.append(f"<{notice.text}>")

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
    command = {"list": List, "tree": Tree}[name]()
    return [json.loads(o) for o in json_lines(name, command.run(CONTEXT, command.parse(words)))]


ALL = [f"{address:x}" for address in (A, B, C)]


@pytest.mark.parametrize(
    "line",
    ["list -H head", f"list -H {HEAD:x}", "list -H (head+0)", f"list -h first -e {HEAD:x}"],
)
def test_starts(line: str) -> None:
    assert run(line) == ALL


def test_backwards_and_plain() -> None:
    assert run("list -H -r head") == ALL[::-1]
    assert run("list first") == [*ALL, f"{HEAD:x}"]
    assert run(f"list first 8 -e {HEAD:x}") == [f"{A:x}"]
    assert run("list -B -H head") == ALL
    assert run("list -H empty") == ["(empty)"]


def test_contents() -> None:
    assert run("list -H head -s thing.number -x") == [
        line
        for address, n in zip(ALL, (1, 2, 3), strict=True)
        for line in (address, f"  number = {n:#x}")
    ]
    assert run("list -H head -S thing.number,list")[:6] == [
        f"{A:x}",
        "  number = 1",
        "  list = {",
        f"    next = {B:#x},",
        f"    prev = {HEAD:#x}",
        "  },",
    ]
    assert run("list -H head -s list_head")[1] == "struct list_head {"
    assert "<invalid data structure member reference: no>" in run("list -H head -s thing.no")


def test_json_has_one_object_a_structure() -> None:
    found = as_json("list -H head -s thing.number,no,list.next")
    assert [o["kind"] for o in found] == ["list.entry", "struct", "notice"] * 3
    assert found[1]["fields"] == {"number": 1, "list.next": f"{B:#x}"}
    assert found[2]["message"] == "invalid data structure member reference: no"
    leaf = BASE + 0xC0
    assert as_json(f"tree -N -S thing.number {leaf:x}")[1]["fields"] == {"number": 0}
    assert as_json("list -H empty") == [{"kind": "list.empty", "head": f"{EMPTY:#x}"}]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("list nothing", "invalid argument: nothing"),
        ("list 123", "invalid kernel virtual address: 123"),
        ("list -x -d head", "-d and -x are mutually exclusive"),
        ("list -s thing -S thing head", "-S and -s options are mutually exclusive"),
        ("list -o nothing.x head", r"invalid -o argument: nothing\.x"),
        ("list -o 8 -o 8 head", "already entered"),
        ("list head first", "list start already entered"),
        ("list -H head -s nothing", "invalid structure name: nothing"),
        ("list -H head -S thing.no", r"Can't get offset of 'thing\.no'"),
        ("tree nothing", "invalid start argument: nothing"),
        ("tree -t xarray -l head", "-l option is not applicable to Xarrays"),
        ("tree -t rb -v head", "-v option is not applicable to rbtrees"),
        ("tree -r 8 -N head", "-r and -N options are mutually exclusive"),
    ],
)
def test_messages(line: str, message: str) -> None:
    with pytest.raises(CrashError, match=message):
        run(line)


@pytest.mark.parametrize(
    "line", ["list", "list a b c", "list -l 8 head", "tree", "tree -t zz head", "tree head first"]
)
def test_usage(line: str) -> None:
    with pytest.raises(UsageError):
        run(line)


def test_a_tree() -> None:
    # `head` as a root whose first node's right child is the next entry, and so on round.
    with pytest.raises(CrashError, match=f"duplicate tree entry: {A:x}"):
        run("tree -p head")
    leaf = BASE + 0xC0
    assert run(f"tree -N -s thing.number {leaf:x}") == [f"{leaf:x}", "  number = 0"]
    # Of a tree whose kind is not given crash takes -v without a word.
    assert run(f"tree -N -v {leaf:x}") == [f"{leaf:x}"]
