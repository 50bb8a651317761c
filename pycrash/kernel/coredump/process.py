"""A process as a core file: its threads, and its memory as it is written piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pycrash.errors import CrashError
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.coredump.areas import DumpedAreas, Filter
from pycrash.kernel.coredump.memory import Piece, UserMemory
from pycrash.kernel.coredump.notes import ProcessNotes
from pycrash.kernel.mm.vmas import VM_EXEC, VM_READ, VM_WRITE, Vmas
from pycrash.kernel.stacks.machine import Machine
from pycrash.kernel.tasks.table import Task, TaskTable
from pycrash.objects.corefile import CoreFile, Note

_PF = ((VM_READ, 4), (VM_WRITE, 2), (VM_EXEC, 1))


class UserProcess:
    """The process of a task that has a user space. `task` is the thread that comes first.

    `threads` are those the file has, `lost` those it lacks, each with the reason. Raises
    CrashError where the task has no user space or no registers, and ReadError.
    """

    def __init__(self, kernel: Reader, machine: Machine, task: Task) -> None:
        table = kernel.part(TaskTable)
        if table.is_kernel_thread(task):
            raise CrashError("The specified task is a kernel thread.")
        if not task.mm:
            raise CrashError("The user memory space does not exist.")
        self.task = task
        self._kernel = kernel
        self._machine = machine.user_state.elf_machine
        self.areas = [area for area in kernel.part(Vmas).of(task.mm) if area.start < area.end]
        self.threads: list[Task] = []
        self.lost: list[tuple[Task, str]] = []
        self._notes = self._all_notes(machine, table)

    def write(self, file: BinaryIO, wanted: Filter) -> Iterator[tuple[Piece, int]]:
        """Write the core file; gives each piece of memory, and how many bytes of it were written.

        Raises OSError, ReadError.
        """
        kernel = self._kernel
        core = CoreFile(file, self._machine, self._notes, kernel.byte_order)
        memory, dumped = kernel.part(UserMemory), kernel.part(DumpedAreas)
        for area in self.areas:
            core.area(area.start, sum(flag for bit, flag in _PF if area.flags & bit))
            size = dumped.size(area, wanted)
            for piece in memory.pieces(area, size):
                yield piece, _put(core, piece)
            core.left_out(area.end - area.start - size)
        core.finish()

    def _all_notes(self, machine: Machine, table: TaskTable) -> list[Note]:
        """All notes, as the kernel orders them: those of the first thread, with what is of the
        process behind its status, then those of the others."""
        kernel, task = self._kernel, self.task
        notes, state = kernel.part(ProcessNotes), machine.user_state
        status, sets = notes.of_thread(state, task)
        self.threads.append(task)
        found = [status, *notes.of_process(task, self.areas), *sets]
        for thread in table.threads(task.tgid):
            if thread.address == task.address:
                continue
            try:
                status, sets = notes.of_thread(state, thread)
            except CrashError as error:
                self.lost.append((thread, str(error)))
                continue
            self.threads.append(thread)
            found += [status, *sets]
        return found


def _put(core: CoreFile, piece: Piece) -> int:
    """Write a piece; gives the bytes written."""
    if piece.data is not None:
        return core.data(piece.data)
    if piece.absent is None:
        core.zeros(piece.size)
    else:
        core.lost(piece.size)
    return 0
