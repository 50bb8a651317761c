"""The parts of an x86 instruction as they lie in memory: prefixes, opcode, ModRM.

capstone gives what an instruction does; what binutils prints depends on how it was written
as well: an 8-bit displacement of zero, a prefix that changes nothing, an index that is none.
"""

from __future__ import annotations

from typing import NamedTuple

CS, DS, ES, SS, FS, GS = 0x2E, 0x3E, 0x26, 0x36, 0x64, 0x65
DATA16, ADDR32, LOCK, REPNZ, REPZ = 0x66, 0x67, 0xF0, 0xF2, 0xF3
#: The prefixes, by the name binutils gives one that is not part of the instruction.
PREFIXES = {
    **{CS: "cs", DS: "ds", ES: "es", SS: "ss", FS: "fs", GS: "gs"},
    **{DATA16: "data16", ADDR32: "addr32", LOCK: "lock", REPNZ: "repnz", REPZ: "repz"},
}
SEGMENTS = (CS, DS, ES, SS, FS, GS)
REX_W, REX_R, REX_X, REX_B = 8, 4, 2, 1
#: The longest instruction the machine takes.
LONGEST = 15


class Encoding(NamedTuple):
    """`prefixes` in their order; `rex` 0 where there is none; `opcode` with its escape bytes."""

    prefixes: bytes
    rex: int
    opcode: bytes
    #: Behind the opcode; -1 where no byte is left.
    modrm: int
    #: "legacy", "vex" or "evex".
    form: str

    @property
    def rest(self) -> int:
        """Where the bytes behind prefixes begin, REX among the prefixes."""
        return len(self.prefixes) + bool(self.rex)


def encoding_of(data: bytes) -> Encoding | None:
    """The parts of the instruction at the beginning of some bytes, None where they end too soon."""
    at = 0
    while at < len(data) and data[at] in PREFIXES:
        at += 1
    prefixes = data[:at]
    rex = 0
    if at < len(data) and data[at] & 0xF0 == 0x40:
        rex, at = data[at], at + 1
    if at >= len(data):
        return None
    form, size = "legacy", 1
    first = data[at]
    if first in (0xC4, 0xC5):
        form, size = "vex", 4 if first == 0xC4 else 3
    elif first == 0x62:
        form, size = "evex", 5
    elif first == 0x0F:
        second = data[at + 1] if at + 1 < len(data) else 0
        size = 3 if second in (0x38, 0x3A) else 2
    opcode = data[at : at + size]
    behind = at + size
    modrm = data[behind] if behind < len(data) else -1
    return Encoding(prefixes, rex, opcode, modrm, form)
