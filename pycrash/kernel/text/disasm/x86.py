"""x86-64 instructions in AT&T's notation, as binutils prints them."""

from __future__ import annotations

from typing import Any

from pycrash.kernel.text.disasm.bad import bad_size, far_name, no_segment, stand_in
from pycrash.kernel.text.disasm.encoding import (
    ADDR32,
    CS,
    DATA16,
    DS,
    FS,
    GS,
    LOCK,
    LONGEST,
    PREFIXES,
    REPNZ,
    REPZ,
    SEGMENTS,
    Encoding,
    encoding_of,
)
from pycrash.kernel.text.disasm.fixed import HINTS, SELECTORS, STAND_INS, fixed
from pycrash.kernel.text.disasm.instruction import Instruction
from pycrash.kernel.text.disasm.mnemonics import name_of
from pycrash.kernel.text.disasm.names import STRINGS, WIDTHS, reads_segment, string_operands
from pycrash.kernel.text.disasm.operands import MEMORY, operand_texts
from pycrash.kernel.text.disasm.x87 import x87_registers

_REX = ("rex", "rex.B", "rex.X", "rex.XB", "rex.R", "rex.RB", "rex.RX", "rex.RXB")
_REX_NAMES = (*_REX, "rex.W", *(f"rex.W{name[4:]}" for name in _REX[1:]))


class X86:
    """Decodes one instruction after the other."""

    def __init__(self) -> None:
        import capstone

        self._full = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        self._full.detail = True
        self._plain = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        #: Which prefixes an instruction of some shape prints in front of its name.
        self._words: dict[tuple[Any, ...], tuple[str, ...]] = {}

    def decode(self, data: bytes, address: int) -> Instruction:
        """The instruction at the beginning of some bytes; "(bad)" where there is none."""
        data = data[:LONGEST]
        encoding = encoding_of(data)
        if encoding is None:
            return _made(address, data[:1], [PREFIXES.get(data[0]) or _REX_NAMES[data[0] & 15]])
        first = encoding.opcode[0]
        if encoding.rex and (first in PREFIXES or first & 0xF0 == 0x40 or first in (0x9B, 0xD5)):
            # It has to be the last prefix, fwait and REX2 among them; elsewhere it stands alone.
            words = [PREFIXES[p] for p in encoding.prefixes]
            words.append(_REX_NAMES[encoding.rex & 15])
            return _made(address, data[: encoding.rest], words)
        known = fixed(encoding, data)
        if known is not None:
            prefix, size, name, operands = known
            words = [PREFIXES[p] for p in encoding.prefixes if p != prefix]
            return _made(address, data[:size], [*words, name], operands)
        name, shape = _shape(encoding, data)
        missing = len(data) - len(shape)
        found = next(self._full.disasm(shape, address + missing, 1), None)
        if found is None:
            return self._bad(encoding, data, address)
        return self._shown(found, encoding, data[: found.size + missing], name)

    def first_byte(self, data: bytes, address: int) -> Instruction:
        """The first byte of an instruction that is not all there: a prefix, or just a byte."""
        first = data[0]
        name = PREFIXES.get(first, "")
        if first & 0xF0 == 0x40:
            name = _REX_NAMES[first & 15]
        text = name or (f".byte {first:#x}" if first else ".byte 0")
        return Instruction(address, data[:1], text, cut=True)

    def _bad(self, encoding: Encoding, data: bytes, address: int) -> Instruction:
        """What is no instruction: its prefixes, and as much as binutils looks at."""
        words = [PREFIXES[p] for p in encoding.prefixes]
        if encoding.rex and encoding.form == "legacy":
            words.append(_REX_NAMES[encoding.rex & 15])
        size = encoding.rest + bad_size(encoding, data)
        shape = stand_in(encoding, data)
        found = next(self._full.disasm(shape, address, 1), None) if shape else None
        if found is None:
            far = far_name(encoding)
            if far:
                return _made(address, data[:size], [*words, far], "(bad)")
            return _made(address, data[:size], [*words, "(bad)"])
        texts = operand_texts(found, encoding, shape).texts
        if encoding.opcode[0] == 0x8D:
            return _made(address, data[:size], [*words, "lea"], f"(bad),{texts[-1]}")
        return _made(address, data[: found.size], [*words, f"(bad) {texts[0]}"])

    def _shown(self, found: Any, encoding: Encoding, data: bytes, own_name: str) -> Instruction:
        address, opcode = found.address + found.size - len(data), encoding.opcode[0]
        words = self._prefixes(encoding, data, found)
        if encoding.form == "legacy" and opcode in STRINGS:
            name, operands = string_operands(opcode, encoding)
            return _made(address, data, [*words, name], operands)
        x87 = x87_registers(opcode, encoding.modrm)
        if x87 is not None:
            return _made(address, data, [*words, x87[0]], x87[1])
        made = operand_texts(found, encoding, data)
        name, texts = name_of(found, encoding, made)
        if no_segment(encoding):
            texts = [text.replace("%es", "%?") for text in texts]
        return _made(address, data, [*words, own_name or name], ",".join(texts), made.target)

    def _prefixes(self, encoding: Encoding, data: bytes, found: Any) -> tuple[str, ...]:
        """The words in front of the name: prefixes that are no part of the instruction."""
        if not encoding.prefixes and not encoding.rex:
            return ()
        behind = data[encoding.rest + len(encoding.opcode) :][:2]
        key = (encoding.prefixes, encoding.rex, encoding.opcode, behind)
        words = self._words.get(key)
        if words is None:
            words = self._words[key] = tuple(self._find_words(encoding, data, found))
        return words

    def _find_words(self, encoding: Encoding, data: bytes, found: Any) -> list[str]:
        words = []
        for at, prefix in enumerate(encoding.prefixes):
            last = prefix not in encoding.prefixes[at + 1 :]
            word = self._word(encoding, data, at, found) if last else PREFIXES[prefix]
            if word:
                words.append(word)
        if encoding.rex and self._idle_rex(encoding, data):
            words.append(_REX_NAMES[encoding.rex & 15])
        return words

    def _word(self, encoding: Encoding, data: bytes, at: int, found: Any) -> str:
        """What the last prefix of a kind prints, nothing where it is part of the instruction."""
        prefix, opcode = encoding.prefixes[at], encoding.opcode
        string = encoding.form == "legacy" and opcode[0] in STRINGS
        memory = string or any(o.type == MEMORY for o in found.operands)
        indirect = opcode == b"\xff" and (encoding.modrm >> 3) & 7 in (2, 4)
        if prefix in (REPZ, REPNZ):
            if string and opcode[0] != 0xD7:
                compares = opcode[0] in (0xA6, 0xA7, 0xAE, 0xAF)
                return "rep" if prefix == REPZ and not compares else PREFIXES[prefix]
            if prefix == REPNZ and _branches(encoding):
                return "bnd"
            if memory and _elides(encoding, prefix):
                return "xrelease" if prefix == REPZ else "xacquire"
        if prefix == LOCK:
            return "lock"
        if prefix == DS and indirect:
            return "notrack"
        if prefix in (CS, DS) and _hinted(encoding):
            return ""
        if prefix in SEGMENTS:
            # The last one goes, whichever of them it was that counted.
            last = not any(p in SEGMENTS for p in encoding.prefixes[at + 1 :])
            used = memory and last and (FS in encoding.prefixes or GS in encoding.prefixes)
            if string:
                used = reads_segment(opcode[0])
            return "" if used else PREFIXES[prefix]
        if prefix == ADDR32:
            loops = encoding.form == "legacy" and 0xE0 <= opcode[0] <= 0xE3
            return "" if memory or loops else PREFIXES[prefix]
        if prefix == DATA16 and encoding.form == "legacy":
            if string:
                return "" if opcode[0] & 1 and opcode[0] != 0xD7 else PREFIXES[prefix]
            if opcode[0] & 0xF4 == 0xE4:
                return "" if opcode[0] & 1 else PREFIXES[prefix]
            if opcode[0] in WIDTHS or any(o.size == 2 for o in found.operands):
                return ""
        return PREFIXES[prefix] if self._idle(data, at) else ""

    def _idle(self, data: bytes, at: int) -> bool:
        """Whether an instruction stays the same without the last prefix of a kind, and such before.

        They are those of its value up to its place.
        """
        front = data[: at + 1].replace(data[at : at + 1], b"")
        return self._seen(front + data[at + 1 :]) == self._seen(data)

    def _idle_rex(self, encoding: Encoding, data: bytes) -> bool:
        """Whether a bit of the REX prefix changes nothing."""
        at, rex = len(encoding.prefixes), encoding.rex
        if not rex & 15:
            return self._idle(data, at)
        seen = self._seen(data)
        return any(
            rex & bit and self._seen(data[:at] + bytes([rex & ~bit]) + data[at + 1 :]) == seen
            for bit in (1, 2, 4, 8)
        )

    def _seen(self, data: bytes) -> tuple[str, str] | None:
        # A branch goes to the same place if instructions of different sizes end at one address.
        for _, _, name, operands in self._plain.disasm_lite(data, LONGEST - len(data), 1):
            return name.rpartition(" ")[2], operands
        return None


def _made(
    address: int, data: bytes, words: list[str], operands: str = "", target: int | None = None
) -> Instruction:
    head = " ".join(words)
    return Instruction(address, data, f"{head:<6} {operands}" if operands else head, target)


def _is_nop(encoding: Encoding) -> bool:
    """Whether an instruction is a nop of a register that capstone knows with memory alone."""
    others = HINTS.get(encoding.opcode)
    return others is not None and encoding.modrm >= 0xC0 and not {*others} & {*encoding.prefixes}


def _shape(encoding: Encoding, data: bytes) -> tuple[str, bytes]:
    """The bytes capstone is to decode in place of those there are, and a name of its own."""
    rest, name = encoding.rest, ""
    if encoding.opcode in STAND_INS:
        other, name = STAND_INS[encoding.opcode]
        data = data[:rest] + other + data[rest + len(other) :]
    elif encoding.opcode == b"\x0f\x00" and encoding.modrm >= 0xC0:
        name = SELECTORS.get((encoding.modrm >> 3) & 7, "")
        if name:
            data = data[: rest + 2] + bytes((encoding.modrm & 0xC7,)) + data[rest + 3 :]
    elif _is_nop(encoding):
        data = data[:rest] + b"\x0f\x1f" + bytes((encoding.modrm & 0xC7,)) + data[rest + 3 :]
    elif no_segment(encoding):
        data = data[: rest + 1] + bytes((encoding.modrm & 0xC7,)) + data[rest + 2 :]
    front = data[:rest]
    if encoding.form != "legacy" and encoding.rex:
        front = front[:-1]
    # It refuses lock where the machine would; binutils shows it.
    return name, front.replace(bytes((LOCK,)), b"") + data[rest:]


def _elides(encoding: Encoding, prefix: int) -> bool:
    """Whether a repeat prefix of an instruction on memory is about the elision of a lock."""
    opcode = encoding.opcode[0]
    if encoding.form != "legacy":
        return False
    stores = prefix == REPZ and opcode in (0x88, 0x89, 0xC6, 0xC7)
    return stores or opcode in (0x86, 0x87) or LOCK in encoding.prefixes


def _hinted(encoding: Encoding) -> bool:
    """Whether a segment prefix tells how likely a branch is."""
    opcode = encoding.opcode
    if opcode[0] == 0x0F:
        return len(opcode) == 2 and opcode[1] & 0xF0 == 0x80
    return opcode[0] & 0xF0 == 0x70 or 0xE0 <= opcode[0] <= 0xE3


def _branches(encoding: Encoding) -> bool:
    """Whether an instruction is a near jump, call or return, which may bear a bound check."""
    opcode = encoding.opcode
    if opcode[0] == 0x0F:
        return len(opcode) == 2 and opcode[1] & 0xF0 == 0x80
    if opcode[0] == 0xFF:
        return (encoding.modrm >> 3) & 7 in (2, 4)
    return opcode[0] & 0xF0 == 0x70 or opcode[0] in (0xE8, 0xE9, 0xEB, 0xC2, 0xC3)
