"""The schema of `--json`: of commands made for this, and that it is the committed one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from jsonschema import Draft202012Validator

from pycrash.api import (
    Address,
    Args,
    Bytes,
    Command,
    Context,
    CrashError,
    Hidden,
    Notice,
    ReadError,
    Row,
    TaskHeader,
    TaskRow,
    UsageError,
    View,
)
from pycrash.api.registry import Registry
from pycrash.api.schema import description, kinds, schema
from pycrash.render.json import error_line, json_lines
from tests import contract


@dataclass(frozen=True)
class Leaf(Row, kind="tree.leaf"):
    """A leaf: `colour` is None in winter.

    What it is for stands here, and not in the schema.
    """

    address: Address
    size: Bytes
    colour: str | None
    width: Hidden[int] = 0


@dataclass(frozen=True)
class Bark(Row, kind="tree.leaf"):
    """Something else under the same name."""


@dataclass(frozen=True)
class Bare(TaskRow, kind="tree.bare"):
    pass


class Oak(Command):
    name = "oak"
    summary = ""
    synopsis = ""
    rows: ClassVar[Sequence[type[Row]]] = (Leaf, TaskHeader, Bare)

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        return iter(())

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return iter(())


OAK = schema([Oak()])
ROWS = (Leaf(1, 2, None, 3), TaskHeader(1, 2, 0, "init"), Bare(1, 2, 0, "init"), Leaf(1, 2, "red"))


def valid(line: str) -> bool:
    return Draft202012Validator(OAK).is_valid(json.loads(line))


def test_it_is_a_schema_of_every_line() -> None:
    Draft202012Validator.check_schema(OAK)
    lines = [*json_lines("oak", [*ROWS, Notice("slow", "WARNING")])]
    assert len(lines) == 5
    assert all(valid(line) for line in lines)


@pytest.mark.parametrize(
    "error", [UsageError(), CrashError("no"), ReadError(1, "leaf", "page excluded"), Exception("?")]
)
def test_errors_are_lines_of_it_too(error: Exception) -> None:
    assert valid(error_line("oak", error))


@pytest.mark.parametrize(
    "change", [{"kind": "tree.bark"}, {"address": 1}, {"size": None}, {"width": 3}, {"of": {}}]
)
def test_anything_else_is_none(change: dict[str, Any]) -> None:
    (line,) = json_lines("oak", [ROWS[0]])
    assert valid(line)
    assert not valid(json.dumps(json.loads(line) | change))


def test_a_kind_has_its_fields_units_and_words() -> None:
    leaf = OAK["$defs"]["tree.leaf"]
    assert leaf["description"] == "A leaf: `colour` is null in winter."
    assert leaf["properties"]["size"] == {"type": "integer", "description": "bytes"}
    assert leaf["required"] == ["kind", "address", "size", "colour"]
    assert OAK["x-commands"] == {"oak": ["tree.leaf", "task", "tree.bare"]}
    assert "of" not in OAK["$defs"]["task"]["properties"]


def test_a_kind_is_one_class() -> None:
    with pytest.raises(ValueError, match="Bark"):
        kinds([Oak(), type("Ash", (Oak,), {"name": "ash", "rows": (Bark,)})()])


def test_only_words_of_our_own_count() -> None:
    assert description(Bare) == ""


# The built-in commands.


@pytest.mark.parametrize("command", [*Registry()], ids=lambda command: str(command.name))
def test_every_row_states_its_kind_and_says_what_it_is(command: Command) -> None:
    assert [cls.__name__ for cls in command.rows if not cls.kind] == []
    assert [cls.__name__ for cls in command.rows if not description(cls)] == []


def test_what_is_committed_is_what_is_declared() -> None:
    """Where a change is meant, `python3 -m tests.contract` writes both files."""
    made = contract.contract()
    assert contract.SCHEMA.read_text() == contract.schema_text(made)
    assert contract.PAGE.read_text() == contract.page(made, Registry())


def test_every_kind_has_its_place_on_the_page() -> None:
    page = contract.PAGE.read_text()
    assert [kind for kind in kinds(Registry()) if f"\n### {kind}\n" not in page] == []


@dataclass(frozen=True)
class Part(Row, kind="tree.part"):
    """How much of a tree is in leaf."""

    share: float | None


def test_a_whole_number_is_a_share_too() -> None:
    assert json.loads(next(json_lines("oak", [Part(50)])))["share"] == 50
