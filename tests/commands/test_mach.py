"""The lines of mach, made of rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from commands.mach import CpuRow, Mach, MachineRow, RangeRow, StackRow, StacksRow
from pycrash.api import Begin, Row, View
from pycrash.api.args import parse_args
from pycrash.settings import Settings

BASE = 0xFFFF888000000000
PC = MachineRow(
    *("x86_64", 512 << 20, 2, 1, "KVM", 0, 250, 4096, BASE, BASE + 1, BASE + 2, BASE + 3, BASE + 4),
    16384,
)


def lines(words: str, rows: Iterable[Row], offline: str = "show") -> list[str]:
    settings = Settings()
    settings.offline = offline
    args = parse_args("mach", Mach.flags, words.split())
    return list(Mach().text(View(settings), args, iter(rows)))


def test_a_pc() -> None:
    rows = [PC, StacksRow("VC", 8192), StackRow(1, False, 0x10, False)]
    assert lines("", rows, "hide") == [
        "          MACHINE TYPE: x86_64",
        "           MEMORY SIZE: 512 MB",
        "                  CPUS: 2 [OFFLINE: 1]",
        "            HYPERVISOR: KVM",
        "       PROCESSOR SPEED: (unknown)",
        "                    HZ: 250",
        "             PAGE SIZE: 4096",
        "   KERNEL VIRTUAL BASE: ffff888000000000",
        "   KERNEL VMALLOC BASE: ffff888000000001",
        "   KERNEL VMEMMAP BASE: ffff888000000002",
        "      KERNEL START MAP: ffff888000000003",
        "   KERNEL MODULES BASE: ffff888000000004",
        "     KERNEL STACK SIZE: 16384",
        "         VC STACK SIZE: 8192",
        "             VC STACKS:",
        "                 CPU 1: 0000000000000010 [unavailable] [OFFLINE]",
    ]


def test_arm64_has_narrower_names_in_another_order() -> None:
    row = replace(PC, machine="aarch64", start_map=None)
    rows = [row, StacksRow("OVERFLOW", 4096), StackRow(12, True, 0x10, True)]
    assert lines("", rows) == [
        "       MACHINE TYPE: aarch64",
        "        MEMORY SIZE: 512 MB",
        "               CPUS: 1",
        "                 HZ: 250",
        "          PAGE SIZE: 4096",
        "KERNEL VIRTUAL BASE: ffff888000000000",
        "KERNEL MODULES BASE: ffff888000000004",
        "KERNEL VMALLOC BASE: ffff888000000001",
        "KERNEL VMEMMAP BASE: ffff888000000002",
        "  KERNEL STACK SIZE: 16384",
        "OVERFLOW STACK SIZE: 4096",
        "    OVERFLOW STACKS:",
        "             CPU 12: 10",
    ]


def test_types_of_memory() -> None:
    rows = [Begin(), RangeRow(0, 0x1000, 1), RangeRow(0x1000, 0x2000, 12), RangeRow(0, 1, 99)]
    assert [line.split("  ")[-1] for line in lines("-m", rows)[1:]] == [
        *("E820_RAM", "E820_PRAM", "type 99"),
    ]


def test_processors_stand_apart() -> None:
    rows = [CpuRow(0, True, 1), CpuRow(1, False, 2), CpuRow(None, True, 3)]
    assert lines("-c", rows, "hide") == ["CPU 0:", "", "CPU 1: [OFFLINE]", "BOOT CPU:"]
