"""sym: symbols to addresses and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import (
    MODULE,
    SYMBOL,
    Address,
    Args,
    Bundle,
    Bytes,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    Row,
    UsageError,
    View,
    hexadecimal,
    is_hexadecimal,
    is_number,
    many,
)
from pycrash.api.symbolrows import (
    SymbolRow,
    UnknownSymbolRow,
    symbol_columns,
    symbol_line,
    symbol_row,
    symbols_with,
    unknown_symbol,
    unknown_symbol_lines,
)
from pycrash.kernel.symbols.table import Symbol, offset_text


@dataclass(frozen=True)
class KernelSymbols(Bundle):
    """Every symbol of the kernel proper, as columns of one length."""

    addresses: Sequence[int]
    letters: Sequence[str]
    names: Sequence[str]

    def rows(self) -> Iterator[Row]:
        return map(SymbolRow, self.addresses, self.names, self.letters)


@dataclass(frozen=True)
class MarkRow(Row, kind="sym.mark"):
    """Where some memory of a module, or a section of its object file, begins or ends."""

    address: Address
    mark: str
    section: str | None
    module: str


@dataclass(frozen=True)
class CountRow(Row, kind="sym.count"):
    """How many symbols have a text in their names, and the last of these."""

    text: str
    count: int
    last: str | None


@dataclass(frozen=True)
class NoneRow(Row, kind="sym.none"):
    """No symbol has a text in its name."""

    text: str


@dataclass(frozen=True)
class PlaceRow(Row, kind="sym.place"):
    """An address in a module at which there is no symbol: `offset` from where the memory begins
    that it lies in."""

    address: Address
    module: str
    offset: Bytes


class Sym(Command):
    name = "sym"
    summary = "translate a symbol to its virtual address, or vice-versa"
    synopsis = "[-l] | [-M] | [-m module] | [-p|-n] | [-q string] | [symbol | vaddr]"
    description = (
        "Finds the address of a symbol, or the symbol nearest below an address, in the kernel "
        "and in its modules. Each is shown with the letter nm gives it, the module in brackets "
        "where it is not of the kernel proper, and the file and line where an instruction was "
        "written. A name that several symbols share shows all of them; of a name that none has, "
        "those that contain it are listed."
    )
    flags = (
        Flag("l", "List all symbols by address, those of the kernel before those of modules."),
        Flag("L", "The same as -l."),
        Flag(
            "M", "List the symbols of all modules, with marks where their memory begins and ends."
        ),
        Flag("m", "List the symbols of one module.", value=MODULE),
        Flag("p", "Show also the symbol before."),
        Flag("n", "Show also the symbol behind."),
        Flag("s", "Show the section in place of the source line."),
        Flag(
            "q",
            "List the symbols whose names contain the string.",
            value=SYMBOL.named("string", "part of a symbol's name"),
        ),
        Flag(
            "Q",
            "Count the symbols whose names contain the string.",
            value=SYMBOL.named("string", "part of a symbol's name"),
        ),
    )
    operands = (many(SYMBOL),)
    rows = (SymbolRow, UnknownSymbolRow, MarkRow, CountRow, NoneRow, PlaceRow)
    related = ("dis", "rd", "whatis", "mod", "explain")
    examples = (
        ("Where is jiffies?", "sym jiffies"),
        ("What is at this address?", "sym ffffffffa87eab14"),
        ("What has to do with pipes?", "sym -q pipe"),
        ("What stands around it?", "sym -np jiffies"),
    )
    minimal = True

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        listed = False
        for letter, value in args.given:
            if letter in "lLMmqQ":
                listed = True
                yield from self._listing(ctx, letter, value or "")
        if not args.operands and not listed:
            raise UsageError
        for word in args.operands:
            yield from self._operand(ctx, args, word)

    def _listing(self, ctx: Context, letter: str, value: str) -> Iterator[Row]:
        symbols = ctx.kernel.symbols
        if letter in "lL":
            own = symbols.kernel_symbols
            names, letters = own.all
            yield KernelSymbols(own.addresses, letters, names)
        if letter in "lLM":
            for module in ctx.kernel.modules.all:
                yield from self._module(ctx, module.name)
        elif letter == "m":
            yield from self._module(ctx, value)
        elif letter == "Q":
            found = [row.symbol for row in symbols_with(ctx.kernel, value)]
            yield CountRow(value, len(found), found[-1] if found else None)
        elif letter == "q":
            none = True
            for row in symbols_with(ctx.kernel, value):
                none = False
                yield row
            if none:
                yield NoneRow(value)

    def _module(self, ctx: Context, module: str) -> Iterator[Row]:
        for symbol in ctx.kernel.symbols.in_module(module):
            address, mark = symbol.address, symbol.mark
            if symbol.letter == "S" and mark:
                edge = "end" if "_END " in symbol.name else "start"
                yield MarkRow(address, f"section {edge}", mark, module)
            elif mark:
                yield MarkRow(address, mark, None, module)
            else:
                yield SymbolRow(address, symbol.name, symbol.letter, module, listed=True)

    def _operand(self, ctx: Context, args: Args, word: str) -> Iterator[Row]:
        if word[-1:] in (",", ":") and is_number(word[:-1]):
            word = word[:-1]
        symbols = ctx.kernel.symbols
        if is_hexadecimal(word) and not symbols.exists(word):
            yield from self._address(ctx, args, word)
            return
        found = symbols.all_by_name(word)
        if not found:
            yield unknown_symbol(ctx.kernel, word)
        for symbol in found:
            if "p" in args:
                yield from self._neighbour(ctx, args, symbols.previous(symbol))
            yield self._row(ctx, args, symbol)
            if "n" in args:
                yield from self._neighbour(ctx, args, symbols.next(symbol))

    def _address(self, ctx: Context, args: Args, word: str) -> Iterator[Row]:
        symbols = ctx.kernel.symbols
        try:
            address = hexadecimal(word)
        except CrashError as error:
            yield Notice(str(error))
            yield Notice(f"invalid address: {word}")
            return
        if not symbols.in_range(address):
            yield Notice(f"invalid address: {word}")
            return
        found = symbols.lookup(address)
        if found is None:
            place, module = symbols.place(address), symbols.module_of(address)
            if place is not None and module is not None:
                yield PlaceRow(address, module, place[1])
                if "n" in args:
                    raise CrashError("next_symbol: two NULL args!")
            else:
                yield UnknownSymbolRow(word, ())
            return
        symbol, offset = found
        if "p" in args:
            yield from self._neighbour(ctx, args, symbols.previous(symbol))
        yield self._row(ctx, args, symbol, offset)
        if "n" in args:
            yield from self._neighbour(ctx, args, symbols.next(symbol))

    def _neighbour(self, ctx: Context, args: Args, symbol: Symbol | None) -> Iterator[Row]:
        if symbol is not None:
            yield self._row(ctx, args, symbol)

    def _row(self, ctx: Context, args: Args, symbol: Symbol, offset: int = 0) -> SymbolRow:
        return symbol_row(ctx.kernel, symbol, offset, "s" in args)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        radix = view.radix
        for row in rows:
            if isinstance(row, SymbolRow):
                yield symbol_line(row, radix)
            elif isinstance(row, MarkRow):
                of, what = (
                    (row.mark, row.module) if row.section is None else (row.section, row.mark)
                )
                yield f"{row.address:x} {of}: {what}"
            elif isinstance(row, KernelSymbols):
                yield from symbol_columns(row.addresses, row.letters, row.names)
            elif isinstance(row, UnknownSymbolRow):
                yield from unknown_symbol_lines(row, radix)
            elif isinstance(row, PlaceRow):
                yield f"{row.address:x} (?) ({row.module} module){offset_text(row.offset, radix)}"
            elif isinstance(row, CountRow):
                yield f"{row.count} found ({row.last})" if row.count else "0 found "
            elif isinstance(row, NoneRow):
                yield "(none found)"
