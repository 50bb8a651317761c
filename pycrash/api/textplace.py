"""What a word says about instructions: an address, and the function it is of."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from pycrash.api.context import Context
from pycrash.api.operands.addresses import can_evaluate, evaluate, symbol_resolver
from pycrash.api.operands.numbers import hexadecimal, is_hexadecimal, is_number
from pycrash.api.rows import Notice, Row
from pycrash.api.symbolrows import SymbolRow, unknown_symbol
from pycrash.kernel.symbols.table import Symbol

_OPERATORS = "><+-&|*/%^"


@dataclass(frozen=True)
class TextPlace:
    """An address. `symbol` is what was named, or what an address in hexadecimal lies behind;
    `is_function` tells that it is the beginning of a function. `known` is false where crash
    knows no symbol near it."""

    address: int
    symbol: Symbol | None = None
    is_function: bool = False
    known: bool = True


#: Yields what there is to say of a word, and gives the place, None where it has none.
Found = Generator[Row, None, "TextPlace | None"]


class TextPlaces:
    """Finds places: by expression, by address in hexadecimal, by symbol."""

    def __init__(self, ctx: Context) -> None:
        self._kernel = ctx.kernel
        self._symbols = ctx.kernel.symbols

    def find(self, word: str, user: bool) -> Found:
        """The place a word means; that of a `user` space has no symbols.

        Raises CrashError.
        """
        symbols = self._symbols
        if can_evaluate(word):
            mask = self._kernel.word_mask
            address = evaluate(word, symbol_resolver(self._kernel), mask)
            if user:
                return TextPlace(address)
            return (yield from self._settled(word, TextPlace(address)))
        if is_hexadecimal(word) and not symbols.exists(word):
            address = hexadecimal(word)
            found = symbols.lookup(address)
            if found is not None:
                first = not found[1] and symbols.is_text_symbol(found[0])
                return TextPlace(address, found[0], first)
            if not user:
                yield Notice(f"{address:x}: no associated kernel symbol found", "WARNING")
            return TextPlace(address, known=user)
        symbol = symbols.by_name(word)
        if symbol is None:
            yield unknown_symbol(self._kernel, word)
            return None
        is_text = symbols.is_text_symbol(symbol)
        return (yield from self._settled(word, TextPlace(symbol.address, symbol, is_text)))

    def _settled(self, word: str, place: TextPlace) -> Found:
        """The place once it is clear which symbol of several with one name is meant."""
        symbols = self._symbols
        named = None if place.symbol or is_number(word) else self._named(word)
        if named is not None and len(self._texts(named.name)) > 1:
            return (yield from self._several(word, named.name))
        found = symbols.lookup(place.address)
        origin = (place.symbol, 0) if place.symbol is not None else found
        if origin is None:
            return place
        symbol, offset = origin
        if place.symbol is None and symbol.name not in word:
            if named is None or symbol == named:
                return place
            at = f"{symbol.name}+{offset:x}"
            yield Notice(f"invalid expression: {word} evaluates to: {at}")
            return None
        if len(symbols.all_by_name(symbol.name)) <= 1:
            return place
        if named is not None and named != symbol:
            if named.name == symbol.name:
                return (yield from self._several(word, named.name))
            at = f"{symbol.name}: {symbol.name}+{offset:x}"
            yield Notice(f"invalid expression: {word} evaluates to {at}")
            return None
        texts = self._texts(symbol.name)
        if len(texts) > 1:
            return (yield from self._several(word, symbol.name))
        if not texts:
            return place
        return TextPlace(texts[0].address + offset, place.symbol, place.is_function)

    def _named(self, word: str) -> Symbol | None:
        """The function that an expression begins with."""
        bare = word.removeprefix("(").removesuffix(")").strip()
        at = next((i for i, c in enumerate(bare) if c in _OPERATORS), -1)
        symbol = self._symbols.by_name(bare[:at].strip()) if at >= 0 else None
        return symbol if symbol and self._symbols.is_text_symbol(symbol) else None

    def _texts(self, name: str) -> list[Symbol]:
        symbols = self._symbols
        return [s for s in symbols.all_by_name(name) if symbols.is_text_symbol(s)]

    def _several(self, word: str, name: str) -> Found:
        yield Notice(f"{word}: duplicate text symbols found:")
        for symbol in self._texts(name):
            source = self._kernel.sources.at(symbol.address)
            module = symbol.module or None
            yield SymbolRow(symbol.address, symbol.name, symbol.letter, module, source=source)
        return None
