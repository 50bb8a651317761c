"""What AT&T's assembler calls instructions that Intel's manual, and capstone, call otherwise."""

from __future__ import annotations

from pycrash.kernel.text.disasm.encoding import (
    ADDR32,
    CS,
    DATA16,
    DS,
    FS,
    GS,
    PREFIXES,
    REX_W,
    Encoding,
)

LETTERS = {1: "b", 2: "w", 4: "l", 8: "q"}

#: Instructions whose width only the memory they name can tell: AT&T adds its letter to the
#: name where no register does.
SIZED = frozenset(
    """
    add or adc sbb and sub xor cmp test mov inc dec neg not mul imul div idiv rol ror rcl rcr
    shl shr sar sal bt bts btr btc nop ptwrite
    """.split()  # noqa: SIM905
)
#: Conversions from an integer in memory: the other operand is no integer and tells no width.
FROM_INTEGER = frozenset(
    """
    cvtsi2ss cvtsi2sd vcvtsi2ss vcvtsi2sd vcvtusi2ss vcvtusi2sd
    """.split()  # noqa: SIM905
)
#: Conversions that narrow a vector in memory: its width is not that of the register written.
NARROWING = frozenset(
    """
    vcvtpd2ps vcvtpd2dq vcvttpd2dq vcvtpd2udq vcvttpd2udq vcvtqq2ps vcvtuqq2ps
    """.split()  # noqa: SIM905
)
VECTORS = {16: "x", 32: "y", 64: "z"}
#: Loads and stores of the x87: the letter of the memory's width, for reals and integers.
REALS = {4: "s", 8: "l", 10: "t"}
INTEGERS = {2: "s", 4: "l", 8: "ll"}
X87_REALS = frozenset(
    "fld fst fstp fadd fmul fcom fcomp fsub fsubr fdiv fdivr".split()  # noqa: SIM905
)
X87_INTEGERS = frozenset(
    """
    fild fist fistp fisttp fiadd fimul ficom ficomp fisub fisubr fidiv fidivr
    """.split()  # noqa: SIM905
)
#: Names that are simply others.
RENAMED = {
    **{"cbw": "cbtw", "cwde": "cwtl", "cdqe": "cltq", "cwd": "cwtd", "cdq": "cltd"},
    **{"cqo": "cqto", "retf": "lret", "retfq": "lretq", "iretd": "iret", "pushfq": "pushf"},
    **{"popfq": "popf", "wait": "fwait", "sal": "shl", "loope": "loope", "jrcxz": "jrcxz"},
    **{"fstcw": "fnstcw", "pushaw": "pusha", "fcompi": "fcomip", "fucompi": "fucomip"},
    **{"fucomip": "fucomip", "xlatb": "xlat", "sysret": "sysretl", "sysexit": "sysexitl"},
}

#: Opcodes of which the operand-size prefix, or the address-size one, makes another name.
WIDTHS = {0x90: "", 0xC2: "retw", 0xC3: "retw", 0xC8: "enterw", 0xC9: "leavew", 0xCA: "lretw"}
WIDTHS |= {0xCB: "lretw", 0x68: "pushw", 0x6A: "pushw", 0x9C: "pushfw", 0x9D: "popfw"}
WIDTHS |= {0xCF: "iretw"}
LOOPS = {0xE0: "loopnel", 0xE1: "loopel", 0xE2: "loopl", 0xE3: "jecxz"}
#: What ends the name of a branch that is said to be likely or not.
HINTS = {CS: ",pn", DS: ",pt"}

#: By opcode: the name, whether the width's letter ends it, and the operands: source, destination
#: and accumulator.
STRINGS = {
    **dict.fromkeys((0x6C, 0x6D), ("ins", True, "(%dx),{d}")),
    **dict.fromkeys((0x6E, 0x6F), ("outs", True, "{s},(%dx)")),
    **dict.fromkeys((0xA4, 0xA5), ("movs", True, "{s},{d}")),
    **dict.fromkeys((0xA6, 0xA7), ("cmps", True, "{d},{s}")),
    **dict.fromkeys((0xAA, 0xAB), ("stos", False, "{a},{d}")),
    **dict.fromkeys((0xAC, 0xAD), ("lods", False, "{s},{a}")),
    **dict.fromkeys((0xAE, 0xAF), ("scas", False, "{d},{a}")),
    0xD7: ("xlat", False, "{b}"),
}


def reads_segment(opcode: int) -> bool:
    """Whether a string instruction reads memory whose segment a prefix chooses."""
    form = STRINGS[opcode][2]
    return "{s}" in form or "{b}" in form


def string_operands(opcode: int, encoding: Encoding) -> tuple[str, str]:
    """Name and operands of a string instruction."""
    name, letter, form = STRINGS[opcode]
    short = DATA16 in encoding.prefixes
    size = 1 if not opcode & 1 else 8 if encoding.rex & REX_W else 2 if short else 4
    if size == 8 and name in ("ins", "outs"):
        size = 4
    register = {1: "%al", 2: "%ax", 4: "%eax", 8: "%rax"}[size]
    wide = "e" if ADDR32 in encoding.prefixes else "r"
    segment = next((p for p in reversed(encoding.prefixes) if p in (FS, GS)), DS)
    source = f"%{PREFIXES[segment]}:(%{wide}"
    operands = form.format(s=f"{source}si)", b=f"{source}bx)", d=f"%es:(%{wide}di)", a=register)
    return name + (LETTERS[size] if letter else ""), operands
