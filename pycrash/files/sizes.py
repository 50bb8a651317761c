"""How large a compressed file is unpacked, where its format tells."""

from __future__ import annotations

import os
import struct
from typing import IO

#: The end of an xz file: checksum, bytes of the index in words less one, flags, magic.
_XZ_FOOTER = struct.Struct("<II2s2s")
_LARGEST_INDEX = 1 << 26
#: Bytes of the smallest gzip file, which are enough to tell of the others.
_GZIP_LEAST = 18


def content_size(file: IO[bytes]) -> int:
    """At least how many bytes a compressed file becomes; 0 where it does not tell.

    A file of several streams tells of one of them. Moves the position.
    """
    file.seek(0)
    head = file.read(_GZIP_LEAST)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        import zstandard

        try:
            return max(0, zstandard.frame_content_size(head))
        except zstandard.ZstdError:
            return 0
    if head.startswith(b"\xfd7zXZ\0"):
        return _xz_size(file)
    if head.startswith(b"\x1f\x8b") and len(head) == _GZIP_LEAST:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 4))
        return int.from_bytes(file.read(4), "little")
    return 0


def _xz_size(file: IO[bytes]) -> int:
    """What the index at the end of an xz file says."""
    end = os.fstat(file.fileno()).st_size - _XZ_FOOTER.size
    file.seek(max(0, end))
    footer = file.read(_XZ_FOOTER.size).ljust(_XZ_FOOTER.size, b"\0")
    _, words, _, magic = _XZ_FOOTER.unpack(footer)
    size = (words + 1) * 4
    if magic != b"YZ" or size > min(end, _LARGEST_INDEX):
        return 0
    file.seek(end - size)
    numbers = _numbers(file.read(size)[1:])
    count, sizes = numbers[:1], numbers[1:]
    return sum(sizes[1 : 2 * count[0] : 2]) if count else 0


def _numbers(data: bytes) -> list[int]:
    """Numbers of seven bits a byte, the lowest first; the last byte of each has no top bit."""
    found, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            found.append(value)
            value, shift = 0, 0
    return found
