"""set on a kernel made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycrash.api.sessionsettings import Scope, every_setting
from pycrash.kernel.core.reader import Options
from tests.commands.crowd import Crowd


@pytest.fixture
def crowd() -> Crowd:
    return Crowd()


def test_the_session_starts_at_the_task_that_crashed(crowd: Crowd) -> None:
    assert crowd.run("set") == [
        "    PID: 21",
        'COMMAND: "thread"',
        f"   TASK: {crowd.thread:x}  [THREAD_INFO: {crowd.thread:x}]",
        "    CPU: 1",
        "  STATE: TASK_RUNNING (PANIC)",
    ]


def test_a_crash_asked_for_by_sysrq(crowd: Crowd) -> None:
    crowd.kernel.system.__dict__["panic_message"] = "SysRq : Trigger a crash"
    assert crowd.run("set")[-1] == "  STATE: TASK_RUNNING (SYSRQ)"


def test_a_task_becomes_the_current_one(crowd: Crowd) -> None:
    assert crowd.run("set 3")[0] == "    PID: 3"
    assert crowd.settings.task == crowd.worker
    assert crowd.run("set")[-1] == "  STATE: TASK_UNINTERRUPTIBLE|TASK_NOLOAD "
    assert crowd.run(f"set {crowd.daemon:x}")[0] == "    PID: 20"
    assert crowd.run("set 0")[2].endswith("(1 of 2)  [THREAD_INFO: ffff888001000000]")
    assert crowd.run("set 99 1")[:2] == ["set: invalid task or pid value: 99", "    PID: 1"]


def test_what_stands_behind_a_new_current_task_is_not_read(crowd: Crowd) -> None:
    assert len(crowd.run("set 3 20")) == 5
    assert crowd.settings.task == crowd.worker
    assert len(crowd.run("set 3 20")) == 10  # 3 is the current one already


def test_pid_0_is_the_idle_task_one_is_at(crowd: Crowd) -> None:
    crowd.run("set ffff888001001000")
    assert crowd.run("set 0")[1] == 'COMMAND: "swapper/1"'


def test_by_cpu(crowd: Crowd) -> None:
    assert crowd.run("set -c 0")[1] == 'COMMAND: "swapper/0"'
    assert crowd.run("set -c 0") == []
    assert crowd.run("set -p")[0] == "    PID: 21"
    assert crowd.run("set -c 2") == ["set: invalid cpu number: system has only 2 cpus"]
    assert crowd.run("set -c x") == ['set: x: "x" is not a digit 0 - 9']
    crowd.settings.offline = "hide"
    crowd.kernel.cpus.__dict__["online"] = frozenset({0})
    assert crowd.run("set -c 1") == ["set: invalid cpu number: cpu 1 is OFFLINE"]


def test_without_a_panic_task(crowd: Crowd) -> None:
    crowd.kernel.options = Options(no_panic=True)
    assert crowd.run("set -p") == ["set: no panic task found!"]
    assert crowd.run("set")[0] == "    PID: 0"


def test_marking_the_active_task(crowd: Crowd) -> None:
    assert crowd.run("set -a 0") == ["set: pid 0 has 2 tasks: use a task address"]
    assert crowd.run("set -a nosuch") == ["set: invalid task or pid value: nosuch"]
    assert crowd.run("set -a 20") == [
        f'"daemon" task {crowd.daemon:x} has been marked as the active task on cpu 1'
    ]
    assert crowd.run("set -c 1")[1] == 'COMMAND: "daemon"'
    assert crowd.run("set -c 1") == []


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("debug", "debug: 0"),
        ("debug 0x2", "debug: 2"),
        ("debug on", "debug: 1"),
        ("hash off", "hash: off"),
        ("unwind 1", "unwind: on"),
        ("refresh 0", "refresh: off"),
        ("scroll on", "scroll: off (none)"),
        ("console", "console: not set"),
        ("console /dev/null", "console: /dev/null"),
        ("core", "core: off (do NOT drop core on error message)"),
        ("core on", "core: on (drop core on error message)"),
        ("radix", "output radix: 10 (decimal)"),
        ("radix sixteen", "output radix: 16 (hex)"),
        ("hex", "output radix: 16 (hex)"),
        ("edit", "edit: vi"),
        ("print_max ff", "print_max: 255"),
        ("print_max 10", "print_max: 10"),
        ("null-stop on", "null-stop: on"),
        ("print_array 1", "print_array: on"),
        ("offline hide", "      offline: hide"),
        ("redzone off", "redzone: off"),
        ("error redirect", "error: redirect"),
        ("free", "0 pages freed"),
        ("scope", "scope: 0 (not set)"),
        ("scope 0", "scope: 0 (not set)"),
        ("gdb on", "gdb: on"),
        ("silent", "silent: off"),
        ("radix 16 hash off", "output radix: 16 (hex)"),
    ],
)
def test_settings(crowd: Crowd, line: str, shown: str) -> None:
    assert crowd.run(f"set {line}") == [shown]


@pytest.mark.parametrize(
    "line",
    ["debug q", "hash q", "radix 8", "print_max zz", "offline q", "scroll q", "silent q foo"],
)
def test_values_that_do_not_fit(crowd: Crowd, line: str) -> None:
    crowd.settings.scroller = "less"
    assert crowd.run(f"set {line}") == [f"set: invalid command: set {line} "]


def test_silence_is_kept(crowd: Crowd) -> None:
    assert crowd.run("set silent on") == []
    assert crowd.run("set silent") == []
    assert crowd.settings.silent


def test_the_pager(crowd: Crowd) -> None:
    crowd.settings.scroller = "less"
    assert crowd.run("set scroll on") == ["scroll: on (/usr/bin/less)"]
    assert crowd.run("set scroll more") == ["scroll: on (/bin/more)"]
    assert crowd.settings.scroll == "more"
    assert crowd.run("set scroll off") == ["scroll: off (/bin/more)"]
    assert crowd.settings.scroll == "off"


def test_the_editing_mode_stays(crowd: Crowd) -> None:
    assert crowd.run("set edit emacs") == ["set: cannot change editing mode during runtime"]
    assert crowd.run("set emacs") == ["set: cannot change vi editing mode during runtime"]


def test_the_editing_mode_changes_where_there_is_a_prompt(crowd: Crowd) -> None:
    crowd.settings.editing = True
    assert crowd.run("set emacs") == ["edit: emacs"]
    assert crowd.run("set edit vi") == ["edit: vi"]
    assert crowd.settings.edit == "vi"
    assert crowd.run("set edit ed") == ["set: cannot change editing mode during runtime"]


def test_files_that_cannot_be_written(crowd: Crowd, tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "file"
    assert crowd.run(f"set error {missing}") == [f"set: invalid path: {missing}"]
    assert crowd.settings.error == "default"
    assert crowd.run(f"set console {missing}") == [
        f"set: console device {missing}: No such file or directory",
        f"console: {missing}",
    ]


def test_all_settings(crowd: Crowd) -> None:
    crowd.settings.namelist, crowd.settings.dumpfile = "vmlinux", "vmcore"
    lines = crowd.run("set -v")
    assert lines[:2] == ["        scroll: off (none)", "         radix: 10 (decimal)"]
    assert "      namelist: vmlinux" in lines
    assert len(lines) == 21
    assert {line.index(":") for line in lines} == {14}


def test_values_are_of_their_own_kind(crowd: Crowd) -> None:
    crowd.kernel.symbols.__dict__["place"] = lambda address: ("schedule", 4)
    crowd.settings.scope = 0x1004
    values = {row.name: row.value for row in every_setting(crowd.context)}
    assert (values["radix"], values["hash"], values["console"]) == (10, True, None)
    assert values["scope"] == Scope(0x1004, "schedule", 4)
    assert crowd.run("set scope") == ["scope: 1004 (schedule+4)"]


def test_the_first_option_decides(crowd: Crowd) -> None:
    assert crowd.run("set -pv") == crowd.run("set")
