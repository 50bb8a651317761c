"""p, whatis and gdb over a made-up kernel: rows, lines and messages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from commands.gdb import Gdb
from commands.p import CpuRow, P, PerCpuRow
from commands.whatis import SizedType, Whatis
from pycrash.api import Command, Notice, Part, Settings, UsageError, View
from pycrash.api.valuerows import ValueRow
from pycrash.errors import CrashError
from tests.cexpr.fake_expressions import ExpressionKernel


@pytest.fixture
def ctx() -> Any:
    kernel: Any = ExpressionKernel()
    kernel.modules = SimpleNamespace(loaded={})
    return SimpleNamespace(
        kernel=kernel, settings=Settings(), task=0, shell=SimpleNamespace(line="")
    )


def lines(command: Command, ctx: Any, *words: str) -> list[str]:
    """What a command prints; notices as `! text`, behind what had begun."""
    args = command.parse(words)
    found: list[str] = []

    def rows() -> Any:
        for row in command.run(ctx, args):
            if isinstance(row, Notice):
                found.extend(text for text in (row.line, f"! {row.text}" * (not row.quiet)) if text)
            else:
                yield row

    try:
        for line in command.text(View(ctx.settings), args, rows()):
            found.append(line)
    except CrashError as error:
        if not found:
            raise
        found.append(f"! {error}")
    return found


def test_a_symbol_stands_in_front_of_its_value(ctx: Any) -> None:
    assert lines(P(), ctx, "counter") == ["counter = $1 = 77"]
    assert lines(P(), ctx, "counter", "+", "1") == ["counter = $2 = 78"]
    assert lines(P(), ctx, "numbers[0]") == ["$3 = 10"]


def test_radix(ctx: Any) -> None:
    assert lines(P(), ctx, "-x", "counter") == ["counter = $1 = 0x4d"]
    ctx.settings.radix = 16
    assert lines(P(), ctx, "counter") == ["counter = $2 = 0x4d"]
    assert lines(P(), ctx, "-d", "counter") == ["counter = $3 = 77"]
    with pytest.raises(CrashError, match="-d and -x are mutually exclusive"):
        lines(P(), ctx, "-d", "-x", "counter")


def test_format(ctx: Any) -> None:
    assert lines(P(), ctx, "/x", "255") == ["$1 = 0xff"]


def test_words_with_a_dash_are_dropped(ctx: Any) -> None:
    with pytest.raises(CrashError, match="gdb request failed: p counter 1"):
        lines(P(), ctx, "counter", "-", "1")


def test_failures(ctx: Any) -> None:
    with pytest.raises(CrashError, match="gdb request failed: p nosuch"):
        lines(P(), ctx, "nosuch")
    with pytest.raises(UsageError):
        lines(P(), ctx)


def test_unreadable_memory_is_told_first(ctx: Any) -> None:
    command = P()
    rows = command.run(ctx, command.parse(["*(int", "*)0xffffffffffff0000"]))
    first = next(rows)
    assert isinstance(first, Notice)
    assert "gdb_readmem callback" in first.text
    with pytest.raises(CrashError):
        next(rows)


def test_a_cpu_behind_what_is_not_per_cpu(ctx: Any) -> None:
    told = lines(P(), ctx, "counter:0")
    assert told == ["! counter is not percpu; cpuspec ignored.", "counter = $1 = 77"]


def test_braces_begin_a_line_once_symbols_of_a_module_are_loaded(ctx: Any) -> None:
    assert lines(P(), ctx, "numbers") == ["$1 = {10, 20, -30, 40}"]
    ctx.kernel.modules.loaded = {"loop": "loop.ko"}
    assert lines(P(), ctx, "numbers") == ["$2 = ", " {10, 20, -30, 40}"]
    head, *rest = lines(P(), ctx, "first")
    assert head == "first = $3 = {"
    assert rest[-1] == "}"


def test_a_value_is_nested_data(ctx: Any) -> None:
    (row,) = P().run(ctx, P().parse(["numbers"]))
    assert isinstance(row, ValueRow)
    assert (row.expression, row.number, row.type) == ("numbers", 1, "int [4]")
    assert row.value.plain() == [10, 20, -30, 40]
    (row,) = P().run(ctx, P().parse(["counter"]))
    assert isinstance(row, ValueRow)
    assert row.symbol == "counter"


def test_per_cpu_lines() -> None:
    rows = [PerCpuRow("runqueues", "struct rq"), CpuRow(0, 0xFF10), CpuRow(1, None)]
    assert list(P().text(View(Settings()), P().parse([]), rows)) == [
        "PER-CPU DATA TYPE:",
        "  struct rq runqueues;",
        "PER-CPU ADDRESSES:",
        "  [0]: ff10",
        "cpu 1 is OFFLINE",
    ]


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["counter"], ["unsigned long counter;"]),
        (["pid_t"], ["typedef int pid_t;", "SIZE: 4"]),
        (["color"], ["enum color {", "  RED = 0", "  GREEN = 1", "};"]),
        (["GREEN"], ["enum color = 1"]),
        (["first.pid"], ["pid_t"]),
        (["&numbers"], ["int (*)[4]"]),
        (["int"], ["SIZE: 4"]),
    ],
)
def test_whatis(ctx: Any, words: list[str], printed: list[str]) -> None:
    assert lines(Whatis(), ctx, *words) == printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch", "x", "-oo", "-o"], "-oo -o nosuch x"),
        (["-o", "first.pid"], "-o first.pid"),
    ],
)
def test_whatis_of_nothing(ctx: Any, words: list[str], said: str) -> None:
    command = Whatis()
    rows = command.run(ctx, command.parse(words))
    assert next(rows) == Notice(f"cannot resolve: {said}")
    with pytest.raises(UsageError):
        next(rows)


def test_whatis_table() -> None:
    args = Whatis().parse(["-r", "16"])
    rows = [SizedType(16, "list_head"), SizedType(1000, "page")]
    assert list(Whatis().text(View(Settings()), args, rows)) == [
        "SIZE  TYPE",
        "  16  list_head",
        "1000  page",
    ]
    assert list(Whatis().text(View(Settings()), args, [])) == ["(none found)"]


def test_gdb_takes_the_line_as_typed(ctx: Any) -> None:
    ctx.shell.line = r'gdb printf "%d  %s\n", 5,  text'
    assert lines(Gdb(), ctx, "printf", "%d  %s\\n", "5", "text") == ["5  hello"]


def test_gdb_without_newline(ctx: Any) -> None:
    ctx.shell.line = "gdb output 5"
    printed = lines(Gdb(), ctx, "output", "5")
    assert printed == ["5"]
    assert isinstance(printed[0], Part)


def test_gdb_keeps_what_was_printed_before_the_failure(ctx: Any) -> None:
    ctx.shell.line = "p/y 5"
    assert lines(Gdb(), ctx, "p/y", "5") == ["$1 = ", "! gdb request failed: p/y 5"]


def test_gdb_refuses_what_runs_programs(ctx: Any) -> None:
    ctx.shell.line = "gdb run"
    assert lines(Gdb(), ctx, "run") == ["! prohibited gdb command: run"]
    with pytest.raises(UsageError):
        lines(Gdb(), ctx)
