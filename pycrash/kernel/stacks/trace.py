"""Backtraces: what a stack holds, as a list of plain facts in the order crash shows them.

`Unwinder.trace` and its kin return a Trace. How a stack is followed depends on the
architecture: `kernel.arch.unwinder` does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from pycrash.errors import CrashError
from pycrash.kernel.stacks.stacks import Stack

if TYPE_CHECKING:
    from pycrash.kernel.symbols.table import SymbolTable
    from pycrash.kernel.tasks.table import Task


class Frame(NamedTuple):
    """One call on a stack: `pc` lies `offset` bytes into the function `symbol`.

    `sp` is the address of the stack slot that holds pc. `module` is empty for the kernel
    proper. `level` counts from 0, and is None in a list of text addresses that are not
    followed. `unsure` tells that what comes behind may not be a chain of calls.
    """

    level: int | None
    sp: int
    pc: int
    symbol: str
    offset: int
    module: str
    unsure: bool = False


class StackWords(NamedTuple):
    """What a frame holds: the words from `address` up."""

    address: int
    values: tuple[int, ...]


class Registers(NamedTuple):
    """The registers saved at an exception or on entry from user space (struct pt_regs).

    `values` holds every register by name, in the order of display. `user` tells the mode they
    were saved in; `name` and `offset` say where it was in the kernel, and `name` says why not
    where there is no symbol. `address` is where they were saved. `caller` is the function, and
    the bytes into it, that the link register leads to, where there is one. `narrow` tells that
    they are those of a 32-bit program.
    """

    address: int
    values: dict[str, int]
    user: bool
    name: str = ""
    offset: int = 0
    caller: tuple[str, int] | None = None
    narrow: bool = False


class CpuRegisters(NamedTuple):
    """The registers a CPU had as it stopped, from the dump's notes.

    `name` and `offset` say where it was, empty where that is not to be shown; `user` that it was
    in user mode. `indent` stands before the lines.
    """

    values: dict[str, int]
    name: str = ""
    offset: int = 0
    user: bool = False
    indent: str = "    "


class StackSwitch(NamedTuple):
    """The place where the walk goes on from one stack to another; `name` as crash has it."""

    name: str


class TextStart(NamedTuple):
    """Where a search for text addresses begins."""

    name: str
    pc: int


class Remark(NamedTuple):
    """A line of crash's own among the frames."""

    text: str


class Complaint(NamedTuple):
    """A message that does not end the trace."""

    text: str
    level: Literal["INFO", "WARNING"] = "INFO"


Event = Frame | StackWords | Registers | CpuRegisters | StackSwitch | TextStart | Remark | Complaint


@dataclass(frozen=True)
class Trace:
    """The events of one stack. `error` is what stopped the walk early, None if nothing did.

    `idle` tells that the task is an idle thread that stood in the crash NMI's handler.
    """

    events: list[Event]
    error: CrashError | None = None
    idle: bool = False


@dataclass(frozen=True)
class TraceOptions:
    """How a stack is to be followed.

    `pc` and `sp` override where to begin. `text` lists every text address from there on,
    `all_text` those of the whole stack. `old` takes every return address for a call. `full`
    adds the words of each frame.
    """

    pc: int | None = None
    sp: int | None = None
    text: bool = False
    all_text: bool = False
    old: bool = False
    full: bool = False

    @property
    def listing(self) -> bool:
        """Whether text addresses are listed and calls not followed."""
        return self.text or self.all_text


class Unwinder(Protocol):
    """Follows the stacks of one architecture."""

    def trace(self, task: Task, options: TraceOptions) -> Trace:
        """The frames of a task's stack. Raises CrashError where there is no telling at all."""

    def exception_frames(self, task: Task, start: int | None) -> list[Registers]:
        """What looks like saved registers on a task's stack, from `start` up.

        Raises CrashError.
        """

    def special_stacks(self, cpu: int) -> tuple[Stack | None, tuple[Stack, ...]]:
        """A CPU's IRQ stack and its exception stacks. Raises MissingFeature."""

    def exception_frames_in(self, task: Task, stack: Stack) -> list[Registers]:
        """What looks like saved registers on one of the special stacks."""

    def readable(self, address: int) -> bool:
        """Whether a word of memory can be read."""

    def may_start_at(self, task: Task, sp: int) -> bool:
        """Whether an address lies on the task's stack or a special one of its CPU."""


def mentions(symbols: SymbolTable, events: list[Event], symbol: str, value: int | None) -> bool:
    """Whether a trace mentions a function, or an address where `value` is not None.

    A function is mentioned by a call in it and by a register that holds its address.
    """
    return any(
        found == value if value is not None else name == symbol
        for found, name in _references(symbols, events)
    )


def _references(symbols: SymbolTable, events: list[Event]) -> Iterator[tuple[int, str]]:
    """(value, name of the symbol) of each thing a trace mentions."""
    for event in events:
        if isinstance(event, Frame):
            yield event.pc, event.symbol
        elif isinstance(event, Registers):
            if event.name:
                known = symbols.by_name(event.name)
                yield known.address if known else 0, event.name
            for value in event.values.values():
                found = symbols.lookup(value)
                yield value, found[0].name if found and not found[1] else ""
