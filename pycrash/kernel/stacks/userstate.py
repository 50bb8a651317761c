"""What tasks had in their registers in user mode, as a core file keeps it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from pycrash.kernel.core.reader import Reader
from pycrash.kernel.stacks.stacks import Stacks
from pycrash.kernel.tasks.panic import Panic
from pycrash.kernel.tasks.table import Task

#: Notes of register sets: the floating point registers of every machine.
NT_FPREGSET = 2


class UserState(ABC):
    """The registers of a machine's tasks as they left user mode.

    `elf_machine` is what ELF files say of such programs (EM_*). All methods raise ReadError,
    CrashError for a task that has no such registers, or those of a 32-bit program.
    """

    elf_machine: ClassVar[int]

    def __init__(self, kernel: Reader) -> None:
        self.kernel = kernel

    @abstractmethod
    def registers(self, task: Task) -> tuple[int, ...]:
        """The general registers in the order of the kernel's elf_gregset_t."""

    @abstractmethod
    def sets(self, task: Task) -> Iterator[tuple[str, int, bytes]]:
        """Owner, type and contents of the notes with the other registers."""

    def ran(self, task: Task) -> bool:
        """Whether a CPU ran the task, which then had its registers."""
        return self.kernel.part(Panic).is_active(task.address)

    def saved(self, task: Task, below_top: int, size: int) -> bytes:
        """The struct pt_regs so far below the top of a task's stack."""
        top = self.kernel.part(Stacks).of_task(task.stack).top
        return self.kernel.read(top - below_top, size, "user registers")
