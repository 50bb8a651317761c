"""What binutils makes of bytes that are no x86 instruction: how far it looks at them."""

from __future__ import annotations

from pycrash.kernel.text.disasm.encoding import Encoding

#: Maps of opcodes that binutils knows, by the first byte of the prefix that chooses one.
_MAPS = {0xC4: (1, 2, 3, 7), 0x8F: (8, 9, 10), 0x62: (1, 2, 3, 4, 5, 6, 7)}
_MAP_BITS = {0xC4: 0x1F, 0x8F: 0x1F, 0x62: 7}
#: Far calls and jumps have no register to go to; their name is known all the same.
_FAR = {3: "lcall", 5: "ljmp"}


def bad_size(encoding: Encoding, data: bytes) -> int:
    """The bytes behind the prefixes that "(bad)" stands for."""
    first, at = encoding.opcode[0], encoding.rest
    second = data[at + 1] if at + 1 < len(data) else 0
    if first in _MAPS and second & _MAP_BITS[first] not in _MAPS[first]:
        return 1
    sizes = {0xC4: 4, 0xC5: 3, 0x62: 5, 0x8F: 4, 0xD5: 3}
    return 2 if first & 0xF8 == 0xD8 else sizes.get(first, len(encoding.opcode))


def far_name(encoding: Encoding) -> str:
    """The name of a far call or jump to a register, empty for anything else."""
    far = encoding.opcode == b"\xff" and encoding.modrm >= 0xC0
    return _FAR.get((encoding.modrm >> 3) & 7, "") if far else ""


def no_segment(encoding: Encoding) -> bool:
    """Whether an instruction moves a segment register that there is none of; `%?` stands for it."""
    return encoding.opcode in (b"\x8c", b"\x8e") and (encoding.modrm >> 3) & 7 >= 6


def stand_in(encoding: Encoding, data: bytes) -> bytes:
    """An instruction whose operands are those that are shown, empty where there are none.

    The x87 has opcodes that name memory and do nothing; lea of a register names the other.
    """
    front, behind = data[: encoding.rest], data[encoding.rest + 2 :]
    first, modrm = encoding.opcode[0], encoding.modrm
    if first & 0xF8 == 0xD8 and 0 <= modrm < 0xC0:
        return front + bytes((0xD8, modrm & 0xC7)) + behind
    if first == 0x8D and modrm >= 0xC0:
        return front + bytes((0x8B, modrm)) + behind
    return b""
