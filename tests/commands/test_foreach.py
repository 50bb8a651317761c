"""foreach on a kernel made by hand, over ps, set, and a command of the tests' own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from pycrash.api import SYMBOL, Args, Context, Flag, Notice, Row, TaskCommand, View
from pycrash.errors import CrashError, ReadError
from pycrash.kernel.tasks.table import Task
from tests.commands.crowd import IDLE, Crowd


@dataclass(frozen=True)
class Called(Row):
    task: int
    words: str


class Probe(TaskCommand):
    """Stands for a command over tasks: says how it was called; fails on kthreadd."""

    name = "probe"
    task_flags = "c"
    task_values = "R"
    summary = "calls"
    synopsis = ""
    flags: ClassVar[Sequence[Flag]] = (Flag("c", ""), Flag("R", "", SYMBOL))
    left_out = -1

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        return self.run_task(ctx, args, ctx.kernel.tasks.get(ctx.task))

    def run_task(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        assert task.address == ctx.task
        if task.comm == "kthreadd":
            raise CrashError("no such thing")
        if task.address == self.left_out:
            raise ReadError(0x5000, "leaf", "page excluded")
        yield Notice(f"at {task.pid}")
        yield Called(task.pid, " ".join(f"{k}={v}" for k, v in args.given))

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        yield f"{view.each} {args.given}"
        for row in rows:
            assert isinstance(row, Called)
            yield f"{row.task} {row.words}"


class Net(Probe):
    name = "fakenet"
    flags = tuple(Flag(letter, "") for letter in "sSxd")
    task_flags = "sx"
    task_values = ""

    def check_each(self, args: Args, operands: Sequence[str]) -> Iterator[Notice]:
        if "s" not in args:
            yield Notice("net wants -s", "WARNING")


@pytest.fixture
def crowd() -> Crowd:
    crowd = Crowd()
    crowd.context.registry.add(Probe())
    crowd.context.registry.add(Net())
    return crowd


def pids(crowd: Crowd, words: str) -> list[int]:
    """The pids of the tasks that the words choose."""
    lines = [line for line in crowd.run(f"foreach {words} ps") if not line.startswith("foreach")]
    return [int(line[1:9]) for line in lines[1:]]


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("", [0, 0, 1, 2, 3, 20, 21]),
        ("user", [1, 20, 21]),
        ("kernel", [0, 0, 2, 3]),
        ("gleader", [1, 20]),
        ("active", [0, 21]),
        ("RU", [0, 0, 21]),
        ("ID", [3]),
        ("ZO", []),
        ("kernel IN", [2]),
        ("20 1", [1, 20]),
        ("0", [0, 0]),
        ("ffff888001101000", [1]),
        ("daemon \\init", [1, 20]),
        ("'^.h'", [21]),
        ("'^d' 2", [2, 20]),
        ("user 2", []),
        ("nosuch", []),
        ("nosuch 1", [1]),
        ("99", []),
        ("1 1", [1]),
    ],
)
def test_which_tasks(crowd: Crowd, words: str, chosen: list[int]) -> None:
    assert pids(crowd, words) == chosen


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "usage"),
        ("user", "foreach: no keywords specified"),
        ("user kernel ps", "foreach: user and kernel are mutually exclusive!"),
        ("kernel user ps", "foreach: user and kernel are mutually exclusive!"),
        ("kernel gleader ps", "foreach: gleader and kernel are mutually exclusive!"),
        ("RU IN ps", "foreach: only one task state allowed"),
        ("SW ps", "foreach: invalid task state for this kernel: SW"),
        ("'(' ps", "foreach: invalid regular expression: ("),
        ("nosuch ps", 'foreach: unknown argument: "nosuch"'),
        ("bt -x -d", "foreach: bt: -x and -d options are mutually exclusive"),
        ("bt -g", "foreach: bt -g option is not supported when issued from foreach"),
        ("set -R a", "foreach: set command does not support -R option"),
        (
            "ps -a -r",
            "foreach: -a, -t, -c, -p, -g, -l, -m, -S, -r and -A flags are all mutually-exclusive",
        ),
        ("ps -G -m", "foreach: -G not supported with -m option"),
        ("ps -y nosuch", "foreach: nosuch: invalid scheduling policy"),
        ("ps -q", "usage foreach: invalid option -- 'q'"),
    ],
)
def test_what_is_refused(crowd: Crowd, line: str, message: str) -> None:
    assert crowd.run(f"foreach {line}") == [message]


def test_a_state_that_is_also_a_pid(crowd: Crowd) -> None:
    crowd.write(crowd.node, "B", 2)  # the tree goes deeper, to pid 222 in its fourth node
    below = crowd.node + 0x1000
    crowd.room(below, 576)
    task = crowd.task(0xFFFF888001F00000, 0xDE, "de")
    crowd.write(crowd.node, "B", 6)
    crowd.write(crowd.node + 40 + 8 * 3, "Q", below | 2)
    crowd.room(0xFFFF888004000000, 64)
    crowd.write(0xFFFF888004000000 + 16, "Q", task + 136)
    crowd.write(0xFFFF888004000000 + 56, "Q", 0xFFFFFFFF82000000)
    crowd.write(below + 40 + 8 * (0xDE - 3 * 64), "Q", 0xFFFF888004000000)
    lines = crowd.run("foreach DE ps")
    assert lines[0] == "foreach: ambiguous task-identifying argument: DE"
    assert lines[-1] == "usage"
    assert pids(crowd, "\\DE") == []
    assert pids(crowd, "0xDE") == [0xDE]


def test_each_task_is_introduced(crowd: Crowd) -> None:
    lines = crowd.run("foreach 1 3 set")
    assert lines[0].startswith("PID: 1 ")
    assert lines[1:3] == ["    PID: 1", 'COMMAND: "init"']
    assert lines[6:8] == ["", lines[7]]
    assert lines[7].startswith("PID: 3 ")
    assert crowd.settings.task == 0  # the current context stays


def test_an_error_costs_one_task(crowd: Crowd) -> None:
    lines = crowd.run("foreach 1 2 3 probe")
    assert [line for line in lines if line.startswith("probe")] == [
        "probe: at 1",
        "probe: no such thing",
        "probe: at 3",
    ]
    assert [line for line in lines if line.startswith("PID")][2].startswith("PID: 3 ")


def test_of_a_page_left_out_the_text_says_nothing(crowd: Crowd) -> None:
    probe = crowd.context.registry.find("probe")
    assert isinstance(probe, Probe)
    probe.left_out = crowd.kernel.tasks.by_pid(3)[0].address
    assert [line for line in crowd.run("foreach 1 3 probe") if line.startswith("probe")] == [
        "probe: at 1"
    ]
    command = crowd.context.registry.find("foreach")
    assert command is not None
    said = list(command.run(crowd.context, command.parse(["3", "probe"])))[-1]
    assert isinstance(said, Notice)
    assert isinstance(said.cause, ReadError)


def test_flags_are_handed_on(crowd: Crowd) -> None:
    assert crowd.run("foreach 1 probe -c -x")[-1] == "1 c=None"
    lines = crowd.run("foreach 1 probe -R /dev/null extra words")
    assert lines[-1] == "1 R=/dev/null"
    assert not any(line.startswith("PID") for line in lines)  # the command does it, if it finds any


def test_a_command_says_what_it_misses(crowd: Crowd) -> None:
    lines = crowd.run("foreach 1 fakenet -x")
    assert lines[0] == "foreach: net wants -s"
    assert lines[-1] == "1 x=None"
    lines = crowd.run("foreach 1 fakenet -s -S -x -d")
    assert not lines[0].startswith("foreach")
    assert lines[-1] == "1 s=None x=None"


def test_one_heading_of_ps(crowd: Crowd) -> None:
    lines = crowd.run("foreach ps -y fifo")
    assert lines[0].startswith("      PID    PPID")
    assert [line.split()[0] for line in lines[1:]] == ["3"]


def test_a_group_is_shown_once(crowd: Crowd) -> None:
    assert [int(line[1:9]) for line in crowd.run("foreach 20 21 ps -G")[1:]] == [20]
    assert crowd.run("foreach 0 20 ps -gG") == crowd.run("foreach 0 20 ps -g") != []
    assert len(crowd.run("foreach 0 ps -g")) == 3


def test_ps_by_last_run(crowd: Crowd) -> None:
    lines = crowd.run("foreach 1 3 ps -l")
    assert [line.partition("PID: ")[2].split()[0] for line in lines] == ["3", "1"]
    crowd.kernel.tasks.__dict__["has_last_run"] = False
    assert crowd.run("foreach 1 ps -l") == [
        "foreach: last-run timestamps do not exist in this kernel"
    ]


def test_rows_come_one_task_at_a_time(crowd: Crowd) -> None:
    command = crowd.context.registry.find("foreach")
    assert command is not None
    rows = command.run(replace(crowd.context), command.parse(["probe"]))
    next(rows)
    # The idle task is under way, and nothing behind it was asked for.
    crowd.kernel.tasks.__dict__["by_address"] = {IDLE: crowd.kernel.tasks.get(IDLE)}
    assert next(rows) == Notice("at 0", command="probe")
