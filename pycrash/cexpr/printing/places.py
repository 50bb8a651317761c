"""Where a value's bytes are, and the number that a scalar's bytes make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import drgn
from drgn import TypeKind

from pycrash.cexpr.printing import numbers
from pycrash.cexpr.printing.ctype import CType

if TYPE_CHECKING:
    from pycrash.kernel.core.reader import Reader


@dataclass(frozen=True)
class Place:
    """A value's bytes: `data` begins with the outermost object, which lies at `address`.

    `bit` is where in `data` the value begins; `bits` its width where it is a bit-field,
    else 0.
    """

    data: bytes
    address: int
    bit: int = 0
    bits: int = 0

    @property
    def at(self) -> int:
        """The address of the value itself."""
        return self.address + self.bit // 8


def unpack(ctype: CType, place: Place) -> int | float:
    """The number a scalar's bytes hold."""
    size = ctype.size
    start = place.bit // 8
    order: Literal["little", "big"] = "little" if ctype.little else "big"
    if ctype.kind == TypeKind.FLOAT:
        return numbers.unpack_float(place.data[start : start + size], ctype.little)
    if not place.bits and not place.bit % 8:
        return int.from_bytes(place.data[start : start + size], order, signed=ctype.signed)
    bits = place.bits or size * 8
    end = (place.bit + bits + 7) // 8
    value = int.from_bytes(place.data[start:end], order)
    low = place.bit % 8 if ctype.little else end * 8 - place.bit - bits
    value = (value >> low) & ((1 << bits) - 1)
    if ctype.signed and value >> (bits - 1):
        value -= 1 << bits
    return value


def place_of(kernel: Reader, value: drgn.Object, ctype: CType) -> Place:
    """Read a value's own bytes. Raises ReadError where its memory cannot be read."""
    bits = value.bit_field_size_ or 0
    if value.address_ is None:
        if bits:
            number = int(value) & ((1 << bits) - 1)
            return Place(number.to_bytes(16, "little" if ctype.little else "big"), 0, 0, bits)
        return Place(value.to_bytes_() if ctype.size else b"", 0)
    if not ctype.size:
        return Place(b"", value.address_)
    bit = value.bit_offset_ or 0
    size = (bit + (bits or 8 * ctype.size) + 7) // 8
    data = kernel.read(value.address_, size, "gdb_readmem_callback")
    return Place(data, value.address_, bit, bits)
