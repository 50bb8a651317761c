"""What stacks hold, as the rows that bt yields."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pycrash.api.fields import Address, Bits, Bytes, Hidden
from pycrash.api.rows import Notice, Row, Text, quick
from pycrash.kernel.stacks.trace import (
    Complaint,
    CpuRegisters,
    Event,
    Frame,
    Registers,
    Remark,
    StackSwitch,
    StackWords,
    TextStart,
)

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


class Place(NamedTuple):
    """An address by its symbol and the bytes behind that."""

    symbol: str
    offset: Bytes


@quick
@dataclass(frozen=True)
class FrameRow(Row, kind="bt.frame"):
    """One call on a stack: `sp` is the address of the slot that holds `address`, which lies
    `offset` bytes into the function `symbol`.

    `level` counts from 0, and is None in a list of text addresses that are not followed.
    `module` is None for the kernel proper. `unsure` tells that what comes behind may not be a
    chain of calls. `source` is "FILE: LINE", empty where that is not known, None unless asked
    for.
    """

    level: int | None
    sp: Address
    address: Address
    symbol: str
    offset: Bytes
    module: str | None
    unsure: bool
    source: str | None


@quick
@dataclass(frozen=True)
class RegistersRow(Row, kind="bt.registers"):
    """The registers saved at an exception or on entry from user space (struct pt_regs), by name.

    In kernel mode the program counter lies `offset` bytes into `symbol`, which says why not
    where there is none, and the link register, where there is one, leads to `caller`. `narrow`
    tells that they are those of a 32-bit program. `source` is as in bt.frame.
    """

    address: Address
    mode: Literal["user", "kernel"]
    registers: Mapping[str, Bits]
    symbol: str | None
    offset: Bytes
    caller: Place | None
    narrow: bool
    source: str | None


@dataclass(frozen=True)
class CpuRegistersRow(Row, kind="bt.cpu_registers"):
    """The registers a CPU had as it stopped, by name, whether that was in user mode, and where in
    the kernel's code it was else, if that is known."""

    registers: Mapping[str, Bits]
    symbol: str | None
    offset: Bytes
    user: bool = False
    indent: Hidden[str] = "    "


@quick
@dataclass(frozen=True)
class WordsRow(Row, kind="bt.words"):
    """The words of a stack from `address` up, and of those asked for that are addresses, the
    place in the kernel, or else the slab cache they lead to."""

    address: Address
    values: tuple[Bits, ...]
    places: Mapping[Bits, Place]
    caches: Mapping[Bits, str]


@dataclass(frozen=True)
class SwitchRow(Row, kind="bt.switch"):
    """This stack was entered from the one that follows."""

    stack: str


@dataclass(frozen=True)
class StartRow(Row, kind="bt.start"):
    """Where a search for text addresses begins; None where no symbol is near."""

    address: Address
    symbol: str | None


@dataclass(frozen=True)
class SearchRow(Row, kind="bt.search"):
    """The saved registers that follow were found on a stack of a CPU; of one that is not
    `online` it was not searched."""

    cpu: int
    stack: str
    online: bool


@dataclass(frozen=True)
class OverflowRow(Row, kind="bt.overflow"):
    """A sign that a task's stack has run over its end."""

    problem: str


ROWS = (
    FrameRow,
    RegistersRow,
    CpuRegistersRow,
    WordsRow,
    SwitchRow,
    StartRow,
    SearchRow,
    OverflowRow,
)


class EventRows:
    """Makes rows of what a stack holds.

    `sources` adds file and line, `places` where an address lies when that is to be shown (a
    module's memory has places without a symbol), `names` what words lead to.
    """

    def __init__(self, kernel: Kernel, sources: bool, places: bool, names: bool) -> None:
        self._kernel = kernel
        self._sources, self._places, self._names = sources, places, names
        self._plain = not (sources or places)

    def of(self, events: Iterable[Event]) -> Iterator[Row]:
        """The rows of a stack, in its order. Raises ReadError."""
        plain = self._plain
        for event in events:
            if plain and type(event) is Frame:
                level, sp, pc, symbol, offset, module, unsure = event
                yield FrameRow(level, sp, pc, symbol, offset, module or None, unsure, None)
            else:
                yield _MAKERS[type(event)](self, event)

    def raw(self, address: int, data: bytes) -> WordsRow:
        """The words of a whole stack."""
        values = struct.unpack(self._kernel.struct_format(f"{len(data) // self._size}P"), data)
        places = {}
        for value in values:
            if value and value not in places and (place := self._place(value)) is not None:
                places[value] = place
        return WordsRow(address, values, places, {})

    @property
    def _size(self) -> int:
        return self._kernel.word_size

    def _frame(self, event: Frame) -> Row:
        level, sp, pc, symbol, offset, module, unsure = event
        if offset and self._places:
            symbol, offset = self._kernel.symbols.place(pc) or (symbol, offset)
        source = None if level is None else self._source(pc)
        return FrameRow(level, sp, pc, symbol, offset, module or None, unsure, source)

    def _registers(self, event: Registers) -> Row:
        source = None
        if event.name and not event.user:
            source = self._source(event.values.get(self._kernel.arch.registers.pc, 0))
        return RegistersRow(
            event.address,
            "user" if event.user else "kernel",
            event.values,
            None if event.user else event.name,
            event.offset,
            None if event.caller is None else Place(*event.caller),
            event.narrow,
            source,
        )

    def _words(self, event: StackWords) -> Row:
        places: dict[int, Place] = {}
        caches: dict[int, str] = {}
        for value in dict.fromkeys(event.values) if self._names else ():
            if not self._kernel.unwinder.readable(value):
                continue
            place = self._place(value)
            if place is not None:
                places[value] = place
            elif cache := self._kernel.slab.cache_of(value):
                caches[value] = cache
        return WordsRow(event.address, event.values, places, caches)

    def _place(self, value: int) -> Place | None:
        symbols = self._kernel.symbols
        found = symbols.place(value) if symbols.in_range(value) else None
        return None if found is None else Place(*found)

    def _source(self, pc: int) -> str | None:
        return self._kernel.sources.at(pc) if self._sources else None


_MAKERS: dict[type, Callable[[EventRows, Any], Row]] = {
    Frame: EventRows._frame,
    Registers: EventRows._registers,
    StackWords: EventRows._words,
    CpuRegisters: lambda _, event: CpuRegistersRow(
        event.values, event.name or None, event.offset, event.user, event.indent
    ),
    StackSwitch: lambda _, event: SwitchRow(event.name),
    TextStart: lambda _, event: StartRow(event.pc, event.name or None),
    Remark: lambda _, event: Text(event.text),
    Complaint: lambda _, event: Notice(event.text, event.level),
}
