"""printk's formats, with what stands behind %p."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

_CONVERSION = re.compile(
    r"%(?P<flags>[-+ #0]*)(?P<width>\d+|\*)?(?:\.(?P<most>\d+|\*))?(?P<size>hh|h|ll|l|L|z|t|q|j)?"
    r"(?P<kind>p(?:[sSfFBx]R?b?|K|I[46][cSnhbl]*|i[46]|[mM][FR]?|U[lLbB]?|b|bl|e)?|[diuxXocs%])"
)
_BITS = {"hh": 8, "h": 16, "": 32, "l": 64, "ll": 64, "L": 64, "z": 64, "t": 64, "q": 64, "j": 64}
#: A string of what was traced is no longer; a field no wider.
_WIDEST = 4096


class Names(NamedTuple):
    """What numbers are called: a symbol with and without its offset; the values of enumerators
    and variables; the bytes of types; the digits of a pointer."""

    place: Callable[[int], str]
    symbol: Callable[[int], str]
    constant: Callable[[str], int | None]
    size: Callable[[str], int | None]
    pointer_digits: int = 16


def formatted(form: str, values: Sequence[Any], names: Names) -> str:
    """The text of a format. Raises TypeError, ValueError, IndexError where values do not fit."""
    left = list(values)

    def one(found: re.Match[str]) -> str:
        kind = found["kind"]
        if kind == "%":
            return "%"
        width = left.pop(0) if found["width"] == "*" else int(found["width"] or 0)
        most = left.pop(0) if found["most"] == "*" else found["most"]
        flags, width = found["flags"], max(min(int(width), _WIDEST), -_WIDEST)
        text = _converted(kind, flags, found["size"] or "", most, left.pop(0), names)
        if "-" in flags or width < 0:
            return text.ljust(abs(width))
        if "0" in flags and kind in "diuxXo" and most is None:
            sign = text[:1] if text[:1] in ("-", "+") else text[:2] if text[:2] == "0x" else ""
            return sign + text[len(sign) :].rjust(width - len(sign), "0")
        return text.rjust(width)

    return _CONVERSION.sub(one, form)


def _converted(kind: str, flags: str, size: str, most: Any, value: Any, names: Names) -> str:
    if kind == "s":
        text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
        if not isinstance(text, str):
            text = f"{text & (1 << 64) - 1:#x}"
        return text if most is None else text[: int(most)]
    if kind == "c":
        return chr(value & 0xFF)
    if kind[0] == "p":
        return _pointer(kind[1:], value, names)
    bits = _BITS[size]
    number = value & (1 << bits) - 1
    if kind in "di":
        number -= (number >> (bits - 1)) << bits
        return f"{number:+d}" if "+" in flags else f"{number: d}" if " " in flags else f"{number}"
    text = f"{number:{'d' if kind == 'u' else kind}}"
    text = text if most is None else text.rjust(int(most), "0")
    return f"0{kind}{text}" if "#" in flags and kind in "xX" and number else text


def _pointer(kind: str, value: Any, names: Names) -> str:
    if kind[:1] in ("S", "F", "B"):
        return names.place(value)
    if kind[:1] in ("s", "f"):
        return names.symbol(value)
    if kind[:1] in ("I", "i"):
        return str(ipaddress.ip_address(bytes(value)[: 4 if kind[1:2] == "4" else 16]))
    if kind[:1] in ("m", "M"):
        return bytes(value)[:6].hex(*(":" if kind[0] == "M" else ()))
    if kind[:1] == "U":
        text = bytes(value)[:16].hex()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    if not isinstance(value, int):
        raise TypeError("a pointer to what the event holds")
    return f"{value & (1 << 64) - 1:0{names.pointer_digits}x}"
