"""Numbers as gdb writes them, in each of its formats."""

from __future__ import annotations

import math
import struct


def plain(value: int, radix: int) -> str:
    """An integer in gdb's output radix: `16`, `0x10` or `020`."""
    if radix == 16:
        return f"{value:#x}"
    if radix == 8:
        return f"0{value:o}" if value else "0"
    return str(value)


def formatted(value: int, size: int, signed: bool, code: str) -> str:
    """An integer of `size` bytes in a print format: x, z, o, t, d, u or none."""
    whole = (1 << (size * 8)) - 1
    if code == "x":
        return f"{value & whole:#x}"
    if code == "z":
        return f"0x{value & whole:0{size * 2}x}"
    if code == "o":
        return f"0{value & whole:o}" if value & whole else "0"
    if code == "t":
        return f"{value & whole:b}"
    if code == "u":
        return str(value & whole)
    if code == "d":
        value &= whole
        return str(value - whole - 1 if value > whole >> 1 else value)
    return str(value)


def floating(value: float, size: int) -> str:
    """A floating-point number with as many digits as its format keeps."""
    if math.isnan(value):
        raw = struct.unpack("<Q", struct.pack("<d", value))[0]
        sign = "-" if raw >> 63 else ""
        return f"{sign}nan({raw & ((1 << 52) - 1):#x})"
    if math.isinf(value):
        return "-inf" if value < 0 else "inf"
    digits = {2: 5, 4: 9, 8: 17}.get(size, 18)
    return f"{value:.{digits}g}"


def unpack_float(raw: bytes, little: bool) -> float:
    """The number in 4, 8 or more bytes."""
    if len(raw) in (4, 8):
        number: float = struct.unpack(("<" if little else ">") + "?fd"[len(raw) // 4], raw)[0]
        return number
    return extended(raw, little)


def extended(raw: bytes, little: bool) -> float:
    """The x87 80-bit number in the first ten bytes; other wide formats by their leading bits."""
    if not little:
        raw = raw[::-1]
    mantissa = int.from_bytes(raw[:8], "little")
    head = int.from_bytes(raw[8:10], "little")
    exponent = head & 0x7FFF
    sign = -1.0 if head >> 15 else 1.0
    if exponent == 0x7FFF:
        return math.nan if mantissa << 1 & ((1 << 64) - 1) else sign * math.inf
    try:
        return sign * math.ldexp(mantissa, exponent - 16383 - 63)
    except OverflowError:
        return sign * math.inf
