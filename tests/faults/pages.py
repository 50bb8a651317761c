"""Faults of pages: left out at random, filled with zeros, swapped with others.

They are made in the dump's table, so that every reader of the dump sees the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from pycrash.files.dumpfile import PAGE_DESC
from tests.faults.dumpfiles import KdumpBytes

_DESC = PAGE_DESC.size


def damaged(dump: KdumpBytes, chance: random.Random, number: int) -> tuple[bytes, list[str]]:
    """A copy of a dump with pages that are none or others, and what is wrong with it."""
    name, damage = KINDS[number % len(KINDS)]
    # Near each other, as what is lost at once mostly is, or anywhere.
    count = chance.choice((1, 10, 200, dump.count // 20, dump.count // 3, dump.count))
    first = chance.randrange(dump.count - count + 1)
    together = chance.random() < 0.4
    ranks = range(first, first + count) if together else chance.sample(range(dump.count), count)
    content = bytearray(dump.content)
    damage(dump, content, sorted(ranks), chance)
    where = f"ranks {first}-{first + count - 1}" if together else "anywhere"
    return bytes(content), [f"pages {name}: {count} of {dump.count}, {where}"]


def _leave_out(
    dump: KdumpBytes, content: bytearray, ranks: Sequence[int], chance: random.Random
) -> None:
    """Take pages out of the second bitmap, and their descriptors out of the table."""
    gone, rank = set(ranks), 0
    begin = dump.bitmaps + dump.bitmap_size
    kept = bytearray()
    for byte, bits in enumerate(dump.dumped):
        for bit in range(8):
            if not bits >> bit & 1:
                continue
            if rank in gone:
                content[begin + byte] &= ~(1 << bit)
            else:
                at = dump.descriptors + rank * _DESC
                kept += dump.content[at : at + _DESC]
            rank += 1
    content[dump.descriptors : dump.descriptors + len(kept)] = kept


def _clear(
    dump: KdumpBytes, content: bytearray, ranks: Sequence[int], chance: random.Random
) -> None:
    """Have them be one page of zeros (or of other bytes) at the file's end."""
    page = chance.choice((b"\0", b"\0", b"\xff", b"A")) * dump.header.block_size
    place = PAGE_DESC.pack(len(content), len(page), 0, 0)
    content += page
    for rank in ranks:
        at = dump.descriptors + rank * _DESC
        content[at : at + _DESC] = place


def _swap(
    dump: KdumpBytes, content: bytearray, ranks: Sequence[int], chance: random.Random
) -> None:
    """Give each of them the content of another one."""
    others = [chance.randrange(dump.count) for _ in ranks] if len(ranks) < 3 else [*ranks]
    chance.shuffle(others)
    for rank, other in zip(ranks, others, strict=True):
        at, there = (dump.descriptors + one * _DESC for one in (rank, other))
        content[at : at + _DESC] = dump.content[there : there + _DESC]


KINDS: Sequence[
    tuple[str, Callable[[KdumpBytes, bytearray, Sequence[int], random.Random], None]]
] = (("left out", _leave_out), ("cleared", _clear), ("swapped", _swap))
