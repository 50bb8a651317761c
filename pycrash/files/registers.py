"""Registers of CPUs as ELF notes (NT_PRSTATUS), for dumps that have them in a form of their own."""

from __future__ import annotations

import struct
from collections.abc import Mapping

#: The machines, as ELF numbers them.
X86_64, AARCH64 = 62, 183
#: What a note of registers is called, and its kind.
OWNER, KIND = "CORE", 1

#: struct elf_prstatus: where it has the number of the thread, where the registers, and the
#: bytes that follow them.
_THREAD_AT, _REGISTERS_AT, _BEHIND = 32, 112, 8
#: struct user_regs_struct and struct user_pt_regs.
ORDER = {
    X86_64: (
        *("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx"),
        *("rdx", "rsi", "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss"),
        *("fs_base", "gs_base", "ds", "es", "fs", "gs"),
    ),
    AARCH64: (*(f"x{number}" for number in range(31)), "sp", "pc", "pstate"),
}


def prstatus(machine: int, cpu: int, registers: Mapping[str, int]) -> bytes:
    """struct elf_prstatus of one CPU, counted from 0; a register that is not given is 0.

    As in the files of QEMU's dump-guest-memory the thread's number is that of the CPU, from 1 on.
    """
    order = ORDER[machine]
    note = bytearray(_REGISTERS_AT + 8 * len(order) + _BEHIND)
    struct.pack_into("<I", note, _THREAD_AT, cpu + 1)
    values = (registers.get(name, 0) & (1 << 64) - 1 for name in order)
    struct.pack_into(f"<{len(order)}Q", note, _REGISTERS_AT, *values)
    return bytes(note)
