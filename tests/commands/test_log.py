"""log: rows of each kind of log, and their lines."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.log import AuditRow, Log, MessageRow, SafeRow
from pycrash.api import Context, Notice, Row, Settings, Text, View
from pycrash.errors import CrashError
from pycrash.kernel.log.printk import LogDamage, Record, SafeBuffer

RECORDS = (
    Record(0, "first\nmore\x01", 5, 0x80000002, ("SUBSYSTEM=pci", "DEVICE=+pci:0"), 1),
    Record(1234567890, "second", 15, 345, (), 2),
    Record(5, None, 6, 0, (), 3),
)
DEFAULT: dict[str, Any] = {
    "shape": "ring",
    "pid_max": 32768,
    "records": lambda: iter(RECORDS),
    "safe_buffers": lambda: iter(()),
}


def run(line: str, minimal: bool = False, **log: Any) -> tuple[list[Row], list[str]]:
    """The rows of a line, and the text of those that are no notices."""
    kernel = SimpleNamespace(
        log=SimpleNamespace(**(DEFAULT | log)),
        system=SimpleNamespace(boot_date=86400),
        symbol_address=lambda name: None,
    )
    shell = SimpleNamespace(minimal=minimal)
    ctx = Context(cast(Any, kernel), Settings(), cast(Any, None), cast(Any, shell))
    command = Log()
    args = command.parse(line.split())
    rows = list(command.run(ctx, args))
    shown = [row for row in rows if not isinstance(row, Notice)]
    return rows, list(command.text(View(ctx.settings), args, shown))


def test_time_and_continued_lines() -> None:
    rows, lines = run("")
    assert lines == [
        "[    0.000000] first\n               more.",
        "[    1.234567] second",
        "",
    ]
    assert rows[1] == MessageRow(1234567890, None, 2, 15, 0, 345, None, "second", (), None)


@pytest.mark.parametrize(
    ("line", "second"),
    [
        ("-t", "second"),
        ("-m", "[    1.234567] <f>second"),
        ("-c", "[    1.234567] [  T345] second"),
        ("-tmc", "[  T345] <f>second"),
        ("-d", "[    1.234567] second"),
    ],
)
def test_what_stands_before_a_message(line: str, second: str) -> None:
    assert run(line)[1][1] == second


def test_callers_and_properties_are_lined_up() -> None:
    assert run("-tcd")[1][0] == (
        "[    C2] first\n         more.\n         SUBSYSTEM=pci\n         DEVICE=+pci:0"
    )


@pytest.mark.parametrize(
    ("pid_max", "width"), [(32768, 6), (99999, 6), (4194304, 8), (100000, 7), (None, 8)]
)
def test_the_width_of_callers(pid_max: int | None, width: int) -> None:
    assert run("-tc", pid_max=pid_max)[1][1] == f"[{'T345':>{width}}] second"


def test_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    rows, lines = run("-T")
    assert lines[1] == "[Fri Jan  2 00:00:01 UTC 1970] second"
    assert cast(MessageRow, rows[1]).date == 86401
    rows, lines = run("-T", minimal=True)
    assert rows == [Notice("the option '-T' is not available in minimal mode", "WARNING")]


def test_names_of_rust() -> None:
    record = Record(0, " ? _RNvC1a1b+0x1/0x2", 6)
    assert run("-tR", records=lambda: iter([record]))[1] == [" ? a::b+0x1/0x2"]


def test_damage_ends_the_log_with_a_message() -> None:
    def records() -> Iterator[Record]:
        yield RECORDS[1]
        raise LogDamage("\ncut off", "WARNING")

    rows, lines = run("-t", records=records)
    assert rows[1:] == [Notice("\ncut off", "WARNING")]
    assert lines == ["second"]


def test_plain_text_has_fewer_options() -> None:
    text: dict[str, Any] = {
        "shape": "text",
        "plain": lambda levels: "<6>a\nb\n" if levels else "a\nb\n",
    }
    assert run("", **text) == ([Text("a"), Text("b")], ["a", "b"])
    assert run("-m", **text)[1] == ["<6>a", "b"]
    for letter in "Tdt":
        with pytest.raises(CrashError, match=f"-{letter} option not supported"):
            run(f"-{letter}", **text)


SAFE = (
    SafeBuffer("nmi_print_seq", 0, 0xFFFF, 9, 0, b"\x014one\ntwo\n\x01cend\xff"),
    SafeBuffer("nmi_print_seq", 1, 0xFFFFF, 0, 3, b""),
)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("", ["[nmi_print_seq] one\n                two\n[nmi_print_seq] end."]),
        ("-t", ["one\ntwo\nend."]),
        ("-m", ["[nmi_print_seq] <4>one\n                   two\n[nmi_print_seq] <c>end."]),
        (
            "-s",
            [
                "PRINTK_SAFE_SEQ_BUF: nmi_print_seq",
                "CPU: 0  ADDR: ffff LEN: 9  MESSAGE_LOST: 0",
                "  one\n  two\n  end.",
                "",
                "CPU: 1  ADDR: fffff LEN: 0  MESSAGE_LOST: 3",
                "  (empty)",
                "",
            ],
        ),
    ],
)
def test_buffers_that_were_not_flushed(line: str, text: list[str]) -> None:
    log: dict[str, Any] = {"records": lambda: iter(()), "safe_buffers": lambda: iter(SAFE)}
    rows, lines = run(line, **log)
    assert all(isinstance(row, SafeRow) for row in rows)
    assert lines == text


def test_a_kernel_without_audit() -> None:
    with pytest.raises(CrashError, match="-a option not supported"):
        run("-a")


def test_an_audit_message() -> None:
    row = AuditRow(1300, "audit(1): x")
    assert list(Log().text(View(Settings()), Log().parse(["-a"]), [row])) == [
        "type=1300 audit(1): x"
    ]
