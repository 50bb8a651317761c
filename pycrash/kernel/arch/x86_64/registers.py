"""Saved registers of x86-64: struct pt_regs, and the notes the CPUs left as they stopped."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pycrash.errors import MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader

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

#: An ELF note of a CPU: its head and name, 112 bytes on the process, then the registers.
_NOTE = struct.Struct("<III8s112x21Q")
_PRSTATUS = 1
_REGS_END = 112 + 8 * 27
_NOTE_ORDER = (
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
    """Where struct pt_regs of this kernel keeps each register."""

    def __init__(self, kernel: Reader) -> None:
        names = [_MEMBERS.get(n, n) for n in PtRegs._fields]
        try:
            layout = Layout(kernel.prog, "struct pt_regs", names)
        except MissingFeature:
            raise MissingFeature("pt_regs structure has changed") from None
        self.size: int = layout.whole
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
    """What the CPU that ran a task had in its registers as it stopped; None if nobody knows.

    A crashing kernel has each CPU write an ELF note; a dump taken from outside of it has
    notes of its own, which drgn reads.
    """
    return _crash_note(kernel, task.cpu) or _dump_note(kernel, task)


def _crash_note(kernel: Reader, cpu: int) -> PtRegs | None:
    """The note in the kernel's memory (crash_notes, struct elf_prstatus)."""
    pointer = kernel.symbol_address("crash_notes")
    if pointer is None or not 0 <= cpu < kernel.cpus.count:
        return None
    try:
        notes = kernel.cpus.address(kernel.read_word(pointer, "crash_notes"), cpu)
        note = kernel.read(notes, _NOTE.size, "note_buf_t")
    except ReadError:
        return None
    name_size, size, kind, name, *words = _NOTE.unpack(note)
    if (name_size, kind) != (5, _PRSTATUS) or not name.startswith(b"CORE\0") or size < _REGS_END:
        return None
    return PtRegs._make([words[_NOTE_ORDER.index(register)] for register in PtRegs._fields])


def _dump_note(kernel: Reader, task: Task) -> PtRegs | None:
    import drgn

    try:
        object_ = drgn.Object(kernel.prog, "struct task_struct *", task.address)
        frames = kernel.prog.stack_trace(object_)
        values = frames[0].registers() if len(frames) else {}
    except (drgn.FaultError, LookupError, ValueError):
        return None
    if "rip" not in values or "rsp" not in values:
        return None
    return PtRegs._make([values.get(name, 0) for name in PtRegs._fields])
