"""Unpacks snappy, for the few pages that are needed before libkdumpfile can be asked for them."""

from __future__ import annotations

#: A literal longer than this says its length in bytes of its own.
_SHORT = 60


def unpack(data: bytes, most: int) -> bytes:
    """What was packed, at most so many bytes. Raises ValueError where it is damaged."""
    size, at = _length(data)
    if size > most:
        raise ValueError(f"{size} bytes are more than {most}")
    out = bytearray()
    try:
        while at < len(data):
            tag, at = data[at], at + 1
            length = (tag >> 2) + 1
            if tag & 3 == 0:
                if length > _SHORT:
                    extra = length - _SHORT
                    length = int.from_bytes(data[at : at + extra], "little") + 1
                    at += extra
                out += data[at : at + length]
                at += length
            else:
                if tag & 3 == 1:
                    length, back, at = (tag >> 2 & 7) + 4, tag >> 5 << 8 | data[at], at + 1
                else:
                    width = 2 if tag & 3 == 2 else 4
                    back, at = int.from_bytes(data[at : at + width], "little"), at + width
                _repeat(out, back, length)
            if len(out) > size:
                break
    except IndexError:
        raise ValueError("cut short") from None
    if len(out) != size:
        raise ValueError(f"{len(out)} bytes, not {size}")
    return bytes(out)


def _length(data: bytes) -> tuple[int, int]:
    """The size of what was packed, by sevens of bits, and where it begins."""
    size = 0
    for at, byte in enumerate(data[:5]):
        size |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            return size, at + 1
    raise ValueError("it says no length")


def _repeat(out: bytearray, back: int, length: int) -> None:
    """Append what stands some bytes back; it may reach into what is appended."""
    if not 0 < back <= len(out):
        raise ValueError(f"a copy from {back} bytes back")
    found = bytes(out[len(out) - back :])
    out += (found * (length // back + 1))[:length]
