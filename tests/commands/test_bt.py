"""bt: which tasks, which rows, and their lines."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.bt import Bt
from pycrash.api import Context, Gap, Notice, Row, Settings, TaskHeader, UsageError, View
from pycrash.api.backtracerows import FrameRow, Place, RegistersRow, WordsRow
from pycrash.errors import CrashError
from pycrash.kernel.arch.x86_64.architecture import X86_64
from pycrash.kernel.stacks.stacks import Stack
from pycrash.kernel.stacks.trace import (
    Complaint,
    CpuRegisters,
    Event,
    Frame,
    Registers,
    StackSwitch,
    StackWords,
    TextStart,
    Trace,
    TraceOptions,
)
from pycrash.kernel.symbols.table import Symbol
from pycrash.kernel.tasks.table import Task
from pycrash.render.json import json_lines

PC = 0xFFFFFFFF81000045
SP = 0xFFFFC90000013F38
FRAME = Frame(0, SP, PC, "schedule", 0x45, "")
NAMES = ["RIP", "RSP", "RFLAGS", "RAX", "RBX", "RCX", "RDX", "RSI", "RDI", "RBP"]
NAMES += [f"R{n}" for n in range(8, 16)] + ["ORIG_RAX", "CS", "SS"]
VALUES = {name: place for place, name in enumerate(NAMES)}


def task(pid: int, tgid: int = 0, stack: int = 0x1000) -> Task:
    values: dict[str, Any] = dict.fromkeys(Task._fields, 0)
    values |= {"address": 0xFF00 + pid, "pid": pid, "tgid": tgid or pid, "stack": stack}
    return Task(**{**values, "comm": f"t{pid}"})


class FakeTasks:
    def __init__(self, *tasks: Task) -> None:
        self.all = list(tasks)
        self.by_address = {t.address: t for t in tasks}

    def get(self, address: int) -> Task:
        return self.by_address[address]

    def by_pid(self, pid: int) -> list[Task]:
        return [t for t in self.all if t.pid == pid]

    def threads(self, tgid: int) -> list[Task]:
        return [t for t in self.all if t.tgid == tgid]


class FakeUnwinder:
    def __init__(self) -> None:
        self.events: list[Event] = [FRAME]
        self.errors: dict[int, CrashError] = {}
        self.idle: set[int] = set()
        self.asked: list[TraceOptions] = []

    def trace(self, task: Task, options: TraceOptions) -> Trace:
        self.asked.append(options)
        return Trace(self.events, self.errors.get(task.pid), task.pid in self.idle)

    def exception_frames(self, task: Task, start: int | None) -> list[Registers]:
        return []

    def special_stacks(self, cpu: int) -> tuple[Stack | None, tuple[Stack, ...]]:
        return Stack(0x1000, 0x1000), (Stack(0x3000, 0x1000, "NMI"),)

    def exception_frames_in(self, task: Task, stack: Stack) -> list[Registers]:
        return [Registers(0x3100, VALUES, True)] if stack.name else []

    def readable(self, address: int) -> bool:
        return address >= 0x1000


@pytest.fixture
def unwinder() -> FakeUnwinder:
    return FakeUnwinder()


@pytest.fixture
def ctx(unwinder: FakeUnwinder) -> Context:
    kernel = SimpleNamespace(
        is_live=False,
        word_mask=2**64 - 1,
        word_size=8,
        byte_order="<",
        struct_format=lambda code: "<" + code.replace("P", "Q"),
        unwinder=unwinder,
        arch=X86_64,
        tasks=FakeTasks(task(0), task(1), task(5), task(6, 5), task(9, stack=0)),
        panic=SimpleNamespace(
            task=0xFF05,
            first_task=0xFF05,
            active={1: 0xFF05, 0: 0xFF00},
            active_on=lambda cpu: 0,
            in_motion=lambda task: False,
        ),
        cpus=SimpleNamespace(count=2, online={0}),
        stacks=SimpleNamespace(
            raw=lambda base: PC.to_bytes(8, "little") * 2,
            overflows=lambda task: ["gone"] if task.pid == 5 else [],
        ),
        symbols=SimpleNamespace(
            lookup=lambda address: (Symbol(PC - 0x45, "schedule", "T"), address - PC + 0x45),
            by_name=lambda name: Symbol(PC - 0x45, name, "T") if name == "schedule" else None,
            place=lambda address: ("schedule", 0x45),
            in_range=lambda address: address == PC,
        ),
        sources=SimpleNamespace(at=lambda address: "sched.c: 5"),
        slab=SimpleNamespace(cache_of=lambda address: "filp" if address == 0x2000 else ""),
    )
    return Context(cast(Any, kernel), Settings(), cast(Any, None), cast(Any, None))


def rows(ctx: Context, line: str) -> list[Row]:
    command = Bt()
    return list(command.run(ctx, command.parse(line.split())))


def lines(ctx: Context, line: str) -> list[str]:
    command = Bt()
    args = command.parse(line.split())
    shown = (row for row in command.run(ctx, args) if not isinstance(row, Notice))
    return list(command.text(View(ctx.settings, registers=X86_64.registers), args, shown))


def pids(found: list[Row]) -> list[int]:
    return [row.pid for row in found if isinstance(row, TaskHeader)]


def notices(found: list[Row]) -> list[str]:
    return [row.text for row in found if isinstance(row, Notice)]


def test_the_current_task(ctx: Context) -> None:
    assert lines(ctx, "") == [
        'PID: 5        TASK: ff05              CPU: 0    COMMAND: "t5"',
        f" #0 [{SP:x}] schedule at {PC:x}",
    ]


@pytest.mark.parametrize(
    ("line", "chosen"),
    [
        ("1", [1]),
        ("1 0xff09", [1, 9]),
        ("-a", [0, 5]),
        ("-g 6", [5, 6]),
        ("-g ff06", [5, 6]),
        ("-p", [5]),
        ("-g 0", [0]),
    ],
)
def test_which_tasks(ctx: Context, line: str, chosen: list[int]) -> None:
    assert pids(rows(ctx, line)) == chosen


def test_a_word_that_is_no_task_does_not_end_the_others(ctx: Context) -> None:
    found = rows(ctx, "1 zzz 5")
    assert pids(found) == [1, 5]
    assert notices(found) == ["\ninvalid task or pid value: zzz"]
    assert notices(rows(ctx, "zzz")) == ["invalid task or pid value: zzz"]
    shown = lines(ctx, "zzz 5")
    assert shown[0] == ""
    assert shown[1].startswith("PID: 5 ")


def test_an_error_ends_a_single_task_but_not_one_of_many(
    ctx: Context, unwinder: FakeUnwinder
) -> None:
    unwinder.errors = {5: CrashError("broken")}
    with pytest.raises(CrashError, match="broken"):
        rows(ctx, "5")
    found = rows(ctx, "-g 5")
    assert notices(found) == ["broken"]
    assert pids(found) == [5, 6]


def test_a_task_without_a_stack(ctx: Context) -> None:
    assert lines(ctx, "9")[1:] == ["(no stack)"]


def test_in_foreach_the_header_is_not_repeated(ctx: Context) -> None:
    command, task = Bt(), ctx.kernel.tasks.get(0xFF01)
    found = command.run_task(ctx.at(task.address), command.parse([]), task)
    assert pids(list(found)) == []


def test_idle_tasks_can_be_left_out(ctx: Context, unwinder: FakeUnwinder) -> None:
    unwinder.idle = {0}
    assert [type(row).__name__ for row in rows(ctx, "-a -n idle")] == [
        "TaskHeader",
        "TaskHeader",
        "FrameRow",
    ]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("-s", "schedule+69"),
        ("-sx", "schedule+0x45"),
        ("-sd", "schedule+69"),
        ("-x", "schedule"),
    ],
)
def test_bytes_into_the_function(ctx: Context, line: str, shown: str) -> None:
    assert lines(ctx, line)[1] == f" #0 [{SP:x}] {shown} at {PC:x}"


def test_the_radix_is_that_of_the_session(ctx: Context) -> None:
    ctx = replace(ctx, settings=Settings(radix=16))
    assert "schedule+0x45" in lines(ctx, "-s")[1]


def test_source_lines(ctx: Context) -> None:
    assert lines(ctx, "-l")[2] == "    sched.c: 5"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("-R schedule", True),
        ("-R vfs_read", False),
        (f"-R {PC:x}", True),
        (f"-R {PC + 1:x}", False),
        ("-R (schedule+69)", True),
    ],
)
def test_only_stacks_that_mention_something(ctx: Context, line: str, found: bool) -> None:
    shown = rows(ctx, line)
    assert bool(pids(shown)) == found
    assert (Gap() in shown) == found


def test_how_each_thing_is_shown(ctx: Context, unwinder: FakeUnwinder) -> None:
    unwinder.events = [
        TextStart("schedule", PC),
        TextStart("", 0x10),
        FRAME._replace(level=12, module="ext4", unsure=True),
        FRAME._replace(level=None, module="ext4"),
        StackWords(0x1000, (1, 2, 3)),
        Registers(0x1100, VALUES, False, "schedule", 5),
        StackSwitch("IRQ stack"),
        Complaint("lost"),
        CpuRegisters({k: v for k, v in VALUES.items() if k != "ORIG_RAX"}, "schedule"),
        CpuRegisters({"RIP": 0x401000, "R15": 1}, user=True, indent="\t "),
    ]
    blocks = [
        "    RIP: 0000000000000000  RSP: 0000000000000001  RFLAGS: 00000002",
        "    RAX: 0000000000000003  RBX: 0000000000000004  RCX: 0000000000000005",
        "    RDX: 0000000000000006  RSI: 0000000000000007  RDI: 0000000000000008",
        "    RBP: 0000000000000009   R8: 000000000000000a   R9: 000000000000000b",
        "    R10: 000000000000000c  R11: 000000000000000d  R12: 000000000000000e",
        "    R13: 000000000000000f  R14: 0000000000000010  R15: 0000000000000011",
    ]
    assert lines(ctx, "")[1:] == [
        f"              START: schedule at {PC:x}",
        "              START: (null) at 10",
        f"#12 [{SP:x}] schedule at {PC:x} [ext4] *",
        f"  [{SP:x}] schedule at {PC:x} [ext4]",
        "    1000: 0000000000000001 0000000000000002 ",
        "    1010: 0000000000000003 ",
        "    [exception RIP: schedule+5]",
        *blocks,
        "    ORIG_RAX: 0000000000000012  CS: 0013  SS: 0014",
        "--- <IRQ stack> ---",
        "    [exception RIP: schedule]",
        *blocks,
        "    CS: 0013  SS: 0014",
        "    [exception RIP: user space]",
        "\t RIP: 0000000000401000",
        "\t R15: 0000000000000001",
    ]
    assert notices(rows(ctx, "")) == ["lost"]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("-f", f"    1000: {PC:x} 0000000000002000 "),
        ("-F", "    1000: schedule+69      [filp]           "),
        ("-FF", "    1000: schedule+69      [2000:filp]      "),
    ],
)
def test_words_of_frames(ctx: Context, unwinder: FakeUnwinder, line: str, text: str) -> None:
    unwinder.events = [StackWords(0x1000, (PC, 0x2000, 5))]
    assert lines(ctx, line)[1:] == [text, "    1010: 0000000000000005 "]
    assert unwinder.asked[-1].full


def test_the_raw_stack_has_names_for_addresses(ctx: Context) -> None:
    found = rows(ctx, "-r 1")[1]
    assert isinstance(found, WordsRow)
    assert (found.values, found.places) == ((PC, PC), {PC: Place("schedule", 69)})
    assert lines(ctx, "-r 1")[1] == "            1000:  schedule+69      schedule+69      "


def test_registers_on_the_special_stacks(ctx: Context) -> None:
    shown = lines(ctx, "-E -c 1")
    assert shown[:6] == [
        "CPU 1 IRQ STACK:",
        "(none found)",
        "",
        "CPU 1 NMI EXCEPTION STACK:",
        "",
        "  USER-MODE EXCEPTION FRAME AT: 3100",
    ]
    assert shown[-1] == ""


def test_stacks_that_ran_over(ctx: Context) -> None:
    assert lines(ctx, "-v") == [
        'PID: 5        TASK: ff05              CPU: 0    COMMAND: "t5"',
        "  possible stack overflow: gone",
        "",
    ]


def test_the_old_method_stays_until_it_is_turned_off(ctx: Context, unwinder: FakeUnwinder) -> None:
    assert notices(rows(ctx, "-O")) == ["use old bt method by default"]
    rows(ctx, "")
    assert unwinder.asked[-1].old
    assert notices(rows(ctx, "-O")) == ["use new bt method by default"]
    rows(ctx, "")
    assert not unwinder.asked[-1].old


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-xd", "-d and -x are mutually exclusive"),
        ("-a -g", "-a option cannot be used with the -g option"),
        ("-c 0 -g", "-c option cannot be used with the -g option"),
        ("-c 7", "invalid cpu specification: 7"),
        ("-c 0", "cannot determine active task on cpu 0"),
        ("-S 0", "invalid stack address for this task: 0"),
        ("-S zz", 'invalid input: "zz"'),
        ("-I zz", 'cannot convert "zz"'),
        ("-n all", "-n option not supported or applicable on this architecture or kernel"),
        ("-A", "-A option not supported or applicable on this architecture or kernel"),
    ],
)
def test_what_does_not_fit(ctx: Context, line: str, message: str) -> None:
    with pytest.raises(CrashError) as error:
        rows(ctx, line)
    assert str(error.value) == message


def test_usage(ctx: Context) -> None:
    with pytest.raises(UsageError, match="only one -c option allowed"):
        rows(ctx, "-c 0 -c 1")
    assert notices(rows(ctx, "-R a -R b")) == ["only one -R option allowed"]


def test_a_row_is_one_frame(ctx: Context, unwinder: FakeUnwinder) -> None:
    assert rows(ctx, "")[1:] == [FrameRow(0, SP, PC, "schedule", 0x45, None, False, None)]
    assert rows(ctx, "-l")[1:] == [FrameRow(0, SP, PC, "schedule", 0x45, None, False, "sched.c: 5")]
    unwinder.events = [Registers(0x1100, {"RIP": 1}, True, narrow=True)]
    assert rows(ctx, "-l")[1:] == [
        RegistersRow(0x1100, "user", {"RIP": 1}, None, 0, None, True, None)
    ]


def test_rows_as_json(ctx: Context, unwinder: FakeUnwinder) -> None:
    unwinder.events = [FRAME, StackWords(0x1000, (PC, 5)), Registers(0x1100, {"RIP": 1}, False)]
    found = [json.loads(line) for line in json_lines("bt", rows(ctx, "-F 1"))]
    assert [(row["kind"], row.get("of", {}).get("pid")) for row in found] == [
        *(("task", None), ("bt.frame", 1), ("bt.words", 1), ("bt.registers", 1))
    ]
    assert found[1]["address"] == hex(PC)
    assert found[2]["values"] == [hex(PC), "0x5"]
    assert found[2]["places"] == {hex(PC): {"symbol": "schedule", "offset": 0x45}}
    assert found[3]["registers"] == {"RIP": "0x1"}
