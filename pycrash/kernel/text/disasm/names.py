"""What AT&T's assembler calls instructions that Intel's manual, and capstone, call otherwise."""

from __future__ import annotations

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
#: AT&T's assembler exchanged these names once, and has kept to it, where the result goes to
#: another register than the top of the stack.
X87_EXCHANGED = {
    **{"fsub": "fsubr", "fsubr": "fsub", "fdiv": "fdivr", "fdivr": "fdiv"},
    **{"fsubp": "fsubrp", "fsubrp": "fsubp", "fdivp": "fdivrp", "fdivrp": "fdivp"},
}

#: Names that are simply others.
RENAMED = {
    **{"cbw": "cbtw", "cwde": "cwtl", "cdqe": "cltq", "cwd": "cwtd", "cdq": "cltd"},
    **{"cqo": "cqto", "retf": "lret", "retfq": "lretq", "iretd": "iret", "pushfq": "pushf"},
    **{"popfq": "popf", "wait": "fwait", "sal": "shl", "loope": "loope", "jrcxz": "jrcxz"},
    **{"fstcw": "fnstcw", "pushaw": "pusha", "fcompi": "fcomip", "fucompi": "fucomip"},
    **{"fucomip": "fucomip", "xlatb": "xlat", "sysret": "sysretl", "sysexit": "sysexitl"},
}

#: Predicates of the comparisons, in the middle of whose names they stand.
PREDICATES = """
    eq lt le unord neq nlt nle ord eq_uq nge ngt false neq_oq ge gt true eq_os lt_oq le_oq
    unord_s neq_us nlt_uq nle_uq ord_s eq_us nge_uq ngt_uq false_os neq_os ge_oq gt_oq true_us
    """.split()  # noqa: SIM905
#: Integer comparisons of AVX-512; 3 and 7 have no name.
INTEGER_PREDICATES = {0: "eq", 1: "lt", 2: "le", 4: "neq", 5: "nlt", 6: "nle"}
CARRYLESS = {0x00: "lqlq", 0x01: "hqlq", 0x10: "lqhq", 0x11: "hqhq"}


def string_operands(opcode: int, wide: bool, short: bool, segment: str) -> tuple[str, str] | None:
    """Name and operands of a string instruction, by its opcode; None for any other.

    `wide` is REX.W, `short` the operand-size prefix, `segment` that of what is read.
    """
    if opcode not in STRINGS:
        return None
    name, letter, form = STRINGS[opcode]
    size = 1 if not opcode & 1 else 8 if wide else 2 if short else 4
    if size == 8 and name in ("ins", "outs"):
        size = 4
    register = {1: "%al", 2: "%ax", 4: "%eax", 8: "%rax"}[size]
    operands = form.format(s=f"%{segment}:(%rsi)", d="%es:(%rdi)", a=register)
    return name + (LETTERS[size] if letter else ""), operands


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
}
