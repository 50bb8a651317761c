"""The operands of x86 instructions in AT&T's notation and order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pycrash.kernel.text.disasm.encoding import FS, GS, PREFIXES, Encoding

REGISTER, IMMEDIATE, MEMORY = 1, 2, 3
WORD = (1 << 64) - 1


@dataclass
class Operands:
    """Texts in AT&T's order; the address a branch goes to, or that data has."""

    texts: list[str] = field(default_factory=list)
    target: int | None = None


def operand_texts(found: Any, encoding: Encoding, data: bytes) -> Operands:
    """The operands of what capstone decoded."""
    made = Operands()
    operands = list(found.operands)
    mask = _mask(encoding, operands, found)
    for operand in operands:
        if operand.type == REGISTER:
            text = register(found.reg_name(operand.reg))
        elif operand.type == IMMEDIATE:
            text = _immediate(found, encoding, operands, operand, made)
        else:
            text = _memory(found, encoding, data, operand, made)
        made.texts.append(text)
    if mask:
        made.texts[0] += mask
    made.texts.reverse()
    if made.target is not None and made.texts and "(%rip)" in " ".join(made.texts):
        made.texts[-1] += f"        # {made.target:#x}"
    return made


def register(name: str) -> str:
    """A register's name with its mark."""
    if name.startswith("dr"):
        name = f"db{name[2:]}"
    return "%st" if name == "st(0)" else f"%{name}"


def _immediate(
    found: Any, encoding: Encoding, operands: list[Any], operand: Any, made: Operands
) -> str:
    """`$0x10`, as wide as the operation; without the dollar where it is a branch's target."""
    value = operand.imm
    if _is_relative(encoding):
        made.target = value & WORD
        return f"{made.target:#x}"
    size = max((o.size for o in operands if o.type != IMMEDIATE), default=operand.size)
    if encoding.form == "legacy" and encoding.opcode[0] in (0xC2, 0xC8, 0xCA):
        size = 1 if operand is not operands[0] else 2
    if encoding.opcode == b"\xc6" and encoding.modrm == 0xF8:
        size = 1
    if size > 8:
        size = 1
    return f"${value & ((1 << 8 * size) - 1):#x}"


def _is_relative(encoding: Encoding) -> bool:
    opcode = encoding.opcode
    if encoding.form != "legacy":
        return False
    if opcode[0] == 0x0F:
        return opcode[1] & 0xF0 == 0x80
    return (
        opcode[0] & 0xF0 == 0x70
        or 0xE0 <= opcode[0] <= 0xE3
        or opcode[0]
        in (
            0xE8,
            0xE9,
            0xEB,
        )
        or (opcode[0] == 0xC7 and encoding.modrm == 0xF8)
    )


def _memory(found: Any, encoding: Encoding, data: bytes, operand: Any, made: Operands) -> str:
    """`%gs:0x10(%rax,%rbx,8)`; a displacement and an index stand there as they were encoded."""
    memory = operand.mem
    segment = next((p for p in reversed(encoding.prefixes) if p in (FS, GS)), 0)
    front = f"%{PREFIXES[segment]}:" if segment else ""
    if encoding.form == "legacy" and encoding.opcode[0] in (0xA0, 0xA1, 0xA2, 0xA3):
        return f"{front}{memory.disp & WORD:#x}"
    modrm, behind = encoding.modrm, encoding.rest + len(encoding.opcode) + 1
    kind, low = modrm >> 6, modrm & 7
    sib = data[behind] if low == 4 and behind < len(data) else -1
    has_displacement = kind in (1, 2) or (kind == 0 and (low == 5 or (low == 4 and sib & 7 == 5)))
    shift = memory.disp
    base = found.reg_name(memory.base) if memory.base else ""
    index = found.reg_name(memory.index) if memory.index else ""
    if base in ("rip", "eip"):
        made.target = (found.address + found.size + shift) & WORD
        return f"{front}{signed(shift)}(%{base})" + _broadcast(operand)
    if not base and (not index or index in ("riz", "eiz")) and sib >> 6 <= 0:
        return f"{front}{shift & WORD:#x}" + _broadcast(operand)
    place = f"%{base}" if base else ""
    if sib >= 0 and (index or sib >> 6 or sib & 7 != 4):
        wide = "e" if base.startswith("e") else "r"
        place += f",%{index or wide + 'iz'},{1 << (sib >> 6)}"
    text = f"{front}{signed(shift) if has_displacement else ''}({place})"
    return text + _broadcast(operand)


def signed(value: int) -> str:
    """A displacement, with its sign."""
    return f"-{-value:#x}" if value < 0 else f"{value:#x}"


def _broadcast(operand: Any) -> str:
    many = {1: 2, 2: 4, 3: 8, 4: 16}.get(operand.avx_bcast, 0)
    return f"{{1to{many}}}" if many else ""


def _mask(encoding: Encoding, operands: list[Any], found: Any) -> str:
    """The mask of an AVX-512 instruction, which goes from the operands."""
    if encoding.form != "evex":
        return ""
    last = encoding.opcode[3]
    number = last & 7
    if not number:
        return ""
    for at, operand in enumerate(operands):
        if at and operand.type == REGISTER and found.reg_name(operand.reg) == f"k{number}":
            del operands[at]
            break
    return f"{{%k{number}}}" + ("{z}" if last & 0x80 else "")
