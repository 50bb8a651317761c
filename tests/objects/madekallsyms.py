"""Tables of kallsyms made for tests."""

from __future__ import annotations

import struct

from pycrash.objects.kallsyms import PIECES, Symbol, Tables

BASE = 0xFFFFFFFF81000000


def made_tables(
    symbols: list[Symbol], *, base: int = BASE, order: str = "<", signed: bool = True
) -> Tables:
    """Tables in which a piece stands for each letter, but for `__` and `sched`, which have one.

    `signed` is how places were written with CONFIG_KALLSYMS_ABSOLUTE_PERCPU.
    """
    pieces = [chr(code) if 0x20 < code < 0x7F else "" for code in range(PIECES)]
    pieces[0], pieces[0xFF] = "__", "sched"
    starts, text = [], b""
    for piece in pieces:
        starts.append(len(text))
        text += piece.encode() + b"\0"
    names = b""
    for symbol in symbols:
        packed = (symbol.letter + symbol.name).encode().replace(b"__", b"\0")
        packed = packed.replace(b"sched", b"\xff")
        size = len(packed)
        names += bytes([size]) if size < 0x80 else bytes([size & 0x7F | 0x80, size >> 7])
        names += packed
    offsets = [
        symbol.address
        if symbol.absolute and signed
        else base - 1 - symbol.address
        if signed
        else symbol.address - base
        for symbol in symbols
    ]
    return Tables(
        count=len(symbols),
        names=names,
        pieces=text,
        index=struct.pack(f"{order}{PIECES}H", *starts),
        offsets=struct.pack(f"{order}{len(offsets)}{'i' if signed else 'I'}", *offsets),
        base=base,
        order=order,
    )
