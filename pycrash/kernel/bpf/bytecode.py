"""The instructions of BPF programs (struct bpf_insn), decoded one by one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from pycrash.kernel.bpf.objects import INSTRUCTION, BpfObjects
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.symbols.table import SymbolTable

#: The load of a 64-bit constant is the one instruction of two places.
_LOAD_CONSTANT = 0x18
_CALL, _TAIL_CALL = 0x85, 0xF5
#: What src_reg says of a call: inside of the program.
_INSIDE = 1


class Instruction(NamedTuple):
    """One instruction at a `place` among those of eight bytes: its bytes, and its parts.

    `constant` is the immediate value, of a load of 64 bits all of it. `map` is the id of the
    map that a constant is the address of, `function` what is called.
    """

    place: int
    data: bytes
    code: int
    destination: int
    source: int
    offset: int
    constant: int
    map: int | None = None
    function: str | None = None


class Bytecode:
    """Decodes programs. `decode` raises ReadError where a helper's name cannot be read."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._objects = kernel.part(BpfObjects)

    def decode(self, data: bytes) -> Iterator[Instruction]:
        """The instructions of a program, in their order."""
        form = struct.Struct(f"{self._kernel.byte_order}BBhi")
        maps = {at: number for number, at in self._objects.map_places.items()}
        place = 0
        while place < len(data) // INSTRUCTION:
            at = place * INSTRUCTION
            code, registers, offset, constant = form.unpack_from(data, at)
            low, high = registers & 15, registers >> 4
            if self._kernel.byte_order == ">":
                low, high = high, low
            size = INSTRUCTION
            map_, function = None, None
            if code == _LOAD_CONSTANT:
                size = 2 * INSTRUCTION
                upper = data[at + size - 4 : at + size]
                constant = constant & 0xFFFFFFFF | self._kernel.unsigned(upper) << 32
                map_ = maps.get(constant)
            elif code == _CALL and high != _INSIDE:
                function = self._function(constant)
            elif code == _TAIL_CALL:
                function = "bpf_tail_call"
            taken = data[at : at + size]
            yield Instruction(place, taken, code, low, high, offset, constant, map_, function)
            place += size // INSTRUCTION

    def _function(self, number: int) -> str | None:
        """What a call calls: by the number of a helper, or by the distance from a symbol."""
        name = self._objects.helper_name(number)
        base = self._kernel.symbol_address("__bpf_call_base")
        if name is not None or base is None:
            return name
        found = self._kernel.part(SymbolTable).lookup(base + number & self._kernel.word_mask)
        return found[0].name if found is not None and not found[1] else None
