"""What an x86 instruction is called, by its operands."""

from __future__ import annotations

from typing import Any

from pycrash.kernel.text.disasm.encoding import ADDR32, DATA16, REX_W, Encoding
from pycrash.kernel.text.disasm.names import (
    FROM_INTEGER,
    HINTS,
    INTEGERS,
    LETTERS,
    LOOPS,
    REALS,
    RENAMED,
    SIZED,
    WIDTHS,
    X87_INTEGERS,
    X87_REALS,
)
from pycrash.kernel.text.disasm.operands import MEMORY, REGISTER, Operands

_SHIFTS = frozenset(("rol", "ror", "rcl", "rcr", "shl", "shr", "sar", "sal"))


def name_of(found: Any, encoding: Encoding, made: Operands) -> tuple[str, list[str]]:
    """The name of what capstone decoded, and its operands as they are shown."""
    name, texts = found.mnemonic.rpartition(" ")[2], made.texts
    operands = found.operands
    name = RENAMED.get(name, name)
    memory = next((o for o in operands if o.type == MEMORY), None)
    opcode = encoding.opcode
    if name in ("movzx", "movsx", "movsxd"):
        source = operands[1].size
        if name == "movsxd" and operands[0].size != 8:
            return name, texts
        return f"mov{name[3]}{LETTERS[source]}{LETTERS[operands[0].size]}", texts
    if opcode == b"\xff" and (encoding.modrm >> 3) & 7 in (2, 3, 4, 5):
        return ("l" if (encoding.modrm >> 3) & 1 else "") + name.lstrip("l"), [f"*{texts[0]}"]
    if opcode == b"\x90" and not operands and name == "nop" and DATA16 in encoding.prefixes:
        return "xchg", ["%ax", "%ax"]
    if DATA16 in encoding.prefixes and not encoding.rex & REX_W and encoding.form == "legacy":
        name = WIDTHS.get(opcode[0], "") or name
    if opcode == b"\xc8":
        texts.reverse()
    if ADDR32 in encoding.prefixes and len(opcode) == 1:
        name = LOOPS.get(opcode[0], name)
    if made.target is not None and memory is None:
        hint = next((HINTS[p] for p in reversed(encoding.prefixes) if p in HINTS), "")
        name += hint if name != "jmp" and name.startswith(("j", "loop")) else ""
    if opcode[0] in range(0xE4, 0xE8) or opcode[0] in range(0xEC, 0xF0):
        texts = [t.replace("%dx", "(%dx)") for t in texts]
    if opcode in (b"\xd0", b"\xd1"):
        texts[0] = "$1"
    if memory is None:
        return name, texts
    if name in SIZED:
        tells = [o for o in operands if o.type == REGISTER]
        if name in _SHIFTS:
            tells = []
        if not tells:
            return name + LETTERS.get(memory.size, ""), texts
    if name in FROM_INTEGER:
        return name + LETTERS.get(memory.size, ""), texts
    if name in X87_REALS:
        return name + REALS.get(memory.size, ""), texts
    if name in X87_INTEGERS:
        return name + INTEGERS.get(memory.size, ""), texts
    return name, texts
