"""ascii: bytes as characters, and the table of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import (
    HEX,
    Args,
    Bits,
    Command,
    Context,
    Hidden,
    Row,
    View,
    hexadecimal,
    many,
)

#: The names of the characters below the blank.
_CONTROL = (
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL",
    "BS", "HT", "LF", "VT", "FF", "CR", "SO", "SI",
    "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB",
    "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US",
)  # fmt: skip
_DELETE = 0x7F
#: Digits of a word; more make it a long long.
_DIGITS = 16


@dataclass(frozen=True)
class WordRow(Row, kind="ascii.word"):
    """A number and its bytes as text, the lowest first, in angle brackets what is not printable."""

    value: Bits
    text: str
    digits: Hidden[int] = _DIGITS


@dataclass(frozen=True)
class CharacterRow(Row, kind="ascii.character"):
    """One character of the table: itself, or the name of one that cannot be printed."""

    code: int
    name: str


class Ascii(Command):
    name = "ascii"
    summary = "numbers as characters, and a table of ASCII"
    synopsis = "value ..."
    description = (
        "Shows for each hexadecimal number the characters its bytes stand for, the lowest byte "
        "first, as a little-endian machine has them in memory. Without a number it shows the table "
        "of all characters: the column is the first hexadecimal digit, the line the second."
    )
    operands = (many(HEX.named("value")),)
    rows = (WordRow, CharacterRow)
    related = ("eval", "rd", "net")
    examples = (("The text in a word of memory", "ascii 62696c2f7273752f"), ("The table", "ascii"))

    def parse(self, words: Sequence[str]) -> Args:
        return Args(operands=tuple(words))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if not args.operands:
            for code in range(_DELETE + 1):
                yield CharacterRow(code, _name(code))
        for word in args.operands:
            bare = word[2:] if word[:2] in ("0x", "0X") else word
            digits = 2 * ctx.kernel.word_size
            digits = _DIGITS if len(bare) > digits else digits
            value = hexadecimal(word)
            text = "".join(map(_shown, value.to_bytes(8, "little")[: digits // 2]))
            yield WordRow(value, text, digits)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        names = []
        for row in rows:
            if isinstance(row, WordRow):
                yield f"{row.value:0{row.digits}x}: {row.text}"
            elif isinstance(row, CharacterRow):
                names.append(row.name)
        if names:
            yield from _table(names)


def _name(code: int) -> str:
    if code < len(_CONTROL):
        return _CONTROL[code]
    return {0x20: "SP", _DELETE: "DEL"}.get(code, chr(code))


def _shown(byte: int) -> str:
    """One byte of a number as text."""
    if byte > _DELETE:
        return f"<{byte:02x}>"
    return chr(byte) if 0x20 <= byte < _DELETE else f"<{_name(byte)}>"


def _table(names: Sequence[str]) -> Iterator[str]:
    yield ""
    yield "      0    1   2   3   4   5   6   7"
    yield "    +" + "-" * 31
    for line in range(16):
        controls = f"{names[line]:>3} {names[line + 16]:>3}"
        cells = "".join(f"{name:^4}" for name in names[line + 32 :: 16])
        yield f"  {line:X} | {controls} {cells}".rstrip()
    yield ""
