"""Saved registers of x86-64: struct pt_regs, and the notes the CPUs left as they stopped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pycrash.errors import MissingFeature
from pycrash.kernel.core.layout import Layout, type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.stacks.notes import crash_note, dump_note

if TYPE_CHECKING:
    from pycrash.kernel.tasks.table import Task

#: Bits of RFLAGS that always read as zero, and the one that always reads as one.
_RFLAGS_ZERO = 0xFFFFFFFFFFC08028
_RFLAGS_ONE = 0x2

KERNEL_CS, KERNEL_SS = 0x10, 0x18
USER_CS, USER_32_CS, USER_SS = 0x33, 0x23, 0x2B
#: The privilege level in a code segment's selector: 0 in the kernel.
PRIVILEGE = 3


class PtRegs(NamedTuple):
    """One struct pt_regs, in the order crash shows it."""

    rip: int
    rsp: int
    rflags: int
    rax: int
    rbx: int
    rcx: int
    rdx: int
    rsi: int
    rdi: int
    rbp: int
    r8: int
    r9: int
    r10: int
    r11: int
    r12: int
    r13: int
    r14: int
    r15: int
    orig_rax: int
    cs: int
    ss: int

    @property
    def user(self) -> bool:
        """Whether they were saved in user mode."""
        return bool(self.cs & PRIVILEGE)

    @property
    def plausible(self) -> bool:
        """Whether RFLAGS has the bits a processor gives it."""
        return bool(self.rflags & _RFLAGS_ONE) and not self.rflags & _RFLAGS_ZERO

    def named(self) -> dict[str, int]:
        """Register name to value."""
        return dict(zip(_NAMES, self, strict=True))

    def of_cpu(self) -> dict[str, int]:
        """The same without what an entry to the kernel keeps besides the registers."""
        named = self.named()
        del named["ORIG_RAX"]
        return named


_NAMES = tuple(name.upper() for name in PtRegs._fields)

#: The registers in the order of a note (struct user_regs_struct); segment bases follow.
NOTE_ORDER = (
    *("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx"),
    *("rsi", "rdi", "orig_rax", "rip", "cs", "rflags", "rsp", "ss"),
)

#: The spelling of a member of struct pt_regs where it is not the register's.
_MEMBERS = {
    "rip": "ip",
    "rsp": "sp",
    "rflags": "flags",
    "rax": "ax",
    "rbx": "bx",
    "rcx": "cx",
    "rdx": "dx",
    "rsi": "si",
    "rdi": "di",
    "rbp": "bp",
    "orig_rax": "orig_ax",
}


class PtRegsLayout:
    """Where struct pt_regs of this kernel keeps each register.

    `below_top` is how far a user's registers lie below the top of the stack.
    """

    def __init__(self, kernel: Reader) -> None:
        names = [_MEMBERS.get(n, n) for n in PtRegs._fields]
        try:
            layout = Layout(kernel.prog, "struct pt_regs", names)
        except MissingFeature:
            raise MissingFeature("pt_regs structure has changed") from None
        self.size: int = layout.whole
        # With FRED (6.9) two words more lie above them.
        padding = 0 if type_size(kernel.prog, "struct fred_frame") is None else 16
        self.below_top = self.size + padding
        # Newer kernels name parts of the words that hold the segments; the words are meant.
        self._places = [layout.at(name) // 8 for name in names]

    def of_words(self, words: Sequence[int]) -> PtRegs:
        """The registers in the words of a struct pt_regs."""
        return PtRegs._make([words[place] for place in self._places])

    @cached_property
    def place(self) -> dict[str, int]:
        """Register to the index of its word."""
        return dict(zip(PtRegs._fields, self._places, strict=True))


def cpu_registers(kernel: Reader, task: Task) -> PtRegs | None:
    """What the CPU that ran a task had in its registers as it stopped; None if nobody knows."""
    words = crash_note(kernel, task.cpu, len(NOTE_ORDER))
    if words is not None:
        return PtRegs._make([words[NOTE_ORDER.index(register)] for register in PtRegs._fields])
    values = dump_note(kernel, task)
    if "rip" not in values or "rsp" not in values:
        return None
    return PtRegs._make([values.get(name, 0) for name in PtRegs._fields])
