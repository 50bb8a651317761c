"""The lines of irq, made of rows."""

from __future__ import annotations

from collections.abc import Iterable

from commands.irq import (
    Action,
    AffinityRow,
    CountHeading,
    CountRow,
    GateRow,
    Irq,
    IrqRow,
    SoftirqRow,
)
from pycrash.api import Begin, Row, View
from pycrash.api.args import parse_args
from pycrash.settings import Settings

DESC = 0xFFFF888000001000


def lines(words: str, rows: Iterable[Row], radix: int = 10) -> list[str]:
    settings = Settings()
    settings.radix = radix
    args = parse_args("irq", Irq.flags, words.split(), Irq.at_once)
    return list(Irq().text(View(settings), args, iter(rows)))


def test_an_interrupt_has_a_line_for_each_action() -> None:
    actions = (Action(DESC + 1, "one"), Action(DESC + 2, None))
    assert lines("", [Begin(), IrqRow(9, DESC, actions), IrqRow(10, 0, ())]) == [
        " IRQ   IRQ_DESC/_DATA      IRQACTION      NAME",
        '  9   ffff888000001000  ffff888000001001  "one"',
        "                        ffff888000001002  ",
        " 10       (unused)          (unused)      ",
    ]


def test_affinity_is_told_in_ranges() -> None:
    rows = [Begin(), AffinityRow(4, ("a", "b"), (0, 1, 2, 5, 7, 8)), AffinityRow(5, (), ())]
    assert lines("-a", rows) == [
        "IRQ NAME                 AFFINITY",
        "  4 a,b                  0-2,5,7-8",
        "  5                      ",
    ]


def test_counts_without_controller_and_trigger() -> None:
    rows = [
        CountHeading((0, 12)),
        CountRow(1, {0: 3, 12: 4000000000}, "PCI-MSI", "edge", ("x",)),
        CountRow(100, {0: 0, 12: 0}, None, None, ()),
    ]
    assert lines("-s", rows) == [
        "           CPU0      CPU12 ",
        "  1:          3 4000000000  PCI-MSI-edge     x",
        "100:          0          0  ",
    ]


def test_softirqs_of_modules_and_without_a_name() -> None:
    rows = [Begin(), SoftirqRow(0, DESC, "f", None), SoftirqRow(10, DESC, None, "m")]
    assert lines("-b", rows) == [
        "SOFTIRQ_VEC      ACTION     ",
        "    [0]     ffff888000001000  <f>",
        "    [10]    ffff888000001000  <(null)>  [m]",
    ]


def test_gates_follow_the_radix() -> None:
    rows = [GateRow(2, DESC, "f+16", ("f+16", "f+0x10")), GateRow(128, 0, "", ("", ""))]
    assert lines("-d", rows, 16) == ["  [2] f+0x10", "[128] 0000000000000000"]
