"""dis: which instructions, their names, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.dis import Dis, SkippedRow
from pycrash.api import Context, CrashError, Notice, Row, UsageError, View
from pycrash.api.instructionrows import InstructionRow
from pycrash.cexpr.printing.addressnames import AddressNames
from pycrash.errors import ReadError
from pycrash.kernel.symbols.table import Symbol
from pycrash.kernel.text.disasm.listing import Disassembler
from pycrash.kernel.text.sourcefiles import SourceFiles
from pycrash.settings import Settings
from tests.kernel.fake_kernel import FakeKernel

BASE = 0xFFFFFFFF81000000
#: first: nopl, push, call second, ret; twice (at two places): ret; data: zeros.
CODE = bytes.fromhex("0f1f440000 55 e805000000 c3 cccccccc c3 cc c3 cc".replace(" ", ""))
FIRST, LATER, AGAIN, DATA = (
    Symbol(BASE, "first", "T"),
    Symbol(BASE + 16, "twice", "t"),
    Symbol(BASE + 18, "twice", "t"),
    Symbol(BASE + 0x100, "data", "D"),
)
ALL = [FIRST, LATER, AGAIN, DATA]


class Symbols:
    def exists(self, name: str) -> bool:
        return bool(self.all_by_name(name))

    def by_name(self, name: str) -> Symbol | None:
        return next(iter(self.all_by_name(name)), None)

    def all_by_name(self, name: str) -> list[Symbol]:
        return [s for s in ALL if s.name == name]

    def containing(self, text: str) -> Iterator[Symbol]:
        return (s for s in ALL if text in s.name)

    def lookup(self, address: int) -> tuple[Symbol, int] | None:
        below = [s for s in ALL if s.address <= address]
        return (below[-1], address - below[-1].address) if below and address < BASE << 1 else None

    def place(self, address: int) -> tuple[str, int] | None:
        found = self.lookup(address)
        return None if found is None else (found[0].name, found[1])

    def is_text_symbol(self, symbol: Symbol) -> bool:
        return symbol.letter in "tT"

    def module_of(self, address: int) -> None:
        return None

    def next(self, symbol: Symbol) -> Symbol | None:
        return next((s for s in ALL if s.address > symbol.address), None)


class Names:
    """gdb knows the first function alone, and how long it is."""

    def place(self, address: int, decoded: bool = True) -> tuple[str, int] | None:
        return ("first", address - BASE) if BASE <= address < BASE + 32 else None

    def function(self, address: int) -> tuple[int, int] | None:
        return (BASE, BASE + 12) if BASE <= address < BASE + 12 else None


class Sources:
    def at(self, address: int) -> str:
        return f"/src/first.c: {7 if address < BASE + 6 else 9}"

    def stretch(self, address: int) -> tuple[str, int, int, int]:
        return "first.c", 7, BASE, BASE + 6


def context(tree: str | None = None) -> Context:
    fake = FakeKernel()
    fake.room(BASE, 0x1000)
    fake.spans[BASE][: len(CODE)] = CODE
    kernel = fake.kernel
    memory = SimpleNamespace(
        is_kernel=lambda address: address >> 63, read_user=missing, read_slowly=gone
    )
    kernel.__dict__.update(symbols=Symbols(), sources=Sources(), memory=memory)
    kernel.__dict__["arch"] = SimpleNamespace(name="x86_64")
    fake.give(AddressNames, Names())
    object.__setattr__(kernel.options, "source_tree", tree)
    return Context(kernel, Settings(), cast(Any, None), cast(Any, None))


def missing(task: int, address: int, size: int, what: str) -> bytes:
    raise ReadError(address, what, "invalid", "user virtual address")


def gone(address: int, size: int, what: str) -> bytes:
    raise ReadError(address, what)


def rows(line: str, ctx: Context | None = None) -> list[Row]:
    command = Dis()
    ctx = ctx or context()
    ctx.settings.task = 1
    return list(command.run(ctx, command.parse(line.split())))


def lines(line: str, ctx: Context | None = None) -> list[str]:
    command = Dis()
    shown = (row for row in rows(line, ctx) if not isinstance(row, Notice))
    return list(command.text(View(Settings()), command.parse(line.split()), shown))


FUNCTION = [
    "0xffffffff81000000 <first>:\tnopl   0x0(%rax,%rax,1) [FTRACE NOP]",
    "0xffffffff81000005 <first+5>:\tpush   %rbp",
    "0xffffffff81000006 <first+6>:\tcall   0xffffffff81000010 <twice>",
    "0xffffffff8100000b <first+11>:\tret",
]


def test_a_function() -> None:
    assert lines("first") == FUNCTION
    assert lines("ffffffff81000000") == FUNCTION


def test_counts_and_directions() -> None:
    assert lines("first 2") == FUNCTION[:2]
    assert lines("first+5") == FUNCTION[1:2]
    assert lines("-r first+6") == FUNCTION[:3]
    assert lines("-r first+6 2") == FUNCTION[1:3]
    assert lines("-f first+6") == FUNCTION[2:]
    assert lines("-f first+6 1") == FUNCTION[2:3]


def test_radix() -> None:
    assert lines("-x first+11") == ["0xffffffff8100000b <first+0xb>:\tret"]


def test_source_lines() -> None:
    assert lines("-l first") == [
        "/src/first.c: 7",
        *FUNCTION[:2],
        "/src/first.c: 9",
        *FUNCTION[2:],
    ]


def test_as_gdb_shows_it() -> None:
    assert lines("-U first 1") == ["   0xffffffff81000000 <first>:\tnopl   0x0(%rax,%rax,1)"]


def test_facts() -> None:
    (row,) = rows("first+6")
    assert row == InstructionRow(
        *(BASE + 6, "first", 6, "e805000000", "call   0xffffffff81000010"),
        *(BASE + 16, "twice", 0),
    )


def test_a_name_of_several_functions() -> None:
    first, *found = rows("twice")
    assert first == Notice("twice: duplicate text symbols found:")
    assert len(found) == 2
    assert rows("(twice+1)")[0] == Notice("(twice+1): duplicate text symbols found:")


def test_an_expression_that_leaves_its_function() -> None:
    (row,) = rows("first+17")
    assert row == Notice("invalid expression: first+17 evaluates to: twice+1")


def test_memory_that_is_missing() -> None:
    """Of the last instruction, what stands before it, behind two messages."""
    found = rows("data+3838 3")
    assert [row.text for row in found if isinstance(row, Notice)] == 2 * [
        'seek error: kernel virtual address: ffffffff81001000  type: "gdb_readmem_callback"'
    ]
    assert lines("data+3838 3")[-1] == "0xffffffff81001000 <data+3840>:\t"


def test_user_space_that_is_missing() -> None:
    assert [row.text for row in rows("-u 400008") if isinstance(row, Notice)] == [
        'invalid user virtual address: 400000  type: "gdb_readmem_callback"',
        'invalid user virtual address: 400008  type: "gdb_readmem_callback"',
    ]
    assert lines("-u 400008") == ["   0x400008:\t"]


def test_an_address_without_a_symbol() -> None:
    found = rows("1234")
    assert found[0] == Notice("1234: no associated kernel symbol found", "WARNING")
    assert len(found) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-x -d first", "-d and -x are mutually exclusive"),
        ("-r -f first", "-r and -f are mutually exclusive"),
        ("-s -f first", "-f and -s are mutually exclusive"),
        ("-u -s first", "-s can only be used with kernel addresses"),
        ("first 0", "invalid count argument: 0"),
        ("first foo", "not a valid number: foo"),
        ("first+foo", "invalid expression: first+foo"),
        ("(4+4)", "8 is not a kernel virtual address"),
        ("-s data", "ffffffff81000100: not a kernel text address"),
        ("-s first", "first: source code is not available\n"),
    ],
)
def test_refusals(line: str, message: str) -> None:
    with pytest.raises(CrashError) as caught:
        rows(line)
    assert str(caught.value) == message


def test_no_operand() -> None:
    with pytest.raises(UsageError):
        rows("-l")


def test_bytes_behind_a_bug() -> None:
    ctx = context()
    assert rows("-b", ctx) == [SkippedRow(0)]
    assert rows("-b 4", ctx) == []
    assert rows("-b", ctx) == [SkippedRow(4)]
    assert ctx.kernel.part(Disassembler).listing(BASE, bytes.fromhex("0f0b01020304c3"))[1:] == (
        ctx.kernel.part(Disassembler).listing(BASE + 6, b"\xc3")
    )


def test_source(tmp_path: Any) -> None:
    text = [*(f"line {n}" for n in range(1, 10)), "}", "more"]
    (tmp_path / "first.c").write_text("".join(f"{line}\n" for line in text))
    ctx = context()
    ctx.kernel._parts[SourceFiles] = SourceFiles(
        cast(Any, SimpleNamespace(options=SimpleNamespace(source_tree=str(tmp_path))))
    )
    ctx.kernel.__dict__["modules"] = None
    assert lines("-s first 1", ctx) == [
        *("FILE: first.c", "LINE: 7", ""),
        *(f"  {n}\tline {n}" for n in range(2, 7)),
        *("* 7\tline 7", "  8\tline 8", ""),
    ]
    assert lines("-s first", ctx)[-3:] == ["  9\tline 9", "  10\t}", ""]
    # A file that ends first has no empty line behind it.
    assert lines("-s first 90", ctx)[-1] == "  11\tmore"
