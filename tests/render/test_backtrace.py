"""Registers of other machines among the lines of a backtrace."""

from __future__ import annotations

from pycrash.kernel.arch.aarch64.architecture import AArch64
from pycrash.kernel.stacks.trace import Registers
from pycrash.render.backtrace import event_lines

X = {f"X{n}": n for n in range(29, -1, -1)}


def lines(*events: Registers) -> list[str]:
    return list(event_lines(events, 10, 8, AArch64.registers))


def test_user_registers_of_arm() -> None:
    ends = {"ORIG_X0": 1, "SYSCALLNO": 0x40, "PSTATE": 0x80000000}
    found = lines(Registers(0, {"PC": 1, "LR": 2, "SP": 3, **X, **ends}, True))
    assert found[0] == ("     PC: 0000000000000001   LR: 0000000000000002   SP: 0000000000000003")
    assert found[1] == "    X29: 000000000000001d  X28: 000000000000001c  X27: 000000000000001b"
    assert found[-2].endswith("   X0: 0000000000000000")
    assert found[-1] == "    ORIG_X0: 0000000000000001  SYSCALLNO: 40  PSTATE: 80000000"


def test_kernel_registers_of_arm_tell_where_they_lead() -> None:
    values = {"PC": 1, "LR": 2, "SP": 3, "PSTATE": 5, **X}
    event = Registers(0x100, values, False, "panic", 8, caller=("schedule", 0), found=True)
    assert lines(event)[:5] == [
        "",
        "KERNEL-MODE EXCEPTION FRAME AT: 100",
        "     PC: 0000000000000001  [panic+8]",
        "     LR: 0000000000000002  [schedule]",
        "     SP: 0000000000000003  PSTATE: 00000005",
    ]


def test_only_the_first_user_registers_found_stand_without_a_blank_line() -> None:
    event = Registers(0x100, {"PC": 1}, True, found=True)
    assert [line[:9] for line in lines(event, event)] == [
        *("USER-MODE", "     PC: ", "", "USER-MODE", "     PC: ")
    ]


def test_registers_of_a_32_bit_program() -> None:
    values = {"PC": 1, "LR": 2, "SP": 3, "PSTATE": 0x10, "X12": 12, "X11": 11}
    assert lines(Registers(0, values, True, narrow=True)) == [
        "     PC: 00000001  LR: 00000002  SP: 00000003  PSTATE: 00000010",
        "    X12: 0000000c X11: 0000000b",
    ]
