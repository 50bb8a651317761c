"""Instructions of the x87 on its registers, of which AT&T's notation names both.

The assembler of AT&T exchanged fsub with fsubr and fdiv with fdivr where the result goes to
another register than the top of the stack, and has kept to it.
"""

from __future__ import annotations

#: What stands behind the name: `%st(i)`, that and the top of the stack, or the other way round.
ONE, TO_TOP, FROM_TOP = "{i}", "{i},%st", "%st,{i}"

#: By the opcode: the name of each of its eight groups of registers, None where they mean
#: something else, and the operands of those.
_GROUPS: dict[int, tuple[str, str]] = {
    0xD8: ("fadd fmul fcom fcomp fsub fsubr fdiv fdivr", TO_TOP),
    0xD9: ("fld fxch . . . . . .", ONE),
    0xDA: ("fcmovb fcmove fcmovbe fcmovu . . . .", TO_TOP),
    0xDB: ("fcmovnb fcmovne fcmovnbe fcmovnu . fucomi fcomi .", TO_TOP),
    0xDC: ("fadd fmul . . fsub fsubr fdiv fdivr", FROM_TOP),
    0xDD: ("ffree . fst fstp fucom fucomp . .", ONE),
    0xDE: ("faddp fmulp . . fsubp fsubrp fdivp fdivrp", FROM_TOP),
    0xDF: (". . . . . fucomip fcomip .", TO_TOP),
}
#: fcom and fcomp name one register, though they stand among those that name two.
_SINGLE = ("fcom", "fcomp")
#: Instructions that wait first, as they are called without the wait in front.
WAITING = {"fninit", "fnclex", "fnstcw", "fnstsw", "fnstenv", "fnsave"}


def x87_registers(opcode: int, modrm: int) -> tuple[str, str] | None:
    """Name and operands of an instruction on registers, None for any other."""
    if opcode not in _GROUPS or modrm < 0xC0:
        return None
    names, form = _GROUPS[opcode]
    name = names.split()[(modrm >> 3) & 7]
    if name == ".":
        return None
    return name, (ONE if name in _SINGLE else form).format(i=f"%st({modrm & 7})")
