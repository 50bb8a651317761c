"""Rows: the immutable facts a command yields, before they become text or JSON."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, TypeVar

_R = TypeVar("_R", bound="Row")


@dataclass(frozen=True)
class Row:
    """Base of every row. Subclasses are frozen dataclasses of plain Python values."""


def quick(cls: type[_R]) -> type[_R]:
    """Give a frozen dataclass a constructor that costs a third: for rows by the ten thousand."""
    given = fields(cls)
    space: dict[str, Any] = {"fill": object.__setattr__}
    space |= {f"default_{f.name}": f.default for f in given}
    parts = [f.name if f.default is MISSING else f"{f.name}=default_{f.name}" for f in given]
    filled = ", ".join(f"{f.name!r}: {f.name}" for f in given)
    # As dataclass does it, but the instance gets all its fields at once.
    exec(f"def __init__(self, {', '.join(parts)}):\n fill(self, '__dict__', {{{filled}}})", space)
    cls.__init__ = space["__init__"]  # type: ignore[method-assign]
    return cls


@dataclass(frozen=True)
class Notice(Row):
    """A message that does not end the command.

    The shell prints it as crash's error() does: "bt: text" for INFO,
    "WARNING: text", "NOTE: text", or indented under the command's name for CONT.
    `line` is output whose line was not ended when the message came. `command` names the
    command that speaks where it is not the one that was typed (under foreach).
    """

    text: str
    level: Literal["INFO", "WARNING", "NOTE", "CONT"] = "INFO"
    line: str = ""
    command: str = ""


class Part(str):
    """A piece of a line among what `text` yields: it is printed without a newline."""

    __slots__ = ()
