"""What the CPUs had in their registers as they stopped.

A crashing kernel has each CPU write an ELF note into memory (crash_notes, struct
elf_prstatus); a dump taken from outside of it has notes of its own, which drgn reads.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import drgn

from pycrash.errors import ReadError

if TYPE_CHECKING:
    from pycrash.kernel.core.reader import Reader
    from pycrash.kernel.tasks.table import Task

#: An ELF note: its head, the name, and what struct elf_prstatus has before the registers.
_HEAD = struct.Struct("<III8s112x")
_PRSTATUS = 1
_REGISTERS_AT = 112


def crash_note(kernel: Reader, cpu: int, count: int) -> tuple[int, ...] | None:
    """The `count` words of registers in a CPU's note of a 64-bit kernel; None if it left none."""
    pointer = kernel.symbol_address("crash_notes")
    if pointer is None or not 0 <= cpu < kernel.cpus.count:
        return None
    try:
        at = kernel.cpus.address(kernel.read_word(pointer, "crash_notes"), cpu)
        note = kernel.read(at, _HEAD.size + 8 * count, "note_buf_t")
    except ReadError:
        return None
    name_size, size, kind, name = _HEAD.unpack_from(note)
    if (name_size, kind) != (5, _PRSTATUS) or not name.startswith(b"CORE\0"):
        return None
    if size < _REGISTERS_AT + 8 * count:
        return None
    return struct.unpack_from(f"<{count}Q", note, _HEAD.size)


def dump_note(kernel: Reader, task: Task) -> dict[str, int]:
    """The registers that the dump's own note has for the CPU of a task, by drgn's names.

    "pc" is among them; empty where there is no such note.
    """
    try:
        at = drgn.Object(kernel.prog, "struct task_struct *", task.address)
        frames = kernel.prog.stack_trace(at)
        return {**frames[0].registers(), "pc": frames[0].pc} if len(frames) else {}
    except (drgn.FaultError, LookupError, ValueError):
        return {}
