"""The lines of dev, made of rows."""

from __future__ import annotations

from collections.abc import Iterable

from commands.dev import Dev
from pycrash.api import Gap, Row, View
from pycrash.api.args import parse_args
from pycrash.render.devicerows import (
    BlockRow,
    CharRow,
    DeviceDumpRow,
    DiskRow,
    DisksHeading,
    Heading,
    PciBusRow,
    PciRow,
    ResourceRow,
    ResourcesHeading,
)
from pycrash.settings import Settings

AT = 0xFFFF888000001000


def lines(words: str, rows: Iterable[Row], radix: int = 10) -> list[str]:
    settings = Settings()
    settings.radix = radix
    args = parse_args("dev", Dev.flags, words.split(), Dev.at_once)
    return list(Dev().text(View(settings), args, iter(rows)))


def test_numbers_of_drivers() -> None:
    rows = [
        Heading("char"),
        CharRow(4, 64, "ttyS", AT, AT, "ops+16", ("ops+16", "ops+0x10")),
        CharRow(254, 0, "tpm", 0, 0, "", ("", "")),
        Gap(),
        Heading("block"),
        BlockRow(259, "", AT, AT, "", ("", "")),
    ]
    assert lines("", rows, 16) == [
        "CHRDEV    NAME                 CDEV        OPERATIONS      ",
        "   4      ttyS           ffff888000001000  ops+0x10",
        " 254      tpm                 (none)     ",
        "",
        "BLKDEV    NAME                GENDISK      OPERATIONS      ",
        " 259      (unknown)      ffff888000001000  ffff888000001000",
    ]


def test_a_long_name_of_a_resource_goes_on_in_the_next_line() -> None:
    name = "a name with so many words that it does not fit into a line"
    rows = [
        ResourcesHeading(4, True),
        ResourceRow("io", AT, 0, 0xFFFF, None, 0, 4),
        ResourcesHeading(8, False),
        ResourceRow("memory", AT, 0, 0xFFFFFFFFFF, name, 1, 8),
        ResourceRow("memory", AT, 1, 2, "x" * 60, 1, 8),
    ]
    assert lines("-i", rows) == [
        "    RESOURCE        RANGE    NAME",
        "ffff888000001000  0000-ffff  (unknown)",
        "",
        "    RESOURCE            RANGE        NAME",
        "ffff888000001000  00000000-ffffffffff  a name with so many words that it does not",
        " " * 37 + "fit into a line",
        f"ffff888000001000  00000001-00000002  {'x' * 60}",
    ]


def test_pci() -> None:
    bus = (AT + 1, "0000:01:00.0", 0x604, 0x8086, 0x10, "ROOT_PORT", True, True)
    rows = [PciBusRow(AT, "0000:00", None), PciRow(*bus), PciBusRow(AT, "", AT + 2)]
    assert lines("-p", rows) == [
        "    ROOT BUS     BUSNAME",
        "ffff888000001000 0000:00",
        "      PCI DEV      DO:BU:SL.FN  CLASS   PCI_ID      TYPE   ",
        "  ffff888000001001 0000:01:00.0  0604   8086:10  ROOT_PORT [BRIDGE]",
        "      PCI BUS         PARENT BUS   ",
        "  ffff888000001000 ffff888000001002",
        "      PCI DEV      DO:BU:SL.FN  CLASS   PCI_ID      TYPE   ",
    ]


def test_disks_of_a_kernel_that_counts_for_drivers() -> None:
    row = DiskRow(AT, "sda", 8, AT + 1, False, 3, 4, 5, True)
    many = DiskRow(AT, "vda", 254, AT + 1, True, 0, 0, None, True)
    found = lines("-d", [DisksHeading(True, True), row, many])
    assert found == [
        "MAJOR GENDISK            NAME       REQUEST_QUEUE      TOTAL ASYNC  SYNC   DRV",
        "    8 ffff888000001000   sda        ffff888000001001       7     3     4     5",
        "  254 ffff888000001000   vda        ffff888000001001       0     0     0 N/A(MQ)",
    ]


def test_device_dumps() -> None:
    assert lines("-V", [Heading("dumps"), DeviceDumpRow(0, 0x240, 33558464, "cxgb4")]) == [
        "INDEX  OFFSET             SIZE             NAME",
        "  0    0x240              33558464         cxgb4",
    ]
