"""x86-64 instructions in AT&T's notation, as binutils prints them."""

from __future__ import annotations

from typing import Any

from pycrash.kernel.text.disasm.encoding import (
    ADDR32,
    DATA16,
    DS,
    FS,
    GS,
    LOCK,
    LONGEST,
    PREFIXES,
    REPNZ,
    REPZ,
    REX_W,
    SEGMENTS,
    Encoding,
    encoding_of,
)
from pycrash.kernel.text.disasm.fixed import STAND_INS, fixed
from pycrash.kernel.text.disasm.instruction import Instruction
from pycrash.kernel.text.disasm.mnemonics import name_of
from pycrash.kernel.text.disasm.names import STRINGS, string_operands
from pycrash.kernel.text.disasm.operands import operand_texts

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
            return _made(address, data[:1], [PREFIXES.get(data[0]) or _REX_NAMES[data[0] & 15]], "")
        known = fixed(encoding, data)
        if known is not None:
            prefix, size, name, operands = known
            words = [PREFIXES[p] for p in encoding.prefixes if p != prefix]
            return _made(address, data[:size], [*words, name], operands)
        stand_in, own_name = STAND_INS.get(encoding.opcode, (b"", ""))
        shape = data
        if stand_in:
            behind = encoding.rest + len(stand_in)
            shape = data[: encoding.rest] + stand_in + data[behind:]
        found = next(self._full.disasm(shape, address, 1), None)
        if found is None:
            return self._bad(encoding, data, address)
        return self._shown(found, encoding, data[: found.size], own_name)

    def _bad(self, encoding: Encoding, data: bytes, address: int) -> Instruction:
        """What is no instruction: its prefixes and one byte."""
        words = [PREFIXES[p] for p in encoding.prefixes]
        if encoding.rex:
            words.append(_REX_NAMES[encoding.rex & 15])
        return _made(address, data[: encoding.rest + 1], [*words, "(bad)"], "")

    def _shown(self, found: Any, encoding: Encoding, data: bytes, own_name: str) -> Instruction:
        address = found.address
        words = self._prefixes(encoding, data, found)
        target: int | None = None
        string = self._string(encoding)
        if string is not None:
            name, operands = string
        else:
            made = operand_texts(found, encoding, data)
            name, texts = name_of(found, encoding, made)
            operands, target = ",".join(texts), made.target
        return _made(address, data, [*words, own_name or name], operands, target)

    @staticmethod
    def _string(encoding: Encoding) -> tuple[str, str] | None:
        if len(encoding.opcode) != 1 or encoding.form != "legacy":
            return None
        segment = next((p for p in reversed(encoding.prefixes) if p in SEGMENTS), DS)
        return string_operands(
            encoding.opcode[0],
            bool(encoding.rex & REX_W),
            DATA16 in encoding.prefixes,
            PREFIXES[segment],
        )

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
        string = encoding.form == "legacy" and len(opcode) == 1 and opcode[0] in STRINGS
        indirect = opcode == b"\xff" and (encoding.modrm >> 3) & 7 in (2, 4)
        if prefix in (REPZ, REPNZ):
            if string:
                compares = opcode[0] in (0xA6, 0xA7, 0xAE, 0xAF)
                return "rep" if prefix == REPZ and not compares else PREFIXES[prefix]
            if prefix == REPNZ and _branches(encoding):
                return "bnd"
        if prefix == LOCK:
            return "lock"
        if prefix == DS and indirect:
            return "notrack"
        if prefix in SEGMENTS:
            memory = string or any(o.type == 3 for o in found.operands)
            used = memory and (prefix in (FS, GS) or string)
            return "" if used else PREFIXES[prefix]
        if prefix == ADDR32:
            memory = string or any(o.type == 3 for o in found.operands)
            return "" if memory else PREFIXES[prefix]
        if prefix == DATA16 and string:
            return ""
        if prefix == DATA16 and any(o.size == 2 for o in found.operands):
            return ""
        if prefix == DATA16 and opcode == b"\x90":
            return ""
        return PREFIXES[prefix] if self._idle(data, at) else ""

    def _idle(self, data: bytes, at: int) -> bool:
        """Whether an instruction stays the same without the byte at a place."""
        return self._seen(data[:at] + data[at + 1 :]) == self._seen(data)

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
    address: int, data: bytes, words: list[str], operands: str, target: int | None = None
) -> Instruction:
    head = " ".join(words)
    return Instruction(address, data, f"{head:<6} {operands}" if operands else head, target)


def _branches(encoding: Encoding) -> bool:
    """Whether an instruction is a near jump, call or return, which may bear a bound check."""
    opcode = encoding.opcode
    if opcode[0] == 0x0F:
        return len(opcode) == 2 and opcode[1] & 0xF0 == 0x80
    if opcode[0] == 0xFF:
        return (encoding.modrm >> 3) & 7 in (2, 4)
    return opcode[0] & 0xF0 == 0x70 or opcode[0] in (0xE8, 0xE9, 0xEB, 0xC2, 0xC3)
