"""The Interrupt Descriptor Table of x86-64 (idt_table)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from pycrash.kernel.core.reader import Reader

_GATE = 16
_VECTORS = 256


class Gate(NamedTuple):
    """An entry of the table: the handler's address, and which stack of the Interrupt Stack Table
    it runs on, counted from 1; 0 for none."""

    handler: int
    stack: int


def read_gates(kernel: Reader) -> list[Gate]:
    """The gate of each vector, none where the kernel has no table. Raises ReadError."""
    table = kernel.symbol_address("idt_table")
    if table is None:
        return []
    data = kernel.read(table, _GATE * _VECTORS, "idt_table")
    return [_gate(low, high) for low, high in struct.iter_unpack("<QQ", data)]


def _gate(low: int, high: int) -> Gate:
    handler = (high & 0xFFFFFFFF) << 32 | low >> 32 & 0xFFFF0000 | low & 0xFFFF
    return Gate(handler, low >> 32 & 7)
