"""A kernel of a few functions and stacks, for the walk over x86-64 stacks."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from pycrash.kernel.arch.chooser import choose
from pycrash.kernel.arch.x86_64.orc import OrcEntry
from pycrash.kernel.arch.x86_64.unwind import UnwinderX86
from pycrash.kernel.core.cpus import Cpus
from pycrash.kernel.modules.table import ModuleTable
from pycrash.kernel.stacks.stacks import Stack, Stacks
from pycrash.kernel.symbols.table import Symbol, SymbolTable
from pycrash.kernel.tasks.panic import Panic
from pycrash.kernel.tasks.table import Task, TaskTable
from tests.kernel.fake_kernel import FakeKernel

TEXT = 0xFFFFFFFF81000000
#: Bytes each function of the fake kernel has.
ROOM = 0x1000
NAMES = (
    "machine_kexec",
    "__crash_kexec",
    "panic",
    "__schedule",
    "schedule",
    "do_wait",
    "do_syscall_64",
    "entry_SYSCALL_64_after_hwframe",
    "ret_from_fork_asm",
    "asm_exc_page_fault",
    "exc_page_fault",
    "asm_exc_nmi",
    "exc_nmi",
    "crash_nmi_callback",
    "asm_common_interrupt",
    "common_interrupt",
    "handle_irq",
    "cpu_idle_loop",
)
ADDRESS = {name: TEXT + place * ROOM for place, name in enumerate(NAMES)}

OWN = Stack(0xFFFFC90000010000, 0x4000)
IRQ = Stack(0xFFFFC90000100000, 0x4000)
NMI = Stack(0xFFFFFE0000010000, 0x1000, "NMI")
MEMORY = (OWN, IRQ, NMI)
TASK = 0xFFFF888100000000
SLEEPING_SP = OWN.base + 0x3C00

#: In the order of struct pt_regs.
MEMBERS = (
    *("r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx"),
    *("si", "di", "orig_ax", "ip", "cs", "flags", "sp", "ss"),
)
PT_REGS = 8 * len(MEMBERS)


def site(name: str, offset: int = 0x40) -> int:
    """A return address into a function."""
    return ADDRESS[name] + offset


def registers(**values: int) -> tuple[int, ...]:
    """The words of a struct pt_regs, user mode's unless told otherwise."""
    plain = {"cs": 0x33, "ss": 0x2B, "flags": 0x246, "ip": 0x401000, "sp": 0x7FFD00000000}
    return tuple((plain | values).get(name, 0) for name in MEMBERS)


def in_kernel(ip: int, sp: int, **values: int) -> tuple[int, ...]:
    """The words of a struct pt_regs saved in kernel mode."""
    return registers(cs=0x10, ss=0x18, ip=ip, sp=sp, **values)


class FakeStacks(FakeKernel):
    """What the walk asks of a kernel. `put` writes words to the stacks."""

    def __init__(self, frames: dict[str, int] | None = None) -> None:
        super().__init__()
        self.frames = frames or {}
        self.active: set[int] = set()
        self.kernel_thread = False
        for stack in MEMORY:
            self.room(stack.base, stack.size)
        self._words("pt_regs", MEMBERS)
        self._words("inactive_task_frame", ("r15", "r14", "r13", "r12", "bx", "bp", "ret_addr"))
        self._words("thread_info", ("flags", "status"))
        for name, address in ADDRESS.items():
            self.symbol(name, address)
        self.symbol("asm_exc_divide_error", TEXT)
        self.panic = SimpleNamespace(is_active=lambda task: task in self.active, task=TASK)
        self.tasks = SimpleNamespace(
            saved_sp=lambda task: SLEEPING_SP, is_kernel_thread=lambda task: self.kernel_thread
        )
        self.give(Panic, self.panic)
        self.give(TaskTable, self.tasks)
        self.give(ModuleTable, SimpleNamespace(all=[]))
        self.give(Cpus, SimpleNamespace(possible={0}, count=1))
        tables = SimpleNamespace(
            kernel_base=0xFFFF888000000000,
            user_top=0x7FFFFFFFF000,
            kernel_physical=lambda address: None,
        )
        self.give(choose, SimpleNamespace(tables=tables))
        symbols = SimpleNamespace(
            lookup=self._lookup,
            is_text=lambda address: TEXT <= address < TEXT + ROOM * len(NAMES),
            kernel_symbols=SimpleNamespace(image=(TEXT, TEXT + 0x2000000)),
        )
        self.give(SymbolTable, symbols)
        stacks = SimpleNamespace(
            of_task=lambda base: Stack(base, OWN.size),
            words=lambda stack: struct.unpack(
                f"<{stack.size // 8}Q", self.kernel.read(stack.base, stack.size)
            ),
        )
        self.give(Stacks, stacks)

    def _words(self, name: str, members: Sequence[str]) -> None:
        """Declare a structure of words."""
        size = 8 * len(members)
        self.struct(name, size, **{member: (8 * n, "Q") for n, member in enumerate(members)})

    def put(self, address: int, *words: int) -> int:
        """Write words; the address behind them."""
        self.write(address, f"{len(words)}Q", *words)
        return address + 8 * len(words)

    def drop(self, stack: Stack) -> None:
        """Have a stack's memory missing from the dump."""
        del self.spans[stack.base]

    def unwinder(self) -> UnwinderX86:
        """An unwinder with an ORC entry for each function of `frames`: bytes of its frame."""
        made = UnwinderX86(self.kernel)
        made.facts.has_orc = True
        made.facts.stacks = cast(
            Any,
            SimpleNamespace(
                irq=[IRQ],
                exception=[(NMI,)],
                irq_stack=lambda address: IRQ if address in IRQ else None,
                exception_stack=lambda address: NMI if address in NMI else None,
            ),
        )
        made.facts.tables = cast(Any, SimpleNamespace(find=self._entry))
        return made

    def _entry(self, pc: int) -> OrcEntry | None:
        name = NAMES[(pc - TEXT) // ROOM]
        size = self.frames.get(name)
        return None if size is None else OrcEntry(size + 8, 0, 5, 0, True)

    @staticmethod
    def _lookup(address: int) -> tuple[Symbol, int] | None:
        starts = list(ADDRESS.values())
        place = bisect_right(starts, address) - 1
        if place < 0 or address >= starts[-1] + ROOM:
            return None
        return Symbol(starts[place], NAMES[place], "t"), address - starts[place]


def task(stack: int = OWN.base, pid: int = 1) -> Task:
    """A task with the given stack on CPU 0."""
    values = dict.fromkeys(Task._fields, 0)
    return Task(**{**values, "address": TASK, "pid": pid, "stack": stack, "comm": "x"})  # type: ignore[arg-type]
