"""Registers of other machines among the lines of a backtrace."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pycrash.api import Args, Settings, View
from pycrash.api.backtracerows import Place, RegistersRow
from pycrash.kernel.arch.aarch64.architecture import AArch64
from pycrash.render.backtrace import BacktraceText

X = {f"X{n}": n for n in range(29, -1, -1)}


def registers(mode: Literal["user", "kernel"], values: dict[str, int]) -> RegistersRow:
    return RegistersRow(0x100, mode, values, None, 0, None, False, None)


def lines(*rows: RegistersRow, searched: bool = False) -> list[str]:
    view = View(Settings(), registers=AArch64.registers)
    args = Args((("e", None),) if searched else ())
    return list(BacktraceText(view, args).lines(rows))


def test_user_registers_of_arm() -> None:
    ends = {"ORIG_X0": 1, "SYSCALLNO": 0x40, "PSTATE": 0x80000000}
    found = lines(registers("user", {"PC": 1, "LR": 2, "SP": 3, **X, **ends}))
    assert found[0] == ("     PC: 0000000000000001   LR: 0000000000000002   SP: 0000000000000003")
    assert found[1] == "    X29: 000000000000001d  X28: 000000000000001c  X27: 000000000000001b"
    assert found[-2].endswith("   X0: 0000000000000000")
    assert found[-1] == "    ORIG_X0: 0000000000000001  SYSCALLNO: 40  PSTATE: 80000000"


def test_kernel_registers_of_arm_tell_where_they_lead() -> None:
    values = {"PC": 1, "LR": 2, "SP": 3, "PSTATE": 5, **X}
    row = replace(
        registers("kernel", values), symbol="panic", offset=8, caller=Place("schedule", 0)
    )
    assert lines(row, searched=True)[:5] == [
        "",
        "KERNEL-MODE EXCEPTION FRAME AT: 100",
        "     PC: 0000000000000001  [panic+8]",
        "     LR: 0000000000000002  [schedule]",
        "     SP: 0000000000000003  PSTATE: 00000005",
    ]


def test_only_the_first_user_registers_found_stand_without_a_blank_line() -> None:
    row = registers("user", {"PC": 1})
    assert [line[:9] for line in lines(row, row, searched=True)] == [
        *("USER-MODE", "     PC: ", "", "USER-MODE", "     PC: ")
    ]


def test_registers_of_a_32_bit_program() -> None:
    values = {"PC": 1, "LR": 2, "SP": 3, "PSTATE": 0x10, "X12": 12, "X11": 11}
    assert lines(replace(registers("user", values), narrow=True)) == [
        "     PC: 00000001  LR: 00000002  SP: 00000003  PSTATE: 00000010",
        "    X12: 0000000c X11: 0000000b",
    ]
