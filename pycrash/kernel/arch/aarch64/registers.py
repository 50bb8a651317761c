"""Saved registers of 64-bit ARM: struct pt_regs, and the notes the CPUs left as they stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pycrash.kernel.core.layout import find_member, member_offset, type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.stacks.notes import crash_note, dump_note
from pycrash.kernel.tasks.table import Task

#: Registers in front of the others: x0 to x30.
GENERAL = 31
FRAME_POINTER, LINK = 29, 30
#: The mode in pstate: whether it was 32-bit code, and the exception level with its stack.
NARROW, MODE = 0x10, 0xF
USER_MODE = 0
#: EL1t, EL1h, EL2t and EL2h.
KERNEL_MODES = (4, 5, 8, 9)


class PtRegs(NamedTuple):
    """One struct pt_regs: x0 to x30, and what follows them.

    `syscall` is the whole word that holds the number of a system call.
    """

    x: tuple[int, ...]
    sp: int
    pc: int
    pstate: int
    orig_x0: int = 0
    syscall: int = 0

    @property
    def user(self) -> bool:
        """Whether they were saved in user mode."""
        return self.pstate & MODE == USER_MODE

    @property
    def narrow(self) -> bool:
        """Whether they are those of a 32-bit program."""
        return self.user and bool(self.pstate & NARROW)

    def named(self, user: bool) -> dict[str, int]:
        """Register name to value, in the order crash shows them for a mode."""
        x = self.x
        top, link, sp = (13, x[14], x[13]) if self.narrow else (30, x[LINK], self.sp)
        found = {"PC": self.pc, "LR": link, "SP": sp}
        if not user or self.narrow:
            found["PSTATE"] = self.pstate
        found |= {f"X{n}": x[n] for n in reversed(range(top))}
        if user and not self.narrow:
            found |= {"ORIG_X0": self.orig_x0, "SYSCALLNO": self.syscall, "PSTATE": self.pstate}
        return found


class PtRegsLayout:
    """Where struct pt_regs of this kernel keeps its words, and where it lies on a stack.

    `below_top` is how far a user's registers lie below the top of the stack, `below_frame`
    how far an exception's lie below the frame record that was made for it.
    """

    def __init__(self, kernel: Reader) -> None:
        name = "struct pt_regs"
        self.size: int = type_size(kernel.prog, name) or 8 * (GENERAL + 3)
        self._orig = member_offset(kernel.prog, name, "orig_x0") // 8
        # Since 4.10 the record is part of it.
        inside = find_member(kernel.prog, name, "stackframe") is not None
        self.below_top = self.size if inside else self.size + 16
        self.below_frame = self.size - 16 if inside else self.size

    def of_words(self, words: Sequence[int]) -> PtRegs:
        """The registers in the words of a struct pt_regs."""
        x = tuple(words[:GENERAL])
        sp, pc, pstate = words[GENERAL : GENERAL + 3]
        return PtRegs(x, sp, pc, pstate, *words[self._orig : self._orig + 2])


def cpu_registers(kernel: Reader, task: Task) -> PtRegs | None:
    """What the CPU that ran a task had in its registers as it stopped; None if nobody knows."""
    words = crash_note(kernel, task.cpu, GENERAL + 3)
    if words is None:
        values = dump_note(kernel, task)
        if "x29" not in values or "sp" not in values:
            return None
        names = (*(f"x{n}" for n in range(GENERAL)), "sp", "pc", "pstate")
        words = tuple(values.get(name, 0) for name in names)
    return PtRegs(words[:GENERAL], *words[GENERAL:])
