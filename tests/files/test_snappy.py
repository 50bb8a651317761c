"""Unpacking snappy."""

from __future__ import annotations

import pytest

from pycrash.files.snappy import unpack


def test_literals_and_copies() -> None:
    # A literal of 5; 7 from 5 back reach into themselves; 4 from 12 back by each width.
    packed = b"\x18" + b"\x10hello" + b"\x0d\x05" + b"\x01\x0c" + b"\x0e\x0c\0" + b"\x0f\x0c\0\0\0"
    assert unpack(packed, 4096) == b"hellohellohe" + b"hell" + b"ohel" + b"lohe"


@pytest.mark.parametrize("size", [1, 60, 61, 256, 257, 70_000])
def test_literals_of_any_length(size: int) -> None:
    data = bytes(n % 251 for n in range(size))
    length = b"".join(
        bytes([size >> 7 * n & 0x7F | (0x80 if size >> 7 * (n + 1) else 0)])
        for n in range(3)
        if size >> 7 * n
    )
    width = 0 if size <= 60 else (size - 1).bit_length() + 7 >> 3
    head = bytes([(size - 1 if not width else 59 + width) << 2])
    assert unpack(length + head + (size - 1).to_bytes(3, "little")[:width] + data, size) == data


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\xff\xff\xff\xff\xff\x0f",
        b"\x82\x20",
        b"\x05\x10hell",
        b"\x05\x10hello\x10hello",
        b"\x09\x10hello\x01\x06",
        b"\x09\x10hello\x01\x00",
        b"\x09\x10hello\x01",
    ],
    ids=["empty", "no-length", "too-long", "cut", "more", "before", "none-back", "no-offset"],
)
def test_what_is_damaged(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        unpack(packed, 4096)
