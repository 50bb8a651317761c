"""What a stack holds, as bt shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pycrash.kernel.core.architecture import RegisterSet
from pycrash.kernel.stacks.trace import (
    CpuRegisters,
    Event,
    Frame,
    Registers,
    Remark,
    StackSwitch,
    StackWords,
    TextStart,
)
from pycrash.kernel.symbols.table import offset_text
from pycrash.render.registers import register_lines


def event_lines(
    events: Iterable[Event], radix: int, word_size: int, registers: RegisterSet
) -> Iterator[str]:
    """The lines of what a stack held, as bt shows them."""
    searched = False
    for event in events:
        if isinstance(event, Frame):
            level, sp, pc, symbol, _, module, unsure, shown, source = event
            behind = f" [{module}]" if module else ""
            if level is None:
                yield f"  [{sp:16x}] {shown or symbol} at {pc:x}{behind}"
                continue
            if unsure:
                behind += " *"
            number = f"#{level}"
            yield f"{number:>3} [{sp:8x}] {shown or symbol} at {pc:x}{behind}"
            if source:
                yield f"    {source}"
        elif isinstance(event, Registers):
            if event.found:
                yield from _found_lines(event, registers.found_indent, searched)
                searched = True
            yield from _registers_lines(event, radix, registers)
        elif isinstance(event, StackWords):
            yield from _words_lines(event, word_size)
        elif isinstance(event, CpuRegisters):
            if event.name:
                where = f"{event.name}{offset_text(event.offset, radix)}"
                yield f"    [exception {registers.pc}: {where}]"
            yield from register_lines(event.values, registers.rows)
        elif isinstance(event, StackSwitch):
            yield f"--- <{event.name}> ---"
        elif isinstance(event, TextStart):
            yield f"{'':14}START: {event.name} at {event.pc:x}"
        elif isinstance(event, Remark):
            yield event.text


def _words_lines(event: StackWords, size: int) -> Iterator[str]:
    texts = event.texts or [f"{value:0{2 * size}x}" for value in event.values]
    for at in range(0, len(texts), 2):
        pair = "".join(f"{text} " for text in texts[at : at + 2])
        yield f"    {event.address + at * size:x}: {pair}"


def _found_lines(event: Registers, indent: str, searched: bool) -> Iterator[str]:
    """What stands above registers that were looked for."""
    if indent or searched or not event.user:
        yield ""
    mode = "USER" if event.user else "KERNEL"
    yield f"{indent}{mode}-MODE EXCEPTION FRAME AT: {event.address:x}"


def _registers_lines(event: Registers, radix: int, registers: RegisterSet) -> Iterator[str]:
    rows = registers.narrow_rows if event.narrow else registers.rows
    if not event.user and registers.located:
        places = ((event.name, event.offset), event.caller or ("", 0))
        for name, (symbol, offset) in zip(registers.located, places, strict=True):
            where = f"{symbol}{offset_text(offset, radix)}"
            yield f"{name:>7}: {event.values[name]:016x}  [{where}]"
        rows = registers.kernel_rows
    elif not event.user:
        where = f"{event.name}{offset_text(event.offset, radix)}"
        yield f"    [exception {registers.pc}: {where}]"
    yield from register_lines(event.values, rows, " " if event.narrow else "  ")
    if event.source:
        yield f"    {event.source}"
