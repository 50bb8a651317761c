"""ps on a kernel made by hand."""

from __future__ import annotations

import pytest

from commands.ps import Ps
from pycrash.api.args import UsageError, WrongOption
from pycrash.errors import CrashError, ReadError
from tests.commands.crowd import IDLE, Crowd

HEAD = "      PID    PPID  CPU       TASK        ST  %MEM      VSZ      RSS  COMM"


@pytest.fixture
def crowd() -> Crowd:
    return Crowd()


def pids(lines: list[str]) -> list[int]:
    """The pids of a list without its heading."""
    return [int(line[1:9]) for line in lines]


def test_the_list(crowd: Crowd) -> None:
    assert crowd.run("ps") == [
        HEAD,
        f"        0       0   0  {IDLE:x}  RU   0.0        0        0  [swapper/0]".replace(
            " ", ">", 1
        ),
        f"        0       0   1  {IDLE + 0x1000:x}  RU   0.0        0        0  [swapper/1]",
        f"        1       0   0  {crowd.init:x}  IN   2.5      400      100  init",
        f"        2       0   0  {crowd.kthreadd:x}  IN   0.0        0        0  [kthreadd]",
        f"        3       2   0  {crowd.worker:x}  ID   0.0        0        0  [worker]",
        f"       20       1   1  {crowd.daemon:x}  IN   2.5      400      100  daemon",
        f">      21       1   1  {crowd.thread:x}  RU   2.5      400      100  thread",
    ]


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ("-k", [0, 0, 2, 3]),
        ("-u", [1, 20, 21]),
        ("-G", [0, 0, 1, 2, 3, 20]),
        ("-G 21", [20]),
        ("-G 20 21", [20]),
        ("-G thread", []),
        ("-y fifo", [3]),
        ("-y 0,1 -k", [0, 0, 2, 3]),
        ("-A", [0, 21]),
        ("-A init thread", [1, 21]),
        ("init", [1]),
        ("init 20 1", [1, 1, 20]),
        ("'^k|^i'", [1, 2]),
        ("0x14", [20]),
        ("14", [20]),
        ("ffff888001101000", [1]),
        ("nosuch", []),
        ("\\init", [1]),
        ("-u worker", []),
    ],
)
def test_which_tasks(crowd: Crowd, options: str, chosen: list[int]) -> None:
    assert crowd.run(f"ps {options}")[0] == HEAD
    assert pids(crowd.run(f"ps -H {options}")) == chosen


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("-u -k", "ps: -u and -k are mutually exclusive"),
        ("-k -u", "ps: -u and -k are mutually exclusive"),
        (
            "-p -c",
            "ps: -a, -t, -c, -p, -g, -l, -m, -S, -r and -A flags are all mutually-exclusive",
        ),
        ("-G -l", "ps: -G not supported with -l option"),
        ("-G -m 1", "ps: -G not supported with -m option"),
        ("-C 0", "ps: -C option is only applicable with -l and -m"),
        ("-l -C 2", "ps: invalid cpu specification: 2"),
        ("-S 1", "ps: -S option takes no arguments"),
        ("-S -u", "ps: -S option cannot be used with other options"),
        ("-y nosuch", "ps: nosuch: invalid scheduling policy"),
        ("'('", "ps: invalid regular expression: ("),
        ("-q", "usage ps: invalid option -- 'q'"),
    ],
)
def test_what_is_refused(crowd: Crowd, options: str, message: str) -> None:
    assert crowd.run(f"ps {options}") == [message]


@pytest.mark.parametrize(
    ("line", "refused"), [("-r -m -5", True), ("-u -k -5", True), ("-5 -r", False)]
)
def test_options_act_before_a_wrong_one_is_read(crowd: Crowd, line: str, refused: bool) -> None:
    with pytest.raises(WrongOption) as wrong:
        Ps().parse(line.split())
    with pytest.raises(CrashError if refused else UsageError):
        list(Ps().refuse(crowd.context, wrong.value))


def test_a_number_of_no_task_is_said_and_the_rest_shown(crowd: Crowd) -> None:
    lines = crowd.run("ps 99 1")
    assert lines[:2] == ["ps: invalid task or pid value: 99\n", HEAD]
    assert pids(lines[2:]) == [1]


def test_run_times_that_the_kernel_does_not_keep(crowd: Crowd) -> None:
    crowd.kernel.tasks.__dict__["has_last_run"] = False
    assert crowd.run("ps -l") == ["ps: last-run timestamps do not exist in this kernel", "usage"]


def test_memory_that_cannot_be_read_costs_a_message(crowd: Crowd) -> None:
    def use(task: object) -> None:
        raise ReadError(0x1000, "fill_mm_struct", "page excluded")

    crowd.kernel.task_memory.use = use  # type: ignore[method-assign,assignment]
    lines = crowd.run("ps 1")
    assert lines[1] == 'ps: page excluded: kernel virtual address: 1000  type: "fill_mm_struct"'
    assert lines[2].endswith("IN   0.0        0        0  init")


def test_stack_pointers(crowd: Crowd) -> None:
    lines = crowd.run("ps -s 3 21")
    assert lines[0] == HEAD.replace("      TASK      ", "     KSTACKP    ")
    assert lines[1].split()[3] == "7000"
    assert lines[2].split()[4] == "--"


def test_relatives(crowd: Crowd) -> None:
    def header(pid: int, task: int, cpu: int, comm: str) -> str:
        return f'PID: {pid:<7}  TASK: {task:x}  CPU: {cpu}    COMMAND: "{comm}"'

    idle, init = header(0, IDLE, 0, "swapper/0"), header(1, crowd.init, 0, "init")
    daemon = header(20, crowd.daemon, 1, "daemon")
    thread = header(21, crowd.thread, 1, "thread")
    assert crowd.run("ps -p 20") == [idle, f" {init}", f"  {daemon}", ""]
    assert crowd.run("ps -c 1") == [init, f"  {daemon}", f"  {thread}", ""]
    assert crowd.run("ps -c 20") == [daemon, "  (no children)", ""]
    assert crowd.run("ps -g 21") == [daemon, f"  {thread}", ""]
    assert crowd.run("ps -g 1") == [init, "  (no threads)", ""]
    for _ in range(2):  # what was shown is forgotten at the end of a line
        assert len(crowd.run("ps -g 0")) == 3  # the idle tasks are one group


def test_a_ring_of_parents_ends(crowd: Crowd) -> None:
    crowd.write(crowd.init + 56, "Q", crowd.daemon)
    assert len(crowd.run("ps -p 20")) == 3


def test_last_runs(crowd: Crowd) -> None:
    lines = crowd.run("ps -l")
    assert [line[:20] for line in lines[:3]] == [
        "[10000000000] [ID]  ",
        "[        300] [IN]  ",
        "[        200] [IN]  ",
    ]
    crowd.settings.radix = 16
    assert crowd.run("ps -l 1")[0].startswith("[      12c] [IN]  PID: 1 ")


def test_times_since_a_run(crowd: Crowd) -> None:
    assert crowd.run("ps -m 3")[0].startswith("[0 00:00:10.000] [ID]  PID: 3 ")
    assert crowd.run("ps -m 21")[0].startswith("[1 01:01:01.001] [RU]  PID: 21 ")


def test_one_list_a_cpu(crowd: Crowd) -> None:
    lines = crowd.run("ps -l -C 1,0")
    assert lines[0] == "CPU: 0"
    assert lines[lines.index("CPU: 1") - 1] == ""
    second = lines[lines.index("CPU: 1") + 1 :]
    assert [line.partition("PID: ")[2].split()[0] for line in second] == ["21", "20", "0"]


def test_one_list_a_cpu_of_what_was_chosen(crowd: Crowd) -> None:
    lines = crowd.run("ps -l -u -C 1")
    assert [line.partition("PID: ")[2].split()[0] for line in lines[1:]] == ["21", "20"]


def test_times(crowd: Crowd) -> None:
    assert crowd.run("ps -t 1")[1:] == [
        "    RUN TIME: 00:00:09",
        "  START TIME: 1000000000",
        "       UTIME: 0",
        "       STIME: 0",
        "",
    ]
    heads = crowd.run("ps -t -u")[::6]
    assert [line.split()[1] for line in heads] == ["20", "21", "1"]  # by start


def test_states_in_the_order_they_are_met(crowd: Crowd) -> None:
    assert crowd.run("ps -S") == ["  RU: 3", "  IN: 3", "  ID: 1"]


def test_no_user_stack(crowd: Crowd) -> None:
    assert crowd.run("ps -a 2")[1:] == ["ps: no user stack\n"]


def test_hidden_cpus_are_marked(crowd: Crowd) -> None:
    crowd.settings.offline = "hide"
    crowd.write(0xFFFFFFFF82100108, "Q", 1)
    assert crowd.run("ps -H 21")[0].startswith("-      21")
    assert "CPU: 1 [OFFLINE]" in crowd.run("ps -m -C 0,1")


def test_policies_and_priorities(crowd: Crowd) -> None:
    heading, first = crowd.run("ps -Y 1")
    assert heading == "      PID    PPID  CPU       TASK        POLICY       PRIO  COMM"
    assert first.split()[4:] == ["NORMAL", str(crowd.kernel.tasks.by_pid(1)[0].prio), "init"]
    assert crowd.run("ps -YA") == [
        "ps: -a, -t, -c, -p, -g, -l, -m, -S, -r and -A flags are all mutually-exclusive"
    ]


def test_without_the_idle_threads(crowd: Crowd) -> None:
    every, busy = crowd.run("ps"), crowd.run("ps -I")
    assert busy == [line for line in every if "[swapper/" not in line]
    assert len(busy) < len(every)
    assert crowd.run("ps -SI") == ["ps: -S option cannot be used with other options"]


def test_a_parent_that_is_not_known(crowd: Crowd) -> None:
    orphan = crowd.add(30, "orphan", parent=0xDEAD)
    (line,) = crowd.run("ps -H 30")
    assert line == f"       30      -1   0  {orphan:x}  RU   0.0        0        0  [orphan]"
