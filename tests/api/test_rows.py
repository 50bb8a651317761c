"""Rows with a quick constructor are what dataclasses make of them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, asdict, dataclass, replace

import pytest

from pycrash.api import Row, quick


@quick
@dataclass(frozen=True)
class Quick(Row):
    one: int
    two: str = "two"


@dataclass(frozen=True)
class Plain(Row):
    one: int
    two: str = "two"


def test_fields_defaults_and_names() -> None:
    assert asdict(Quick(1)) == asdict(Plain(1)) == {"one": 1, "two": "two"}
    assert Quick(two="x", one=5) == Quick(5, "x")
    assert Quick(1) != Quick(2)
    assert repr(Quick(1)) == "Quick(one=1, two='two')"
    assert hash(Quick(1)) == hash(Quick(1))
    assert replace(Quick(1), two="y") == Quick(1, "y")


def test_rows_stay_as_they_are() -> None:
    row = Quick(1)
    with pytest.raises(FrozenInstanceError):
        row.one = 2  # type: ignore[misc]


def test_what_is_missing_or_too_much_is_refused() -> None:
    with pytest.raises(TypeError):
        Quick()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Quick(1, "2", 3)  # type: ignore[call-arg]
