"""Strings and characters in gdb's notation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}


@cache
def _multibyte() -> bool:
    """Whether the environment's character set is UTF-8: gdb takes the target's from it."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = os.environ.get(name)
        if value:
            return "utf8" in value.lower().replace("-", "")
    return False


def first_nul(data: bytes, width: int) -> int:
    """The index of the first NUL character, or the number of characters where there is none."""
    if width == 1:
        at = data.find(0)
        return len(data) if at < 0 else at
    for index in range(len(data) // width):
        if not any(data[index * width : (index + 1) * width]):
            return index
    return len(data) // width


def character(value: int) -> str:
    """A character in single quotes: `65` gives `'A'`, `0` gives `'\\000'`."""
    return f"'{_narrow(value, chr(39))}'"


@cache
def _narrow(value: int, quote_mark: str) -> str:
    """One byte as it stands in a literal."""
    if value in _ESCAPES:
        return _ESCAPES[value]
    if 0x20 <= value < 0x7F:
        char = chr(value)
        return f"\\{char}" if char in (quote_mark, "\\") else char
    return f"\\{value:03o}"


@dataclass(frozen=True)
class _Char:
    """One converted character: its text in a literal.

    It is `incomplete` where the bytes end amid a character, and not `valid` where they
    make none.
    """

    text: str
    raw: bytes
    incomplete: bool = False
    valid: bool = True


def _utf8_length(lead: int) -> int:
    """Bytes of the character a byte begins, 1 where it begins none.

    The C library takes the lengths UTF-8 once had, up to six.
    """
    for length, first, end in ((2, 0xC2, 0xE0), (3, 0xE0, 0xF0), (4, 0xF0, 0xF8)):
        if first <= lead < end:
            return length
    return 5 if 0xF8 <= lead < 0xFC else 6 if 0xFC <= lead < 0xFE else 1


def _octal(raw: bytes) -> str:
    return "".join(f"\\{byte:03o}" for byte in raw)


def _chars(data: bytes, width: int, big: bool) -> Iterator[_Char]:
    if width != 1:
        yield from _wide_chars(data, width, big)
        return
    if data.isascii() or not _multibyte():
        for byte in data:
            yield _Char(_narrow(byte, '"'), bytes((byte,)))
        return
    before: _Char | None = None
    at = 0
    while at < len(data):
        here = _character_at(data, at)
        if here.incomplete:
            # What iconv converted just before it noticed is lost in gdb.
            if before is not None and before.valid:
                before = None
            if before is not None:
                yield before
            yield here
            return
        if before is not None:
            yield before
        before = here
        at += len(here.raw)
    if before is not None:
        yield before


def _character_at(data: bytes, at: int) -> _Char:
    """The character, bad byte or cut character at a place in UTF-8 text."""
    if data[at] < 0x80:
        return _Char(_narrow(data[at], '"'), data[at : at + 1])
    length = _utf8_length(data[at])
    raw = data[at : at + length]
    if length > 1 and all(0x80 <= b < 0xC0 for b in raw[1:]):
        if len(raw) < length:
            return _Char(_octal(raw), raw, incomplete=True)
        char = _decode(raw)
        if char is not None:
            return _Char(char if _is_printable(char) else _octal(raw), raw)
    return _Char(_octal(raw[:1]), raw[:1], valid=False)


def _decode(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


@cache
def _is_printable(char: str) -> bool:
    """Whether the C library prints a character in this environment."""
    import ctypes

    return bool(ctypes.CDLL(None).iswprint(ord(char)))


def _wide_chars(data: bytes, width: int, big: bool) -> Iterator[_Char]:
    escape = False
    for at in range(0, len(data), width):
        raw = data[at : at + width]
        value = int.from_bytes(raw, "big" if big else "little")
        printable = 0x20 <= value < 0x7F or value in _ESCAPES
        foreign = 0xA0 <= value < 0x110000 and not 0xD800 <= value < 0xE000
        if foreign and _multibyte() and _is_printable(chr(value)):
            escape = False
            yield _Char(chr(value), raw)
            continue
        hexadecimal = value < 0x7F and chr(value) in "0123456789abcdefABCDEF"
        if printable and not (escape and hexadecimal):
            escape = False
            yield _Char(_narrow(value, '"'), raw)
        elif value <= 0o777:
            escape = False
            yield _Char(f"\\{value:03o}", raw)
        else:
            escape = True
            yield _Char(f"\\x{value:x}", raw)


def _plain(data: bytes) -> str:
    """ASCII bytes in a literal, without a loop in Python for the usual case."""
    return "".join([_narrow(byte, '"') for byte in data])


def quote(
    data: bytes,
    *,
    width: int = 1,
    limit: int,
    repeats: int = 0,
    ellipsis: bool = False,
    big: bool = False,
) -> str:
    """A string literal of at most `limit` characters; one NUL at its end is left out.

    Runs longer than `repeats` (if not 0) become `'x' <repeats N times>`; `ellipsis`
    forces the dots that a cut string ends with.
    """
    if not ellipsis and data and not any(data[-width:]):
        data = data[:-width]
    if not data:
        return '""'
    cut = len(data) > limit * width
    if not repeats and (width == 1 and (data.isascii() or not _multibyte())):
        return f'"{_plain(data[:limit])}"' + ("..." if ellipsis or cut else "")
    return _quote_runs(list(_chars(data, width, big)), limit, repeats, ellipsis)


def _quote_runs(chars: list[_Char], limit: int, repeats: int, ellipsis: bool) -> str:
    """The literal in parts: quoted text, repeated characters, a sequence cut short."""
    parts: list[str] = []
    text = ""
    shown = index = 0
    while index < len(chars) and shown < limit:
        char = chars[index]
        if char.incomplete:
            if text:
                parts.append(f'"{text}"')
                text = ""
            parts.append(f"<incomplete sequence {char.text}>")
            index += 1
            break
        run = 1
        while index + run < len(chars) and chars[index + run] == char:
            run += 1
        if repeats and run > repeats:
            if text:
                parts.append(f'"{text}"')
                text = ""
            parts.append(f"'{char.text}' <repeats {run} times>")
            shown += run
            index += run
        else:
            run = min(run, limit - shown)
            text += char.text * run
            shown += run
            index += run
    if text:
        parts.append(f'"{text}"')
    return ", ".join(parts) + ("..." if ellipsis or index < len(chars) else "")
