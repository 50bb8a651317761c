"""Rows that show symbols, and what commands say of a word that is none."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.api.fields import Address, Bytes, Hidden
from pycrash.api.rows import Row, quick
from pycrash.errors import CrashError
from pycrash.kernel.symbols.table import Symbol, offset_text

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


#: How many symbols `symbol_columns` joins at a time.
BLOCK = 8192


@quick
@dataclass(frozen=True)
class SymbolRow(Row, kind="symbol"):
    """An address, and the symbol it lies `offset` bytes behind: `letter` is nm's for it.

    `module` is None for the kernel proper. `source` is "FILE: LINE", empty where that is not
    known, None for what is no instruction or where it was not asked for; `section` is None
    unless asked for. `listed` tells that it stands in a list of all symbols of its module.
    """

    address: Address
    symbol: str
    letter: str
    module: str | None = None
    offset: Bytes = 0
    source: str | None = None
    section: str | None = None
    listed: Hidden[bool] = False


@dataclass(frozen=True)
class UnknownSymbolRow(Row, kind="symbol.unknown"):
    """A word that names no symbol, and the symbols whose names contain it."""

    refusal = True

    symbol: str
    alternatives: tuple[SymbolRow, ...]


def unknown_symbol(kernel: Kernel, word: str) -> UnknownSymbolRow:
    """The row for a word that names no symbol."""
    return UnknownSymbolRow(word, tuple(symbols_with(kernel, word)))


@dataclass(frozen=True)
class RefusedRow(Row):
    """For the text alone, and so without a kind: the word that ends the command."""

    unknown: UnknownSymbolRow


class UnknownSymbol(CrashError):
    """A word names no symbol; the text has said so."""

    def __init__(self, word: str) -> None:
        super().__init__(f"symbol not found: {word}")

    @property
    def quiet(self) -> bool:
        return True


def refuse_symbol(kernel: Kernel, word: str) -> Iterator[Row]:
    """End a command because of a word that names no symbol. Raises UnknownSymbol."""
    yield RefusedRow(unknown_symbol(kernel, word))
    raise UnknownSymbol(word)


def symbols_with(kernel: Kernel, text: str) -> Iterator[SymbolRow]:
    """A row for every symbol whose name contains a text."""
    for symbol in kernel.symbols.containing(text):
        yield SymbolRow(symbol.address, symbol.name, symbol.letter, symbol.module or None)


def symbol_row(
    kernel: Kernel, symbol: Symbol, offset: int = 0, with_section: bool = False
) -> SymbolRow:
    """A symbol, or an address behind it, with the section or else the source line it is of."""
    address = symbol.address + offset
    source = section = None
    if with_section:
        section = kernel.symbols.section(address)
    elif kernel.symbols.is_text(address):
        source = kernel.sources.at(address)
    return SymbolRow(
        address, symbol.name, symbol.letter, symbol.module or None, offset, source, section
    )


def symbol_line(row: SymbolRow, radix: int) -> str:
    """The line of a symbol as crash prints it."""
    name, behind = row.symbol, offset_text(row.offset, radix)
    if name.startswith("_MODULE_START_"):
        name = name.removeprefix("_MODULE_START_")
        return f"{row.address - row.offset:x} ({row.letter}) ({name} module){behind}"
    line = f"{row.address:x} ({row.letter}) {name}{behind}"
    if row.module and not row.listed:
        line += f" [{row.module}]"
    if row.source is not None:
        line += f" {row.source}"
    if row.section is not None:
        line += f" [{row.section}]"
    return line


def symbol_columns(
    addresses: Sequence[int], letters: Sequence[str], names: Sequence[str]
) -> Iterator[str]:
    """The lines of many symbols, some thousands joined by newlines at a time, for speed."""
    marks = {letter: f" ({letter}) " for letter in set(letters)}
    for at in range(0, len(addresses), BLOCK):
        some = addresses[at : at + BLOCK]
        parts = ["\n"] * (4 * len(some))
        parts[0::4] = hexadecimal_all(some)
        parts[1::4] = map(marks.__getitem__, letters[at : at + BLOCK])
        parts[2::4] = names[at : at + BLOCK]
        parts[-1] = ""
        yield "".join(parts)


def hexadecimal_all(numbers: Sequence[int]) -> list[str]:
    """Numbers of up to 64 bits in hexadecimal."""
    if min(numbers) >> 60:
        words = array("Q", numbers)
        if sys.byteorder == "little":
            words.byteswap()
        return words.tobytes().hex(" ", 8).split(" ")
    return list(map("{:x}".format, numbers))


def unknown_symbol_lines(row: UnknownSymbolRow, radix: int) -> Iterator[str]:
    """The lines that say a word names no symbol."""
    yield f"symbol not found: {row.symbol}"
    yield "possible alternatives:"
    for alternative in row.alternatives:
        yield "  " + symbol_line(alternative, radix)
    if not row.alternatives:
        yield "  (none found)"
