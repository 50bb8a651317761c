"""How much of the stack a function of x86-64 has taken at an address, counted from its code.

For text that no unwind table describes: the instructions from the function's start are
walked, and those that move the stack pointer add up.
"""

from __future__ import annotations

#: A function is never longer; where the next symbol is further away, there is no telling.
MAX_CODE = 1 << 18

_LEGACY_PREFIXES = frozenset(b"\x66\x67\xf0\xf2\xf3\x2e\x36\x3e\x26\x64\x65")
_MODRM = frozenset(
    [op for op in range(0x40) if op & 7 < 4]
    + [0x63, 0x69, 0x6B, 0xC0, 0xC1, 0xC6, 0xC7, 0xF6, 0xF7, 0xFE, 0xFF]
    + [*range(0x80, 0x90), *range(0xD0, 0xD4), *range(0xD8, 0xE0)]
)
_IMM8 = frozenset(
    [op for op in range(0x40) if op & 7 == 4]
    + [0x6A, 0x6B, 0x80, 0x82, 0x83, 0xA8, 0xC0, 0xC1, 0xC6, 0xCD, 0xEB]
    + [*range(0x70, 0x80), *range(0xB0, 0xB8), *range(0xE0, 0xE8)]
)
_IMM32 = frozenset(
    [op for op in range(0x40) if op & 7 == 5] + [0x68, 0x69, 0x81, 0xA9, 0xC7, *range(0xB8, 0xC0)]
)
_NEAR = frozenset([0xE8, 0xE9])
_TWO_BYTE_PLAIN = frozenset(
    (
        *(0x05, 0x06, 0x07, 0x08, 0x09, 0x0B, 0x0E, 0x77, 0xA0, 0xA1, 0xA2, 0xA8, 0xA9, 0xAA),
        *range(0x30, 0x38),
        *range(0x80, 0x90),
        *range(0xC8, 0xD0),
    )
)
_TWO_BYTE_IMM8 = frozenset([0x0F, 0x70, 0x71, 0x72, 0x73, 0xA4, 0xAC, 0xBA, 0xC2, 0xC4, 0xC5, 0xC6])

_STACK_POINTER = 4


def _modrm_length(code: bytes, at: int) -> int:
    """Bytes of a ModRM byte with the SIB byte and displacement it asks for."""
    modrm = code[at]
    mode, low = modrm >> 6, modrm & 7
    if mode == 3:
        return 1
    length = 1
    if low == 4:
        length += 1
        if mode == 0 and code[at + 1] & 7 == 5:
            length += 4
    elif mode == 0 and low == 5:
        length += 4
    return length + (0, 1, 4)[mode]


class Instruction:
    """One decoded instruction: its bytes and what it does to the stack pointer.

    `effect` is "push", "pop", "add", "sub", "ret" or "", `amount` the bytes added or taken
    by add and sub. Raises IndexError where the code ends in the middle.
    """

    __slots__ = ("amount", "effect", "length")

    def __init__(self, code: bytes, start: int) -> None:
        self.effect = ""
        self.amount = 0
        at = start
        narrow = short_address = False
        while code[at] in _LEGACY_PREFIXES:
            narrow |= code[at] == 0x66
            short_address |= code[at] == 0x67
            at += 1
        prefixed = at > start
        rex = 0
        if code[at] & 0xF0 == 0x40:
            rex = code[at]
            at += 1
        op = code[at]
        at += 1
        if op == 0x0F:
            at = self._two_byte(code, at, narrow)
        elif op in (0xC4, 0xC5, 0x62):
            at = self._vector(code, at, op)
        else:
            at = self._one_byte(code, at, op, narrow, rex, short_address, prefixed)
        self.length = at - start
        if at > len(code):
            raise IndexError

    def _one_byte(
        self,
        code: bytes,
        at: int,
        op: int,
        narrow: bool,
        rex: int,
        short_address: bool,
        prefixed: bool,
    ) -> int:
        register = 0
        wide = bool(rex & 8)
        rm_is_sp = False
        if op in _MODRM:
            register = code[at] >> 3 & 7
            rm_is_sp = code[at] >> 6 == 3 and code[at] & 7 == _STACK_POINTER
            rm_is_sp &= not rex & 1
            at += _modrm_length(code, at)
        immediate = self._immediate_length(op, register, narrow, wide, short_address)
        if 0x50 <= op < 0x58 or op in (0x68, 0x6A, 0x9C) or (op == 0xFF and register == 6):
            self.effect = "push"
        elif 0x58 <= op < 0x60 or op == 0x9D or (op == 0x8F and register == 0):
            self.effect = "pop"
        elif op in (0x81, 0x83) and rm_is_sp and wide and register in (0, 5):
            self.effect = "add" if register == 0 else "sub"
            self.amount = int.from_bytes(code[at : at + immediate], "little", signed=True)
        elif op in (0xC2, 0xC3) and not prefixed:
            self.effect = "ret"
        return at + immediate

    @staticmethod
    def _immediate_length(
        op: int, register: int, narrow: bool, wide: bool, short_address: bool
    ) -> int:
        if op in _IMM8 or (op == 0xF6 and register < 2):
            return 1
        if op in _NEAR:
            return 4
        if 0xB8 <= op < 0xC0 and wide:
            return 8
        if op in _IMM32 or (op == 0xF7 and register < 2):
            return 2 if narrow else 4
        if 0xA0 <= op < 0xA4:
            return 4 if short_address else 8
        return {0xC2: 2, 0xCA: 2, 0xC8: 3}.get(op, 0)

    def _two_byte(self, code: bytes, at: int, narrow: bool) -> int:
        op = code[at]
        at += 1
        if op == 0x38:
            return at + 1 + _modrm_length(code, at + 1)
        if op == 0x3A:
            return at + 2 + _modrm_length(code, at + 1)
        if op in (0xA0, 0xA8):
            self.effect = "push"
        elif op in (0xA1, 0xA9):
            self.effect = "pop"
        if 0x80 <= op < 0x90:
            return at + 4
        if op in _TWO_BYTE_PLAIN:
            return at
        return at + _modrm_length(code, at) + (op in _TWO_BYTE_IMM8)

    @staticmethod
    def _vector(code: bytes, at: int, op: int) -> int:
        """VEX and EVEX: a payload that names the opcode map, the opcode, ModRM, maybe a byte."""
        payload = {0xC5: 1, 0xC4: 2, 0x62: 3}[op]
        table = 1 if op == 0xC5 else code[at] & (0x1F if op == 0xC4 else 7)
        at += payload
        opcode = code[at]
        at += 1
        if op != 0x62 and table == 1 and opcode == 0x77:
            return at
        return (
            at + _modrm_length(code, at) + (table == 3 or (table == 1 and opcode in _TWO_BYTE_IMM8))
        )


def count_frame(code: bytes, end: int, interrupted: bool) -> int:
    """Bytes a function has put on the stack when its code has run up to `end`.

    `code` begins at the function's start and goes a few bytes beyond `end`, an offset into it.
    `interrupted` tells that the instruction at `end` is one that faulted, not the one behind
    a call.
    """
    size = most = at = 0
    while at < end or (at == end and interrupted):
        try:
            instruction = Instruction(code, at)
        except IndexError:
            break
        at += instruction.length
        match instruction.effect:
            case "push":
                size += 8
                most = size
            case "sub":
                size += instruction.amount
                most = size
            case "pop" if size > 0:
                size -= 8
            case "add" if size > 0:
                size -= instruction.amount
            case "ret" if not interrupted:
                size = most
    return size


def call_target(code: bytes, address: int) -> int | None:
    """Where the direct call whose five bytes are at `address` leads; None for any other code."""
    if len(code) < 5 or code[0] != 0xE8:
        return None
    return (address + 5 + int.from_bytes(code[1:5], "little", signed=True)) & (1 << 64) - 1
