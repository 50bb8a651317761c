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
    """One converted character: its text in a literal, or bytes that end amid a character."""

    text: str
    raw: bytes
    incomplete: bool = False


def _utf8_length(lead: int) -> int:
    if 0xC2 <= lead < 0xE0:
        return 2
    if 0xE0 <= lead < 0xF0:
        return 3
    if 0xF0 <= lead < 0xF5:
        return 4
    return 1


def _chars(data: bytes, width: int, big: bool) -> Iterator[_Char]:
    if width != 1:
        yield from _wide_chars(data, width, big)
        return
    if data.isascii() or not _multibyte():
        for byte in data:
            yield _Char(_narrow(byte, '"'), bytes((byte,)))
        return
    at = 0
    while at < len(data):
        length = _utf8_length(data[at]) if data[at] >= 0x80 else 1
        raw = data[at : at + length]
        if length == 1:
            yield _Char(_narrow(data[at], '"'), raw)
        else:
            char = _decode(raw)
            if char is None:
                tail_ok = all(0x80 <= b < 0xC0 for b in raw[1:])
                if len(raw) < length and tail_ok:
                    yield _Char("".join(f"\\{b:03o}" for b in raw), raw, incomplete=True)
                    return
                raw = raw[:1]
                yield _Char(f"\\{raw[0]:03o}", raw)
            else:
                text = char if char.isprintable() else "".join(f"\\{b:03o}" for b in raw)
                yield _Char(text, raw)
        at += len(raw)


def _decode(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _wide_chars(data: bytes, width: int, big: bool) -> Iterator[_Char]:
    escape = False
    for at in range(0, len(data), width):
        raw = data[at : at + width]
        value = int.from_bytes(raw, "big" if big else "little")
        printable = 0x20 <= value < 0x7F or value in _ESCAPES
        foreign = 0xA0 <= value < 0x110000 and not 0xD800 <= value < 0xE000
        if foreign and _multibyte() and chr(value).isprintable():
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
        while index + run < len(chars) and chars[index + run].raw == char.raw:
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
