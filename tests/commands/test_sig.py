"""sig: names of signals, and the lines made of rows."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from commands.sig import (
    ActionOf,
    ActionsRow,
    GroupRow,
    NameRow,
    PendingRow,
    QueuedOf,
    Sig,
    TaskSignalsRow,
    ThreadRow,
)
from pycrash.api import CrashError, Row, TaskHeader, View
from pycrash.api.args import parse_args
from pycrash.kernel.tasks.signals import signal_alias, signal_name, signals_in
from pycrash.settings import Settings

TASK = (7, 0xF00, 1, "daemon")


def lines(words: str, rows: Iterable[Row]) -> list[str]:
    args = parse_args("sig", Sig.flags, words.split(), Sig.at_once)
    return list(Sig().text(View(Settings()), args, iter(rows)))


def names(signals: int) -> list[Row]:
    return [NameRow(n, signal_name(n), signal_alias(n)) for n in signals_in(signals)]


def test_names() -> None:
    assert [signal_name(n) for n in (1, 31, 32, 33, 48, 49, 63, 64, 65, 0)] == [
        *("SIGHUP", "SIGSYS", "SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+16"),
        *("SIGRTMAX-15", "SIGRTMAX-1", "SIGRTMAX", "65", "0"),
    ]
    assert lines("-l", names(1 << 5 | 1 << 9)) == [" [6] SIGABRT/SIGIOT", "[10] SIGUSR1"]


def test_a_set_fills_lines_of_eighty() -> None:
    assert lines("-s 0", []) == ["(none)"]
    first, second = lines("-s 7ff", names(0x7FF))
    assert first.endswith("SIGKILL SIGUSR1")
    assert second == "SIGSEGV"


def test_a_task() -> None:
    rows = [
        TaskHeader(*TASK),
        GroupRow(0x10, 2),
        ActionsRow((ActionOf(2, "SIGINT", 0xFFFF888000000010, 0x525892, 1, 0x14000004),)),
        TaskSignalsRow(True, 0x200),
        PendingRow(False, 0x200, (QueuedOf(10, "SIGUSR1", 0xABC),)),
        PendingRow(True, 0, ()),
    ]
    assert lines("", rows)[1:] == [
        "SIGNAL_STRUCT: 10  NR_THREADS: 2",
        " SIG    SIGACTION        HANDLER       MASK       FLAGS           ",
        " [2] ffff888000000010     525892 0000000000000001 14000004 "
        "(SA_RESTORER|SA_SIGINFO|SA_RESTART)",
        "SIGPENDING: yes",
        "   BLOCKED: 0000000000000200",
        "PRIVATE_PENDING",
        "    SIGNAL: 0000000000000200",
        "  SIGQUEUE:  SIG      SIGINFO     ",
        "              10  abc",
        "SHARED_PENDING",
        "    SIGNAL: 0000000000000000",
        "  SIGQUEUE: (empty)",
        "",
    ]


def test_threads_of_a_group_are_set_in() -> None:
    rows = [TaskHeader(*TASK), GroupRow(0, None), ThreadRow(*TASK), TaskSignalsRow(False, 0)]
    assert lines("-g", rows)[1:] == [
        "SIGNAL_STRUCT: 0  ",
        "",
        '  PID: 7        TASK: f00               CPU: 1    COMMAND: "daemon"',
        "  SIGPENDING: no",
        "     BLOCKED: 0000000000000000",
        "",
    ]


def test_foreach_refuses_names() -> None:
    with pytest.raises(CrashError, match="-l and -s options are not applicable"):
        Sig().check_each(parse_args("sig", Sig.flags, ["-l"], Sig.at_once), [])
