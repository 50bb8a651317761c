"""What the kind of machine decides: one object a dump, had as `kernel.arch`.

Each machine has a room of its own below `pycrash/kernel/arch/`, and nothing outside of it
imports one: whoever needs to know asks the kernel's `arch`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import drgn

from pycrash.kernel.core.symbolrules import SymbolRules

if TYPE_CHECKING:
    from pycrash.kernel.core.cpus import Cpus
    from pycrash.kernel.core.pagetables import PageTables
    from pycrash.kernel.core.reader import Reader

#: What gdb takes a register for: a pointer to code, one to data, or a number.
RegisterKind = Literal["code", "data", "number"]


#: Lines of names, with the blanks in front, and the digits of each register.
RegisterRows = tuple[tuple[tuple[str, int], ...], ...]


@dataclass(frozen=True)
class RegisterSet:
    """The registers of a machine.

    `pc` and `sp` are the names of the program counter and the stack pointer as they are
    shown. `rows` is how crash lays registers out; a name without a value is left out. Without
    rows it is three a line as they come. `narrow_rows` are for those of 32-bit programs, which
    stand one blank apart and not two.
    `located` are the ones of kernel mode that are shown first, each with where in the code it
    points, and `kernel_rows` what follows them; without, the program counter is told ahead.
    `found_indent` is what stands before the heading of those that were searched for.
    `kinds` are the registers that expressions know, by drgn's names, and `aliases` gdb's
    names for what every machine has ("pc").
    """

    pc: str = "PC"
    sp: str = "SP"
    rows: RegisterRows = ()
    narrow_rows: RegisterRows = ()
    located: tuple[str, ...] = ()
    kernel_rows: RegisterRows = ()
    found_indent: str = "  "
    kinds: dict[str, RegisterKind] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)


class Architecture(ABC):
    """One kind of machine, for one dump.

    `name` is what `uname -m` says. `char_is_signed` is what the processor's ABI says of C's
    char. `backtraces` are the names of the two ways to follow a stack, the usual one first.
    """

    name: ClassVar[str]
    char_is_signed: ClassVar[bool] = False
    backtraces: ClassVar[tuple[str, str]] = ("new", "old")
    #: The bit of thread_info's flags that says TIF_SIGPENDING, where the kernel has no common one.
    signal_bit: ClassVar[int] = 2
    #: The number of interrupts where the kernel does not tell; 0 where that is not known.
    default_interrupts: ClassVar[int] = 0
    registers: ClassVar[RegisterSet] = RegisterSet()
    symbols: ClassVar[SymbolRules] = SymbolRules()

    def __init__(self, kernel: Reader) -> None:
        self.kernel = kernel

    @property
    @abstractmethod
    def tables(self) -> PageTables:
        """The page tables, and the areas of the address space."""

    @property
    def user_digits(self) -> int:
        """The width of user addresses in crash's columns."""
        return 2 * self.kernel.word_size

    @property
    def default_hz(self) -> int:
        """Ticks a second where the kernel's configuration and its schedulers do not tell."""
        return 100

    def count_cpus(self, cpus: Cpus) -> int:
        """The number of CPUs that commands go through, on a kernel with SMP."""
        return len(cpus.present) or max(cpus.online, default=0) + 1

    def register(self, task: int, name: str) -> int:
        """A register of a task by drgn's name for it, as `$rip` asks for it.

        `task` is the address of a task_struct, 0 for the task that crashed. Raises LookupError
        where it is not known.
        """
        prog = self.kernel.prog
        try:
            thread = prog.crashed_thread()
            if task in (0, thread.object.value_()):
                frame = thread.stack_trace()[0]
                return frame.pc if name == self.registers.pc.lower() else frame.register(name)
        except (ValueError, IndexError, AttributeError, drgn.FaultError) as error:
            raise LookupError(str(error)) from None
        return self._waiting_register(task, name)

    def _waiting_register(self, task: int, name: str) -> int:
        """A register of a task that waits. Raises LookupError."""
        raise LookupError(f"{name} of a task that waits is not known")
