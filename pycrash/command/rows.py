"""Rows: the immutable facts a command yields, before they become text or JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Row:
    """Base of every row. Subclasses are frozen dataclasses of plain Python values."""


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
