"""kallsyms: the symbols that a kernel keeps of itself, packed into a few tables of its memory.

A name is a row of numbers of pieces, its first letter that of nm. Places are 32 bits behind one
address; with CONFIG_KALLSYMS_ABSOLUTE_PERCPU those below 0 lie in the kernel, the others are plain
numbers, as per-CPU variables had them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from pycrash.errors import CrashError

#: Pieces that names are made of, and the bytes of the table of where each begins.
PIECES = 256
INDEX_SIZE = 2 * PIECES
#: What the pieces may take: their places have 16 bits.
MOST_PIECES = 1 << 16
#: A kernel of all drivers built in has some 300,000.
MOST_SYMBOLS = 1 << 21
#: A letter and a name of at most 511 (KSYM_NAME_LEN).
_LONGEST = 512
_ABSOLUTE = frozenset("aA")


class Symbol(NamedTuple):
    """A symbol: its address at run time, or a number where it is absolute, and nm's letter."""

    address: int
    letter: str
    name: str

    @property
    def absolute(self) -> bool:
        """Whether it is a number and no place."""
        return self.letter in _ABSOLUTE


@dataclass(frozen=True)
class Tables:
    """The tables as they lie in memory. `names` and `pieces` may go on behind what belongs to
    them; `order` is struct's code of the byte order, `base` the address that places count from."""

    count: int
    names: bytes
    pieces: bytes
    index: bytes
    offsets: bytes
    base: int
    order: str

    def symbols(self, noted: dict[str, int]) -> list[Symbol]:
        """The symbols by address. Raises CrashError where the tables are damaged.

        `noted` are addresses at run time known otherwise, by name. `_stext` must be among them: by
        it one sees how places are written. The others must be those of the tables, as far as
        they are there.
        """
        if "_stext" not in noted:
            raise CrashError("kallsyms: nothing tells where it has its symbols")
        names = self._names()
        for places in (self._places(), self._places_or_numbers()):
            found = [Symbol(at, n[0], n[1:]) for at, n in zip(places, names, strict=True)]
            if _agree(found, noted):
                return found
        raise CrashError("kallsyms: its symbols are not where VMCOREINFO has them")

    def _names(self) -> list[str]:
        """Each symbol's letter and name."""
        pieces, data = self._pieces(), self.names
        found, at = [], 0
        try:
            for _ in range(self.count):
                size = data[at]
                at += 1
                if size & 0x80:  # since 6.1
                    size = size & 0x7F | data[at] << 7
                    at += 1
                found.append("".join(map(pieces.__getitem__, data[at : at + size])))
                at += size
        except IndexError:
            at = len(data) + 1
        if at > len(data):
            raise CrashError("kallsyms: its names are cut short")
        for name in found:
            if not (1 < len(name) <= _LONGEST and name.isascii() and name.isprintable()):
                raise CrashError(f"kallsyms: {name[:40]!a} is no name")
        return found

    def _pieces(self) -> list[str]:
        found = []
        for place in struct.unpack(f"{self.order}{PIECES}H", self.index):
            end = self.pieces.find(b"\0", place)
            if end < 0:
                raise CrashError("kallsyms: its table of pieces is cut short")
            found.append(self.pieces[place:end].decode("latin-1"))
        return found

    def _places(self) -> list[int]:
        offsets = struct.unpack(f"{self.order}{self.count}I", self.offsets)
        return [self.base + offset for offset in offsets]

    def _places_or_numbers(self) -> list[int]:
        offsets = struct.unpack(f"{self.order}{self.count}i", self.offsets)
        return [at if at >= 0 else self.base - 1 - at for at in offsets]


def _agree(symbols: list[Symbol], noted: dict[str, int]) -> bool:
    """Whether symbols are in order, and those that are known otherwise are where that says."""
    if any(one.address > other.address for one, other in pairwise(symbols)):
        return False
    # What is noted of a symbol that is a pointer may be what it points to, outside of the image.
    low, high = noted["_stext"], symbols[-1].address
    found: dict[str, set[int]] = {n: set() for n, at in noted.items() if low <= at <= high}
    for symbol in symbols:
        if symbol.name in found:
            found[symbol.name].add(symbol.address)
    return bool(found.get("_stext")) and all(
        noted[name] in places for name, places in found.items() if places
    )
