"""Rows that show symbols, and what commands say of a word that is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.command.rows import Row

if TYPE_CHECKING:
    from pycrash.kernel import Kernel


@dataclass(frozen=True)
class SymbolRow(Row):
    """One symbol: `letter` is nm's letter, `offset` the bytes from it to what was asked for.

    `module` is empty where it is not to be shown; `source` is "FILE: LINE", None for what is
    no instruction; `section` is None unless asked for.
    """

    address: int
    letter: str
    name: str
    offset: int = 0
    module: str = ""
    source: str | None = None
    section: str | None = None


@dataclass(frozen=True)
class UnknownSymbolRow(Row):
    """A word that names no symbol, and the symbols whose names contain it."""

    word: str
    alternatives: tuple[SymbolRow, ...]


def unknown_symbol(kernel: Kernel, word: str) -> UnknownSymbolRow:
    """The row for a word that names no symbol."""
    return UnknownSymbolRow(word, tuple(symbols_with(kernel, word)))


def symbols_with(kernel: Kernel, text: str) -> Iterator[SymbolRow]:
    """A row for every symbol whose name contains a text."""
    for symbol in kernel.symbols.containing(text):
        yield SymbolRow(symbol.address, symbol.letter, symbol.name, module=symbol.module)


def symbol_line(row: SymbolRow, radix: int) -> str:
    """The line of a symbol as crash prints it; the offset is signed."""
    name = row.name
    offset = (row.offset + (1 << 63)) % (1 << 64) - (1 << 63)
    behind = f"+0x{row.offset:x}" if radix == 16 else f"+{offset}"
    behind = behind if offset else ""
    if name.startswith("_MODULE_START_"):
        name = name.removeprefix("_MODULE_START_")
        return f"{row.address:x} ({row.letter}) ({name} module){behind}"
    line = f"{row.address + row.offset:x} ({row.letter}) {name}{behind}"
    if row.module:
        line += f" [{row.module}]"
    if row.source is not None:
        line += f" {row.source}"
    if row.section is not None:
        line += f" [{row.section}]"
    return line


def unknown_symbol_lines(row: UnknownSymbolRow, radix: int) -> Iterator[str]:
    """The lines that say a word names no symbol."""
    yield f"symbol not found: {row.word}"
    yield "possible alternatives:"
    for alternative in row.alternatives:
        yield "  " + symbol_line(alternative, radix)
    if not row.alternatives:
        yield "  (none found)"
