from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum

from pycrash.api import Address, Notice, Row, TaskHeader
from pycrash.render.json import json_lines


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    x: int


@dataclass(frozen=True)
class Outer(Row, kind="outer"):
    address: Address
    name: str | None
    raw: bytes
    parts: tuple[Inner, ...]
    names: frozenset[str]
    by_cpu: dict[int, float]
    colour: Colour


def test_every_kind_of_value() -> None:
    row = Outer(2**64 - 1, None, b"\x00\xff", (Inner(1),), frozenset("a"), {0: 0.5}, Colour.RED)
    (line,) = json_lines("x", [row])
    assert "\n" not in line
    assert json.loads(line) == {
        "kind": "outer",
        "address": "0xffffffffffffffff",
        "name": None,
        "raw": "00ff",
        "parts": [{"x": 1}],
        "names": ["a"],
        "by_cpu": {"0": 0.5},
        "colour": "red",
    }


def test_undecodable_text_stays_json() -> None:
    (line,) = json_lines("x", [Outer(0, "\udcff", b"", (), frozenset(), {}, Colour.RED)])
    assert line.isascii()


def test_a_notice_under_foreach_names_the_task() -> None:
    header = TaskHeader(1, 0x1000, 0, "init")
    rows = [Notice("first", command="bt"), header, Notice("own"), Notice("its", command="bt")]
    first, _, own, its = (json.loads(line) for line in json_lines("foreach", rows))
    assert "of" not in first
    assert "of" not in own
    assert its["of"] == {"pid": 1, "task": "0x1000", "cpu": 0, "comm": "init"}
    assert its["command"] == "bt"
