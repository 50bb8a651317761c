"""net: which words count, and how its rows become lines."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.net import Net
from pycrash.api import Context, CrashError, Row, Settings, View
from pycrash.kernel.net.devices import Devices
from pycrash.render.netrows import DeviceRow, NeighbourRow, SocketRow, neighbour_states
from tests.kernel.fake_kernel import FakeKernel

_TASK = (7, 0xFF36376B900620C0, 1, "server")
_PLACES = (3, 0xFF36376B81468340, 0xFF36376B8256EC00)
_BEGUN = " 3 ff36376b81468340 ff36376b8256ec00 "
_HEADING = "FD      SOCKET            SOCK       FAMILY:TYPE SOURCE-PORT DESTINATION-PORT"


def _text(rows: Iterable[Row]) -> list[str]:
    net = Net()
    return list(net.text(View(Settings()), net.parse(["-s"]), rows))


def _socket(family: str, kind: str, source: str | None = None, to: str | None = None) -> SocketRow:
    near, far = (80, 9) if source else (None, None)
    begun = (*_TASK, *_PLACES, family, kind, 0, "LISTEN", None)
    return SocketRow(*begun, source, near, to, far, 0, 0, 0, 0, None, None)


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (_socket("INET", "DGRAM", "1.2.3.4", "0.0.0.0"), "INET:DGRAM   1.2.3.4-80 0.0.0.0-9"),
        (
            _socket("INET6", "STREAM", "fe80::12", "::1"),
            "INET6:STREAM fe80:0:0:0:0:0:0:12-80   0:0:0:0:0:0:0:1-9   ",
        ),
        (_socket("INET6", "RAW"), "INET6:RAW (cannot get IPv6 addresses)"),
        (_socket("NETLINK", "RAW"), "NETLINK/ROUTE:RAW "),
        (_socket("40", "7"), "40:7 "),
    ],
)
def test_a_socket(row: SocketRow, line: str) -> None:
    assert _text([row, row]) == [_HEADING, _BEGUN + line, _BEGUN + line]


def test_devices_and_neighbours() -> None:
    device = DeviceRow(0xFF36376B81394000, "lo", 1, 772, 9, 65536, ("127.0.0.1", "::1"))
    assert _text([device]) == ["ff36376b81394000  lo         127.0.0.1, ::1"]
    ether = NeighbourRow(0xFF36, "10.0.2.2", "ETHER", b"\x52\x55", "eth0", neighbour_states(0x82))
    other = NeighbourRow(0xFF36, "0.0.0.0", "UNKNOWN", b"\0\0", "lo", neighbour_states(0))
    assert _text([ether, other]) == [
        "ff36             10.0.2.2        ETHER      52:55  eth0    REACHABLE|PERMANENT",
        "ff36             0.0.0.0         UNKNOWN    00 00  lo      ",
    ]


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("-n", [None]),
        ("-n 5 6", ["5"]),
        ("5 -n", [None]),
        ("-n -s", ["-s"]),
        ("-na 1", ["-na"]),
        ("-nn 1", ["-nn", "1"]),
        ("-an 1", ["1"]),
        ("-R -n -n 3", ["3"]),
        ("-n -n", ["-n", None]),
    ],
)
def test_the_word_behind_n(line: str, given: list[str | None]) -> None:
    args = Net().parse(line.split())
    assert [value for letter, value in args.given if letter == "n"] == given


@pytest.mark.parametrize(
    ("line", "said", "words"),
    [
        ("-s", [], ["-s"]),
        ("-S -x -R 5", [], ["-S", "-x", "-R", "5"]),
        ("-s -d", [], ["-s"]),
        ("-s -S -x -d", ["net -s and -S options are mutually exclusive!"], ["-s"]),
        ("", ["net command requires -s or -S option\n"], ["-s"]),
    ],
)
def test_what_foreach_hands_on(line: str, said: list[str], words: list[str]) -> None:
    net = Net()
    args = net.parse(line.split())
    assert [notice.text for notice in net.check_each(args, ())] == said
    assert net.task_words(args, ()) == words


def test_the_devices_where_no_task_can_be_found() -> None:
    fake = FakeKernel()
    fake.symbol("init_task", 0xFFFF888000000000, 8)
    fake.kernel.__dict__["tasks"] = SimpleNamespace(all=[], by_pid=lambda pid: [])
    asked: list[int] = []
    devices = SimpleNamespace(namespace=asked.append, all=lambda namespace: iter(()))
    fake.give(Devices, devices)
    context = Context(fake.kernel, Settings(), cast(Any, None), cast(Any, None))
    assert [type(row).__name__ for row in Net().run(context, Net().parse([]))] == ["_Devices"]
    assert asked == [0xFFFF888000000000]


def test_foreach_refuses_two_radices() -> None:
    net = Net()
    with pytest.raises(CrashError, match="net: -x and -d options are mutually exclusive"):
        list(net.check_each(net.parse(["-S", "-xd"]), ()))
