"""sys: the system block and the tables."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.sys import DmiRow, Sys, SystemRow, TaintRow, system_lines
from pycrash.api import Context, Notice, Row, Settings, Text, UsageError, View
from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.system import dmi, syscalls
from pycrash.kernel.system.syscalls import SystemCall

FULL = SystemRow(
    kernel="vmlinux",
    kernel_marks=("TAINTED",),
    dumpfile="dump",
    dumpfile_marks=("PARTIAL DUMP", "INCOMPLETE"),
    cpus=4,
    offline=1,
    date=1795437307,
    uptime=90061,
    load_average=(794 / 2048, 169 / 2048, 55 / 2048),
    tasks=101,
    nodename="host",
    release="6.12.0",
    version="#1 SMP",
    machine="x86_64",
    mhz=2596,
    memory=670543872,
    panic="Oops: \x01 0002",
)


def context(radix: int = 10, **kernel: Any) -> Context:
    made = SimpleNamespace(**{"is_live": False, **kernel})
    return Context(cast(Any, made), Settings(radix=radix), cast(Any, None), cast(Any, None))


def run(line: str, ctx: Context) -> tuple[list[Row], list[str]]:
    command = Sys()
    args = command.parse(line.split())
    rows = list(command.run(ctx, args))
    shown = [row for row in rows if not isinstance(row, Notice)]
    return rows, list(command.text(View(ctx.settings), args, shown))


def test_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    assert list(system_lines(FULL)) == [
        "      KERNEL: vmlinux  [TAINTED]",
        "    DUMPFILE: dump  [PARTIAL DUMP] [INCOMPLETE]",
        "        CPUS: 4 [OFFLINE: 1]",
        "        DATE: Mon Nov 23 12:35:07 UTC 2026",
        "      UPTIME: 1 days, 01:01:01",
        "LOAD AVERAGE: 0.39, 0.08, 0.03",
        "       TASKS: 101",
        "    NODENAME: host",
        "     RELEASE: 6.12.0",
        "     VERSION: #1 SMP",
        "     MACHINE: x86_64  (2596 Mhz)",
        "      MEMORY: 639.5 MB",
        '       PANIC: "Oops: . 0002" (check log for details)',
    ]


@pytest.mark.parametrize(
    ("load", "text"),
    [(794, "0.39"), (2047, "1.00"), (2**32 - 2048, "-1.00"), (2**63 + 2048, "1.00")],
)
def test_loads_are_those_of_an_int(load: int, text: str) -> None:
    _, lines = run("", context(**kernel_of_facts(load_average=(load, load, load))))
    assert lines[5] == f"LOAD AVERAGE: {text}, {text}, {text}"


@pytest.mark.parametrize(
    ("memory", "text"), [(1 << 30, "1 GB"), ((2 << 30) - (64 << 20), "2 GB"), (1 << 29, "512 MB")]
)
def test_a_little_less_than_a_gigabyte_is_one(memory: int, text: str) -> None:
    row = SystemRow(**(vars(FULL) | {"memory": memory}))
    assert f"      MEMORY: {text}" in list(system_lines(row))


def kernel_of_facts(**system: Any) -> dict[str, Any]:
    uts = SimpleNamespace(nodename="n", release="r", version="v", machine="m")
    facts = {
        "utsname": uts,
        "live_patched": False,
        "patch_in_transition": True,
        "taints": SimpleNamespace(mask=0),
        "date": 1,
        "ticks": 2500,
        "hz": 250,
        "load_average": (0, 0, 0),
        "mhz": 0,
        "memory": 4096,
        "panic_message": "",
        "log_damage": None,
    }
    return {
        "given": ("vmlinux", "dump"),
        "dump_file": None,
        "dump_parts": (),
        "cpus": SimpleNamespace(present=frozenset({0, 1}), online=frozenset({0}), count=2),
        "tasks": SimpleNamespace(all=[1, 2]),
        "system": _Facts(facts | system),
    }


class _Facts:
    """Attributes of a dictionary; an exception among them is raised."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts

    def __getattr__(self, name: str) -> Any:
        value = self._facts[name]
        if isinstance(value, Exception):
            raise value
        return value


def test_the_row() -> None:
    rows, lines = run("", context(**kernel_of_facts()))
    row = cast(SystemRow, rows[0])
    assert (row.kernel_marks, row.cpus, row.offline) == (("TRANSITION",), 2, 1)
    assert (row.uptime, row.tasks) == (10, 2)
    assert "     MACHINE: m  (unknown Mhz)" in lines


def test_a_kernel_that_runs_has_not_panicked() -> None:
    rows, lines = run("", context(**kernel_of_facts(), is_live=True))
    assert cast(SystemRow, rows[0]).panic is None
    assert lines[-1].startswith("      MEMORY: ")


def test_what_cannot_be_read_ends_the_block_with_its_message() -> None:
    ctx = context(**kernel_of_facts(load_average=ReadError(0x1000, "avenrun array")))
    found = Sys().run(ctx, Sys().parse([]))
    row = next(found)
    assert [line.split(":")[0].strip() for line in system_lines(cast(SystemRow, row))] == [
        *("KERNEL", "DUMPFILE", "CPUS", "DATE", "UPTIME"),
    ]
    with pytest.raises(ReadError, match="avenrun"):
        next(found)


def test_without_a_date_the_rest_is_shown() -> None:
    _, lines = run("", context(**kernel_of_facts(date=MissingFeature("no clock"))))
    assert lines[3] == "        DATE: (unknown)"
    assert len(lines) == 13


@pytest.mark.parametrize(
    ("row", "text"),
    [(TaintRow(0x1000, "O"), "TAINTED_MASK: 1000  O"), (TaintRow(1, None), "TAINTED: 1")],
)
def test_taints(row: TaintRow, text: str) -> None:
    taints = SimpleNamespace(
        plain=row.mask if row.letters is None else None,
        has_table=True,
        mask=row.mask,
        letters=row.letters,
    )
    assert run("-t", context(system=SimpleNamespace(taints=taints))) == ([row], [text])


def test_a_kernel_without_taints() -> None:
    taints = SimpleNamespace(plain=None, has_table=False)
    with pytest.raises(CrashError, match="-t option not supported"):
        run("-t", context(system=SimpleNamespace(taints=taints)))


def test_dmi(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = [("DMI_A", "x"), ("DMI_LONGER", None), ("DMI_B", "")]
    monkeypatch.setattr(dmi, "dmi_strings", lambda kernel: iter(fields))
    rows, lines = run("-i", context())
    assert rows[1] == DmiRow("DMI_LONGER", None)
    assert lines == ["       DMI_A: x", "       DMI_B: "]
    fields[:] = [("dmi_ident[3]", "y")]
    assert run("-i", context())[1] == ["  dmi_ident[3]: y"]


def test_the_configuration() -> None:
    text = "#\n\n  # indented\nCONFIG_A=y\n" + "x" * 600 + "\n"
    ctx = context(system=SimpleNamespace(config=SimpleNamespace(text=text)))
    rows, lines = run("config", ctx)
    assert rows[0] == Text("#")
    assert lines == ["#", "# indented", "CONFIG_A=y", "x" * 511, "x" * 89]
    with pytest.raises(UsageError):
        run("config nonsense", ctx)


def test_a_damaged_configuration_is_a_warning() -> None:
    config = _Facts({"text": CrashError("could not find MAGIC_END!")})
    rows, _ = run("config", context(system=SimpleNamespace(config=config)))
    assert rows == [Notice("could not find MAGIC_END!", "WARNING")]


class Calls:
    """Stands in for SystemCallTable."""

    sized = True
    table = (
        SystemCall(0, 0x1000, "__x64_sys_read"),
        SystemCall(1, 0x2000, "__x64_sys_write"),
        SystemCall(2, 0x3004, None),
        SystemCall(10, 0x4000, "__x64_sys_readv"),
    )

    def __init__(self, kernel: Any) -> None:
        pass

    def entries(self) -> Iterator[SystemCall]:
        return iter(self.table)

    def source(self, call: SystemCall) -> str:
        return f"../fs/x.c: {call.number}"


CALLS_HEAD = "NUM  SYSTEM CALL                FILE AND LINE NUMBER"
READ = "  0  __x64_sys_read             ../fs/x.c: 0"
READV = " 10  __x64_sys_readv            ../fs/x.c: 10"
WRITE = "  1  __x64_sys_write            ../fs/x.c: 1"
BAD = "  2  invalid sys_call_table entry: 3004 (near+4)"


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("-c", [CALLS_HEAD, READ, WRITE, BAD, READV]),
        ("-c read", [CALLS_HEAD, READ, READV]),
        ("-c 1", [CALLS_HEAD, WRITE]),
        ("-c 0xa", [CALLS_HEAD, READV]),
        ("-c a", [CALLS_HEAD, READV]),
        ("-c nothing", []),
        ("-c 1 10", [CALLS_HEAD, WRITE, READV]),
        ("-c nothing 1", [WRITE]),
        ("-c valid", [CALLS_HEAD, BAD]),
    ],
)
def test_system_calls(line: str, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syscalls, "SystemCallTable", Calls)
    symbols = SimpleNamespace(place=lambda address: ("near", 4))
    assert run(line, context(symbols=symbols))[1] == lines


def test_numbers_of_system_calls_follow_the_radix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syscalls, "SystemCallTable", Calls)
    lines = run("-c readv", context(radix=16, symbols=None))[1]
    assert lines[1] == "  a  __x64_sys_readv            ../fs/x.c: 10"


def test_a_dump_is_not_brought_down() -> None:
    with pytest.raises(CrashError, match="cannot panic a dumpfile!"):
        run("-panic", context())
    with pytest.raises(UsageError):
        run("-pother", context())
    with pytest.raises(UsageError):
        run("nonsense", context())
