"""Faults of the dump file: cut at every kind of place, altered in every kind of part."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from pycrash.files.dumpfile import PAGE_DESC, KdumpHeader

_NUMBERS = (
    0,
    1,
    2,
    7,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    1 << 40,
    1 << 62,
    1 << 63,
    (1 << 64) - 1,
)
#: struct disk_dump_header and kdump_sub_header: where a field is, how many bytes it has.
_HEADER_FIELDS = {
    "signature": (0, 8), "version": (8, 4), "sysname": (12, 65), "release": (142, 65),
    "machine": (272, 65), "domain": (337, 65), "status": (424, 4), "block size": (428, 4),
    "blocks of the second header": (432, 4), "blocks of the bitmaps": (436, 4), "pages": (440, 4),
    "blocks": (444, 4), "CPUs": (456, 4),
}  # fmt: skip
_SECOND_FIELDS = {
    "base": (0, 8), "level": (8, 4), "split": (12, 4), "first page": (16, 8), "last page": (24, 8),
    "place of VMCOREINFO": (32, 8), "size of VMCOREINFO": (40, 8), "place of notes": (48, 8),
    "size of notes": (56, 8), "place of erased": (64, 8), "size of erased": (72, 8),
    "first page (64)": (80, 8), "last page (64)": (88, 8), "pages (64)": (96, 8),
}  # fmt: skip


@dataclass
class KdumpBytes:
    """A kdump-compressed dump in memory, and where its parts are."""

    content: bytes

    @cached_property
    def header(self) -> KdumpHeader:
        header = KdumpHeader.parse(self.content[: 1 << 17])
        assert header is not None
        return header

    @property
    def second(self) -> int:
        """Where the second header is."""
        return self.header.block_size

    @property
    def bitmaps(self) -> int:
        """Where the two bitmaps are."""
        return (1 + self.header.sub_header_blocks) * self.header.block_size

    @property
    def bitmap_size(self) -> int:
        """Bytes of one of them."""
        return self.header.bitmap_blocks * self.header.block_size // 2

    @property
    def descriptors(self) -> int:
        """Where the page descriptors are."""
        return self.bitmaps + 2 * self.bitmap_size

    @cached_property
    def dumped(self) -> bytes:
        """The bitmap of pages that are in the dump."""
        begin = self.bitmaps + self.bitmap_size
        return self.content[begin : begin + self.bitmap_size]

    @cached_property
    def count(self) -> int:
        """How many pages the dump has."""
        return int.from_bytes(self.dumped, "little").bit_count()

    @property
    def data(self) -> int:
        """Where the data of pages begins."""
        return self.descriptors + self.count * PAGE_DESC.size

    def second_field(self, name: str) -> int:
        """What a field of the second header says."""
        at, size = _SECOND_FIELDS[name]
        begin = self.second + at
        return int.from_bytes(self.content[begin : begin + size], "little")

    def descriptor(self, rank: int) -> tuple[int, int, int, int]:
        """Offset, size, flags and page flags of the page of that rank."""
        return PAGE_DESC.unpack_from(self.content, self.descriptors + rank * PAGE_DESC.size)


class FileDamage:
    """Damages one copy of a dump by one stream of chance."""

    def __init__(self, dump: KdumpBytes, chance: random.Random) -> None:
        self.dump = dump
        self.chance = chance
        self.content = bytearray(dump.content)
        self.told: list[str] = []

    def cut(self) -> None:
        """Cut at a border of the format, one byte beside it, or anywhere."""
        dump, chance = self.dump, self.chance
        page = dump.descriptor(chance.randrange(dump.count))
        last = dump.descriptor(dump.count - 1)
        borders = [
            0, 1, 8, 424, 512, dump.second, dump.second + 104, dump.bitmaps,
            dump.second_field("place of VMCOREINFO"), dump.second_field("place of notes"),
            dump.bitmaps + dump.bitmap_size, dump.descriptors, dump.descriptors + 24, dump.data,
            page[0], page[0] + page[1], last[0], last[0] + last[1], len(dump.content),
        ]  # fmt: skip
        at = chance.choice(borders) + chance.choice((0, -1, 1, 3))
        if chance.random() < 0.5:
            at = chance.randrange(chance.choice([b for b in borders if b > 1]))
        at = max(0, min(at, len(self.content) - 1))
        del self.content[at:]
        self.told.append(f"cut at {at}")

    def header(self) -> None:
        """Fields of both headers."""
        for _ in range(self.chance.choice((1, 1, 3))):
            base, fields = self.chance.choice(
                ((0, _HEADER_FIELDS), (self.dump.second, _SECOND_FIELDS))
            )
            name = self.chance.choice([*fields])
            at, size = fields[name]
            number = self.chance.choice((*_NUMBERS, self.chance.getrandbits(64)))
            self.put(base + at, (number.to_bytes(8, "little") * 9)[:size], name)

    def notes(self) -> None:
        """VMCOREINFO and the notes of the CPUs: their heads, their lines."""
        for what in ("VMCOREINFO", "notes"):
            at = self.dump.second_field(f"place of {what}")
            size = self.dump.second_field(f"size of {what}")
            if size and self.chance.random() < 0.7:
                self.spoil(at, at + size, what)

    def bitmap(self) -> None:
        """The bitmaps: bits turned, pieces all set or all clear."""
        begin, size = self.dump.bitmaps, self.dump.bitmap_size
        used = self.dump.header.max_page // 8
        low = begin + self.chance.choice((0, size))
        if self.chance.random() < 0.4:
            at = low + self.chance.randrange(used)
            self.put(
                at,
                self.chance.choice((b"\0", b"\xff")) * self.chance.choice((1, 64, 4096)),
                "bitmap",
            )
        else:
            self.spoil(low, low + used, "bitmap")

    def descriptor(self) -> None:
        """Page descriptors: wild places, sizes, ways of packing; in another order."""
        dump, chance = self.dump, self.chance
        for _ in range(chance.choice((1, 10, 1000))):
            rank = chance.randrange(dump.count)
            fields = [*dump.descriptor(rank)]
            way = chance.randrange(5)
            if way < 4:
                bits = (63, 32, 32, 64)[way]
                number = chance.choice((*_NUMBERS, len(self.content) - 1, chance.getrandbits(64)))
                fields[way] = number % (1 << bits)
                if way == 2 and chance.random() < 0.7:
                    fields[2] = chance.choice((0, 1, 2, 4, 0x20, 3, 8))
            else:
                fields = [*dump.descriptor(chance.randrange(dump.count))]
            self.put(dump.descriptors + 24 * rank, PAGE_DESC.pack(*fields), "descriptor")

    def data(self) -> None:
        """What is in the pages: bits turned, zeros, pieces of others, bombs."""
        dump, chance = self.dump, self.chance
        if chance.random() < 0.2:
            bomb = zlib.compress(bytes(1 << 24))
            rank = chance.randrange(dump.count)
            self.put(
                dump.descriptors + 24 * rank,
                PAGE_DESC.pack(len(self.content), len(bomb), 1, 0),
                "bomb",
            )
            self.content += bomb
        self.spoil(dump.data, len(self.content), "data")

    def spoil(self, low: int, high: int, what: str) -> None:
        """Turn bits, or overwrite pieces, between two places."""
        high = min(high, len(self.content))
        if high <= low:
            return
        for _ in range(self.chance.choice((1, 10, 1000))):
            at = self.chance.randrange(low, high)
            if self.chance.random() < 0.7:
                self.put(at, bytes([self.content[at] ^ 1 << self.chance.randrange(8)]), what)
            else:
                size = min(self.chance.choice((1, 8, 100)), high - at)
                self.put(at, self.chance.choice((bytes(size), self.chance.randbytes(size))), what)

    def put(self, at: int, data: bytes, what: str) -> None:
        """Overwrite bytes of the copy."""
        if self.content[at : at + len(data)] != data:
            self.content[at : at + len(data)] = data
            self.told.append(f"{what}: byte {at} = {data[:16].hex()}")

    def packed(self) -> None:
        """A flattened or a compressed dump that is cut or spoilt."""
        way = self.chance.randrange(4)
        if way == 0:
            self.content = flattened(self.dump.content, self.chance)
        else:
            pack = (gzip.compress, lambda b: lzma.compress(b, preset=0), bz2.compress)[way - 1]
            # Packed as a whole it takes seconds: its beginning is as good for this.
            self.content = bytearray(pack(self.dump.content[: 1 << 20]))
        how = self.chance.randrange(3)
        if how == 0:
            del self.content[self.chance.randrange(len(self.content)) :]
        elif how == 1:
            self.spoil(0, len(self.content), "packed")
        else:
            at = self.chance.randrange(min(8192, len(self.content) - 16))
            number = self.chance.choice(_NUMBERS)
            self.put(at, struct.pack(">Q", number), "packed")
        self.told.append(f"packed in way {way}, damaged in way {how}")


def flattened(content: bytes, chance: random.Random) -> bytearray:
    """The dump as makedumpfile -F writes it: pieces, each with its place and size before it."""
    packed = bytearray(b"makedumpfile\0\0\0\0" + struct.pack(">qq", 1, 1)).ljust(4096, b"\0")
    at, wrong = 0, chance.random() < 0.5
    while at < len(content):
        piece = content[at : at + (1 << 20)]
        place, size = at, len(piece)
        if wrong and chance.random() < 0.1:
            place = chance.choice((-5, 1 << 40, 1 << 62, at // 2))
        if wrong and chance.random() < 0.1:
            size = chance.choice((-1, 0, 1 << 40, 1 << 62, size // 2))
        packed += struct.pack(">qq", place, size) + piece
        at += len(piece)
    return packed + struct.pack(">qq", -1, -1)


KINDS: Sequence[tuple[str, Callable[[FileDamage], None]]] = (
    ("cut", FileDamage.cut),
    ("headers", FileDamage.header),
    ("notes", FileDamage.notes),
    ("bitmaps", FileDamage.bitmap),
    ("descriptors", FileDamage.descriptor),
    ("page data", FileDamage.data),
    ("packed", FileDamage.packed),
)


def damaged(dump: KdumpBytes, chance: random.Random, number: int) -> tuple[bytes, list[str]]:
    """A damaged copy of a dump, the kinds of damage in turn, and what is wrong with it."""
    kind, damage = KINDS[number % len(KINDS)]
    copy = FileDamage(dump, chance)
    while not copy.told:
        damage(copy)
    return bytes(copy.content), [f"{kind}:", *copy.told]
