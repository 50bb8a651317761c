"""Names of task states, by each of the tables kernels have had."""

from __future__ import annotations

import pytest

from pycrash.kernel.tasks.states import TaskStates, read_states
from tests.kernel.fake_kernel import FakeKernel

NAMES = [
    "R (running)",
    "S (sleeping)",
    "D (disk sleep)",
    "T (stopped)",
    "t (tracing stop)",
    "X (dead)",
    "Z (zombie)",
    "P (parked)",
    "I (idle)",
]
OLD_NAMES = ["R (running)", "S (sleeping)", "D (disk sleep)", "Z (zombie)"]


def with_names(names: list[str]) -> TaskStates:
    fake = FakeKernel()
    table, text = 0xFFFFFFFF82000000, 0xFFFFFFFF82001000
    fake.room(table, 0x2000)
    fake.symbol("task_state_array", table, 8 * len(names))
    for place, name in enumerate(names):
        fake.write(table + 8 * place, "Q", text + 64 * place)
        fake.write(text + 64 * place, "64s", name.encode())
    return read_states(fake.kernel)


def test_since_4_14_states_behind_parked_are_in_no_table() -> None:
    states = with_names(NAMES)
    assert states.bits == {
        "running": 0,
        "interruptible": 1,
        "uninterruptible": 2,
        "stopped": 4,
        "traced": 8,
        "dead": 0x90,
        "zombie": 0x20,
        "parked": 0x40,
        "wakekill": 0x100,
        "waking": 0x200,
        "noload": 0x400,
        "new": 0x800,
    }
    assert states.mask("swapping") is None


def test_until_4_13_letters_tell() -> None:
    fake = FakeKernel()
    fake.symbol("stat_nam", 0xFFFFFFFF82000000, 14)
    fake.write(0xFFFFFFFF82000000, "64s", b"RSDTtXZxKWPNn")
    bits = read_states(fake.kernel).bits
    assert (bits["dead"], bits["zombie"], bits["parked"]) == (0x10 | 0x40, 0x20, 0x200)
    assert (bits["noload"], bits["new"]) == (0x400, 0x800)


def test_without_a_usable_table_the_oldest_numbers() -> None:
    assert read_states(FakeKernel().kernel).bits["zombie"] == 4
    assert with_names(OLD_NAMES).bits["stopped"] == 8


@pytest.mark.parametrize(
    ("state", "short", "long"),
    [
        (0, "RU", "TASK_RUNNING"),
        (1, "IN", "TASK_INTERRUPTIBLE"),
        (2, "UN", "TASK_UNINTERRUPTIBLE"),
        (0x402, "ID", "TASK_UNINTERRUPTIBLE|TASK_NOLOAD"),
        (0x102, "UN", "TASK_UNINTERRUPTIBLE|TASK_WAKEKILL"),
        (4, "ST", "TASK_STOPPED"),
        (8, "TR", "TASK_TRACED"),
        (0x20, "ZO", "EXIT_ZOMBIE"),
        (0xA0, "ZO", "EXIT_DEAD|EXIT_ZOMBIE"),
        (0x90, "DE", "EXIT_DEAD|TASK_DEAD"),
        (0x80, "DE", "EXIT_DEAD"),
        (0x40, "PA", "TASK_PARKED"),
        (0x200, "WA", "TASK_WAKING"),
        (0x800, "NE", "TASK_NEW"),
        (0x1000, "??", ""),
    ],
)
def test_names(state: int, short: str, long: str) -> None:
    states = with_names(NAMES)
    assert states.short(state) == short
    assert states.long(state) == long
