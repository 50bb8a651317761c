"""Instructions as rows, and the lines crash and gdb show of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pycrash.api.fields import Address, Bytes, Hidden
from pycrash.api.rows import Notice, Row, quick
from pycrash.cexpr.printing.addressnames import AddressNames
from pycrash.errors import ReadError
from pycrash.kernel.symbols.table import offset_text
from pycrash.kernel.text.disasm.listing import READING, CodeError

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel
    from pycrash.kernel.text.disasm.instruction import Instruction

#: Names an address: a symbol and the bytes behind it, or None.
Namer = Callable[[int], "tuple[str, int] | None"]

#: What gdb reads of code at a time, a multiple of which is where it begins.
LINE = 64
#: The place that the compiler leaves for the function tracer, as it is shown.
TRACER_ROOM = "nopl   0x0(%rax,%rax,1)"


@quick
@dataclass(frozen=True)
class InstructionRow(Row, kind="instruction"):
    """One instruction: its `bytes` in hexadecimal as they lie in memory.

    It lies `offset` bytes behind `symbol`, which is None where there is none. `target` is the
    address that a branch goes to or that data has, `target_offset` bytes behind
    `target_symbol`. `source` is "FILE: LINE" where it was asked for, and may be empty.
    """

    address: Address
    symbol: str | None
    offset: Bytes
    bytes: str
    instruction: str
    target: Address | None
    target_symbol: str | None
    target_offset: Bytes
    source: str | None = None
    plain: Hidden[bool] = False


@dataclass(frozen=True)
class CutRow(Row):
    """For the text alone, and so without a kind: where an instruction cannot be read."""

    address: int
    symbol: str | None
    offset: int
    plain: bool


class InstructionNames:
    """Makes rows of instructions: with crash's names, or where they are `plain` with gdb's."""

    def __init__(self, kernel: Kernel, plain: bool) -> None:
        self._gdb: Namer = partial(kernel.part(AddressNames).place, decoded=False)
        self._crash: Namer = kernel.symbols.place
        self._name = self._gdb if plain else self._crash
        self._plain = plain

    def row(self, found: Instruction, source: str | None = None) -> InstructionRow:
        """The row of an instruction."""
        symbol, offset = self._name(found.address) or (None, 0)
        target_symbol, target_offset = self._target(found) or (None, 0)
        return InstructionRow(
            found.address,
            symbol,
            offset,
            found.data.hex(),
            found.text,
            found.target,
            target_symbol,
            target_offset,
            source,
            self._plain,
        )

    def cut(self, address: int) -> CutRow:
        """What stands where an instruction cannot be read."""
        symbol, offset = self._name(address) or (None, 0)
        return CutRow(address, symbol, offset, self._plain)

    def _target(self, found: Instruction) -> tuple[str, int] | None:
        """crash replaces a name that gdb gave, and adds one where there is none to jumps alone."""
        if found.target is None:
            return None
        named = self._gdb(found.target)
        if self._plain:
            return named
        jumps = found.text.split()[-2].startswith("j")
        return self._crash(found.target) if named or jumps else None


def instruction_line(row: InstructionRow, radix: int) -> str:
    """The line of an instruction."""
    text = head(row, radix) + row.instruction
    shown = 10 if row.plain else radix
    if row.target_symbol is not None:
        text += f" <{row.target_symbol}{offset_text(row.target_offset, shown)}>"
    if not row.plain and not row.offset and row.symbol and row.instruction == TRACER_ROOM:
        text += " [FTRACE NOP]"
    return text


def head(row: InstructionRow | CutRow, radix: int) -> str:
    """What stands before an instruction."""
    if not row.plain:
        return f"0x{row.address:x} <{row.symbol or ''}{offset_text(row.offset, radix)}>:\t"
    name = f" <{row.symbol}{offset_text(row.offset, 10)}>" if row.symbol is not None else ""
    return f"   0x{row.address:x}{name}:\t"


def unreadable(error: CodeError) -> Iterator[Notice]:
    """The messages of reads that failed: of the line gdb would have kept, then of the address.

    Where page tables could not be read, crash says it once.
    """
    causes: list[ReadError] = [error]
    if error.what == READING:
        for address in (error.address & ~(LINE - 1), error.address):
            causes.append(ReadError(address, error.what, error.reason, error.space))
        causes = causes[1:] * error.times
    for cause in causes:
        yield Notice(str(cause), quiet=cause.quiet, cause=cause)
