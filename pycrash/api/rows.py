"""Rows: the immutable facts a command yields, before they become text or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Literal, TypeVar

from pycrash.api.fields import Address, Hidden
from pycrash.errors import ReadError

_R = TypeVar("_R", bound="Row")


@dataclass(frozen=True)
class Row:
    """Base of every row. Subclasses are frozen dataclasses of plain Python values.

    A subclass states its kind: `class Process(Row, kind="ps.task")`. The kind and the fields'
    names, types and units are a contract that scripts live on (see pycrash.api.fields); a row
    holds facts alone, and widths, headings and radix are found by the command's `text`.
    One name stands for one thing in all commands: `pid`, `task` (the task_struct's address),
    `cpu`, `comm`, `address`, `symbol`, `module`, `name`. `refusal` tells that the row says why
    its line did not go well.
    """

    kind: ClassVar[str] = ""
    refusal: ClassVar[bool] = False

    def __init_subclass__(cls, kind: str = "", **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if kind:
            cls.kind = kind


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
class Begin(Row):
    """No fact, and so without a kind: a list begins here, and its heading is due."""


@dataclass(frozen=True)
class Bundle(Row):
    """Many rows in one, for speed, and so without a kind: JSON has its `rows` in its place."""

    def rows(self) -> Iterator[Row]:
        """The rows it stands for."""
        raise NotImplementedError


@dataclass(frozen=True)
class Gap(Row):
    """No fact, and so without a kind: the text has an empty line here."""


@dataclass(frozen=True)
class Text(Row, kind="text"):
    """A line of an answer that is nothing but text: a page of help, a configuration file.

    Where it is not `ended`, no newline follows.
    """

    text: str
    ended: Hidden[bool] = True


@dataclass(frozen=True)
class TaskRow(Row):
    """Base of rows about one task: `task` is the address of its task_struct.

    Of a class that `introduces`, the rows behind one are about its task, up to the next.
    """

    introduces: ClassVar[bool] = False

    pid: int
    task: Address
    cpu: int
    comm: str


@dataclass(frozen=True)
class Notice(Row, kind="notice"):
    """A message that does not end the command.

    The shell prints it as crash's error() does: "bt: text" for INFO,
    "WARNING: text", "NOTE: text", or indented under the command's name for CONT.
    `line` is output whose line was not ended when the message came. `command` names the
    command that speaks where it is not the one that was typed (under foreach). Of a `quiet`
    one crash says nothing, or the command's `text` has said it: only JSON has it. `cause` is
    the failed read that it tells of.
    """

    text: str
    level: Literal["INFO", "WARNING", "NOTE", "CONT"] = "INFO"
    line: str = ""
    command: str = ""
    quiet: bool = False
    cause: ReadError | None = None


class Part(str):
    """A piece of a line among what `text` yields: it is printed without a newline."""

    __slots__ = ()
