"""What stacks hold, as bt shows it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from pycrash.api.args import Args
from pycrash.api.backtracerows import (
    CpuRegistersRow,
    FrameRow,
    OverflowRow,
    RegistersRow,
    SearchRow,
    StartRow,
    SwitchRow,
    WordsRow,
)
from pycrash.api.context import View
from pycrash.api.header import TaskHeader, header_line
from pycrash.api.memoryrows import CODES
from pycrash.api.operands.radix import asked_radix
from pycrash.api.rows import Begin, Gap, Row, Text
from pycrash.kernel.symbols.table import offset_text
from pycrash.render.memory import memory_lines
from pycrash.render.registers import register_lines

#: Columns of an address of a whole stack.
_WIDTH = 16


class BacktraceText:
    """Makes the lines of bt's rows, as the options of one line ask."""

    def __init__(self, view: View, args: Args) -> None:
        self._args = args
        self._size = view.word_size
        self._radix = view.radix
        self._registers = view.registers
        self._offsets = "s" in args
        self._searching = "e" in args or "E" in args
        #: Something was shown, a task's header or a message.
        self._begun = False
        #: What was searched, where nothing has been found there yet; whether something was.
        self._head = ""
        self._found = False

    def lines(self, rows: Iterable[Row]) -> Iterator[str]:
        """The lines, row by row."""
        for row in rows:
            if isinstance(row, FrameRow):
                yield self._frame(row)
                if row.source:
                    yield f"    {row.source}"
            else:
                yield from self._others(row)

    def _frame(self, row: FrameRow) -> str:
        symbol, behind = row.symbol, f" [{row.module}]" if row.module else ""
        if self._offsets:
            symbol += offset_text(row.offset, asked_radix(self._args) or self._radix)
        if row.level is None:
            return f"  [{row.sp:16x}] {symbol} at {row.address:x}{behind}"
        if row.unsure:
            behind += " *"
        return f"{f'#{row.level}':>3} [{row.sp:8x}] {symbol} at {row.address:x}{behind}"

    def _others(self, row: Row) -> Iterator[str]:
        if isinstance(row, RegistersRow):
            yield from self._saved(row)
        elif isinstance(row, TaskHeader):
            if self._begun and "R" not in self._args:
                yield ""
            self._begun, self._found = True, False
            yield header_line(row, self._size)
        elif isinstance(row, WordsRow):
            yield from self._raw(row) if "r" in self._args else self._words(row)
        elif isinstance(row, CpuRegistersRow):
            if row.user:
                yield self._exception("user space", 0)
            elif row.symbol is not None:
                yield self._exception(row.symbol, row.offset)
            for line in register_lines(row.registers, self._registers.rows):
                yield row.indent + line.removeprefix("    ")
        elif isinstance(row, SwitchRow):
            yield f"--- <{row.stack}> ---"
        elif isinstance(row, StartRow):
            yield f"{'':14}START: {row.symbol or '(null)'} at {row.address:x}"
        elif isinstance(row, SearchRow):
            self._head, self._found = f"CPU {row.cpu} {row.stack.upper()}:", False
            if not row.online:
                yield f"{self._head} [OFFLINE]"
                self._head = ""
        elif isinstance(row, OverflowRow):
            yield f"  possible stack overflow: {row.problem}"
        elif isinstance(row, Text):
            yield row.text
        elif isinstance(row, Begin):
            self._begun = True
        elif isinstance(row, Gap):
            yield from self._end()

    def _end(self) -> Iterator[str]:
        """The end of what was shown of a stack."""
        if self._head and self._registers.found_indent:
            yield self._head
            yield "(none found)"
        elif self._head:
            yield f"{self._head}(none found)"
        self._head = ""
        yield ""

    def _saved(self, row: RegistersRow) -> Iterator[str]:
        registers = self._registers
        if self._searching:
            yield from self._found_lines(row)
        rows = registers.narrow_rows if row.narrow else registers.rows
        if row.mode == "kernel" and registers.located:
            places = ((row.symbol or "", row.offset), row.caller or ("", 0))
            for name, (symbol, offset) in zip(registers.located, places, strict=True):
                where = f"{symbol}{offset_text(offset, self._radix)}"
                yield f"{name:>7}: {row.registers[name]:016x}  [{where}]"
            rows = registers.kernel_rows
        elif row.mode == "kernel":
            yield self._exception(row.symbol or "", row.offset)
        yield from register_lines(row.registers, rows, " " if row.narrow else "  ")
        if row.source:
            yield f"    {row.source}"

    def _found_lines(self, row: RegistersRow) -> Iterator[str]:
        """What stands above registers that were looked for."""
        indent = self._registers.found_indent
        if self._head:
            yield self._head
            self._head = ""
        if indent or self._found or row.mode == "kernel":
            yield ""
        self._found = True
        yield f"{indent}{row.mode.upper()}-MODE EXCEPTION FRAME AT: {row.address:x}"

    def _exception(self, symbol: str, offset: int) -> str:
        where = f"{symbol}{offset_text(offset, self._radix)}"
        return f"    [exception {self._registers.pc}: {where}]"

    def _words(self, row: WordsRow) -> Iterator[str]:
        size, address = self._size, row.address
        data = struct.pack(f">{len(row.values)}{CODES[size]}", *row.values)
        texts = data.hex(" ", size).split(" ")
        if row.places or row.caches:
            names = self._names(row)
            texts = [names.get(v, text) for v, text in zip(row.values, texts, strict=True)]
        for at in range(0, len(texts) - 1, 2):
            yield f"    {address + at * size:x}: {texts[at]} {texts[at + 1]} "
        if len(texts) % 2:
            yield f"    {address + (len(texts) - 1) * size:x}: {texts[-1]} "

    def _names(self, row: WordsRow) -> dict[int, str]:
        """What is shown in place of words."""
        twice = self._args.count("F") > 1
        names = {value: self._place(row, value) for value in row.places}
        for value, cache in row.caches.items():
            names[value] = f"[{value:x}:{cache}]" if twice else f"[{cache}]"
        return {value: f"{name:<16}" for value, name in names.items()}

    def _raw(self, row: WordsRow) -> Iterator[str]:
        places = {value: self._place(row, value) for value in row.places}
        names = [places.get(value, "") for value in row.values]
        return memory_lines(row.address, _WIDTH, row.values, names, self._size, "hex", None)

    def _place(self, row: WordsRow, value: int) -> str:
        symbol, offset = row.places[value]
        return symbol + offset_text(offset, self._radix)
