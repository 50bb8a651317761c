"""The system call table."""

from __future__ import annotations

from types import SimpleNamespace

from pycrash.kernel.symbols.table import Symbol, SymbolTable
from pycrash.kernel.system.syscalls import SystemCallTable
from pycrash.kernel.text.sources import SourceLines
from tests.kernel.fake_kernel import FakeKernel

TABLE = 0xFFFFFFFF82000000
NAMES = {0x1000: "sys_read", 0x2000: "sys_ni_syscall", 0x3000: "last", TABLE + 24: "behind"}


def lookup(address: int) -> tuple[Symbol, int] | None:
    below = max((at for at in NAMES if at <= address), default=None)
    return None if below is None else (Symbol(below, NAMES[below], "T"), address - below)


def following(symbol: Symbol) -> Symbol | None:
    above = min((at for at in NAMES if at > symbol.address), default=None)
    return None if above is None else Symbol(above, NAMES[above], "T")


def table(lines: dict[int, str], sized: bool = True) -> SystemCallTable:
    fake = FakeKernel()
    own = {name: Symbol(at, name, "T") for at, name in NAMES.items()}
    own["sys_call_table"] = Symbol(TABLE, "sys_call_table", "R")
    own["schedule"] = Symbol(0x9000, "schedule", "T")
    kind = fake.array(fake.prog.int_type("unsigned long", 8, False), 3 if sized else 0)
    fake.variable("sys_call_table", TABLE, kind)
    fake.write(TABLE, "QQQ", 0x1000, 0x2000, 0x3004)
    symbols = SimpleNamespace(
        address=lambda name: own[name].address, by_name=own.get, lookup=lookup, next=following
    )
    fake.give(SymbolTable, symbols)
    written = {0x9000: "/src/kernel/sched/core.c: 1", **lines}
    fake.give(SourceLines, SimpleNamespace(at=lambda address: written.get(address, "")))
    return SystemCallTable(fake.kernel)


def test_names_and_the_entry_that_is_no_symbol() -> None:
    calls = table({})
    found = [(call.number, call.address, call.name) for call in calls.entries()]
    assert found == [
        (0, 0x1000, "sys_read"),
        (1, 0x2000, "sys_ni_syscall"),
        (2, 0x3004, None),
    ]
    assert calls.sized


def test_without_its_type_the_table_ends_at_the_next_symbol() -> None:
    calls = table({}, sized=False)
    assert len(list(calls.entries())) == 3
    assert not calls.sized


def test_a_line_of_a_header_or_of_elsewhere_is_passed_over() -> None:
    lines = {
        0x1000: "/src/include/linux/x.h: 3",
        0x1001: "/other/fs/read_write.c: 4",
        0x1002: "/src/fs/read_write.c: 5",
    }
    calls = table(lines)
    read = next(calls.entries())
    assert calls.source(read) == "../fs/read_write.c: 5"
    assert table({0x9000: "nowhere"}).source(read) == ""
