"""Inner members looked up in a printed structure."""

from __future__ import annotations

import pytest

from pycrash.cexpr.structures.innermembers import MemberNotFound, extended_member

SE = [
    "  se = {",
    "    load = {",
    "      weight = 1,",
    "      inv_weight = 2",
    "    },",
    "    on_rq = 0 '\\000',",
    "    {",
    "      inside = 5",
    "    },",
    "    names = {0x1, 0x2}",
    "  },",
]

LINKS = [
    "  links = {{",
    "      next = 0x0,",
    "      prev = 0x1",
    "    }, {",
    "      next = 0x2,",
    "      prev = 0x3",
    "    }}",
]


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("se.load.weight", ["  se.load.weight = 1,"]),
        ("se.load.inv_weight", ["  se.load.inv_weight = 2"]),
        ("se.on_rq", ["  se.on_rq = 0 '\\000',"]),
        ("se.inside", ["  se.inside = 5"]),
        ("se.names", ["  se.names = {0x1, 0x2}"]),
        ("se.load", ["  se.load = {", "    weight = 1,", "    inv_weight = 2", "  },"]),
    ],
)
def test_members_of_a_structure(path: str, lines: list[str]) -> None:
    assert list(extended_member("task_struct", SE, path)) == lines


def test_elements_of_an_array() -> None:
    first = list(extended_member("x", LINKS, "links[0]"))
    assert first == ["  links[0] =   {", "    next = 0x0,", "    prev = 0x1", "  },"]
    assert list(extended_member("x", LINKS, "links[1].next")) == ["  links[1].next = 0x2,"]
    assert list(extended_member("x", LINKS, "links[1].prev")) == ["  links[1].prev = 0x3"]


@pytest.mark.parametrize("path", ["links[2]", "links.next", "links[1].no", "links[x]", "no.no"])
def test_paths_that_lead_nowhere(path: str) -> None:
    with pytest.raises(MemberNotFound, match="invalid data structure member reference"):
        list(extended_member("x", LINKS, path))


def test_an_array_of_structures_inside() -> None:
    lines = ["  a = {", "    b = {{", "        c = 1", "      }, {", "        c = 2", "      }}"]
    assert list(extended_member("x", [*lines, "  },"], "a.b")) == [
        "  a.b = {",
        "    {",
        "      c = 1",
        "    },",
        "    {",
        "      c = 2",
        "    }",
        "  }",
    ]
