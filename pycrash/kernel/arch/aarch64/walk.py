"""One walk over the stacks of a task of a 64-bit ARM kernel.

Every function keeps a record of two words: the address of its caller's record, and where it
returns to. A frame is shown by its record and by the instruction in front of the return
address, which is the call.
"""

from __future__ import annotations

from typing import NamedTuple

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.arch.aarch64.facts import StackFacts
from pycrash.kernel.arch.aarch64.registers import (
    FRAME_POINTER,
    GENERAL,
    KERNEL_MODES,
    LINK,
    MODE,
    NARROW,
    PtRegs,
    cpu_registers,
)
from pycrash.kernel.arch.aarch64.specialstacks import OVERFLOW
from pycrash.kernel.stacks.stacks import Stack
from pycrash.kernel.stacks.trace import (
    Event,
    Frame,
    Registers,
    Remark,
    StackSwitch,
    StackWords,
    TextStart,
    TraceOptions,
)
from pycrash.kernel.stacks.view import StackView
from pycrash.kernel.tasks.table import Task

_WORD = 8
#: Bytes of an instruction.
_CALL = 4
#: Where a walk ends: nothing called these.
_OUTERMOST = frozenset(("start_kernel", "secondary_start_kernel", "kthread", "kthreadd"))
#: What stands for a function where an address is none of the kernel's code.
UNKNOWN = "unknown or invalid address"
#: What stands for a function's name where there is none at all, as the C library prints it.
_NO_NAME = "(null)"
_ONE_WAY = "-o option not supported or applicable on this architecture or kernel"
#: No stacks hold more frames.
_MAX_FRAMES = 4096


class Position(NamedTuple):
    """Where a walk stands: behind a call that returns to `pc`, whose record is at `fp`."""

    fp: int
    sp: int
    pc: int


class Walk:
    """Follows the stacks of one task; `events` fills as it goes, also before an error."""

    def __init__(self, facts: StackFacts, task: Task, options: TraceOptions) -> None:
        self.events: list[Event] = []
        self._facts = facts
        self._task = task
        self._options = options
        self._own = facts.stacks.of_task(task.stack)
        self._view = StackView(facts.kernel, self._own)
        #: The special stack that the walk is on or has just left.
        self._special: Stack | None = None
        #: The record met last, and where the words of the frame shown last begin.
        self._record = self._words_from = 0

    def run(self) -> None:
        """Follow the stacks from where the task stood. Raises CrashError."""
        if not self._task.stack:
            self.events.append(Remark("(no stack)"))
            return
        if self._options.old:
            raise CrashError(_ONE_WAY)
        start = self._start()
        if start is None:
            return
        if self._options.listing:
            self._list(start)
        elif self._follow(start):
            self._show_user()

    # Where to begin

    def _start(self) -> Position | None:
        """Where to begin; None where nothing is known, or where all is said."""
        options, facts = self._options, self._facts
        if options.sp is not None:
            if not facts.may_start_at(self._task, options.sp):
                raise CrashError(
                    f"non-process stack address for this task: {options.sp:x}\n"
                    f"    (valid range: {self._own.base:x} - {self._own.top:x})"
                )
            return self._called_from(options.sp, options.pc)
        if facts.is_active(self._task):
            registers = cpu_registers(facts.kernel, self._task)
            return None if registers is None else self._stopped(registers)
        fp, sp, pc = facts.saved_context(self._task)
        self._enter(fp)
        return Position(fp, sp, options.pc or pc)

    def _stopped(self, registers: PtRegs) -> Position | None:
        """Where to begin with a task that ran, by the registers of its CPU."""
        fp = registers.x[FRAME_POINTER]
        user = registers.user and not self._facts.symbols.is_text(registers.pc)
        slot = self._dumping(self._own.top if user else fp)
        if slot:
            return self._called_from(slot, None)
        if user:
            self._enter(0)
            self._show_user()
            self.events.append(Remark(" #0 [user space]"))
            return None
        self._enter(fp)
        if not self._options.listing:
            self._show_exception(fp - self._facts.registers.below_frame)
        return Position(fp, registers.sp, self._options.pc or registers.pc)

    def _dumping(self, fp: int) -> int:
        """The slot of the call that led to the making of the dump, 0 where none did.

        It is looked for from the outermost frames inward: on the task's stack from a record
        on, then on the IRQ stack.
        """
        text = self._facts.dump_text
        self._load(self._own)
        first = 0
        top = (fp if fp in self._own else self._own.top) - 8 * _WORD
        for slot in range(top, self._own.base - _WORD, -_WORD) if text else ():
            pc = self._view.word(slot)
            if pc in text["machine_kexec"] or pc in text["crash_save_cpu"]:
                return slot
            if pc in text["crash_kexec"]:
                first = first or slot
        return first or self._dumping_in_irq(text)

    def _dumping_in_irq(self, text: dict[str, range]) -> int:
        stacks, cpu = self._facts.special.irq, self._task.cpu
        stack = stacks[cpu] if 0 <= cpu < len(stacks) else None
        if stack is None or not text:
            return 0
        view = StackView(self._facts.kernel, stack)
        try:
            view.load(stack, stack.base)
        except ReadError:
            return 0
        for slot in range(stack.top - 8 * _WORD, stack.base - _WORD, -_WORD):
            pc = view.word(slot)
            if pc in text["crash_kexec"] or pc in text["crash_save_cpu"]:
                return slot
        return 0

    def _called_from(self, slot: int, pc: int | None) -> Position:
        """The position by the slot of a return address."""
        self._enter(slot)
        if pc is None:
            pc = self._facts.plain(self._view.word(slot))
        return Position(self._view.word(slot - _WORD), slot + _WORD, pc)

    def _enter(self, address: int) -> None:
        """Take the words of the stack that an address lies in, the task's own if it is none."""
        self._special = self._facts.special.at(self._task.cpu, address)
        self._load(self._special or self._own)

    def _load(self, stack: Stack) -> None:
        try:
            self._view.load(stack, stack.base)
        except ReadError:
            raise CrashError(f"read of stack at {stack.base:x} failed") from None

    # Searching

    def search(self, stack: Stack) -> list[Registers]:
        """What looks like saved registers on a stack. Raises CrashError."""
        self._load(stack)
        size, inside = self._facts.registers.size, range(stack.base, stack.top)
        words = self._view.words
        for at in range(len(words) - size // _WORD):
            if words[at + GENERAL] in inside and words[at + FRAME_POINTER] in inside:
                self._show_exception(stack.base + at * _WORD)
        if stack == self._own and not self._facts.is_kernel_thread(self._task):
            self._show_user()
        return [event for event in self.events if isinstance(event, Registers)]

    # From frame to frame

    def _follow(self, position: Position) -> bool:
        """Show one frame after the other; False where no user mode is behind them."""
        exception: int | None = None
        for level in range(_MAX_FRAMES):
            if self._show(level, position):
                return False
            if exception is not None:
                self._emit_registers(self._pt_regs(exception), exception)
            caller = self._caller(position)
            if caller is None:
                break
            exception = self._exception_of(position.pc, caller)
            if self._left_special() and not caller.fp:
                break
            position = caller
        return not self._facts.is_kernel_thread(self._task)

    def _show(self, level: int, position: Position) -> bool:
        """Show a frame; True if it is the outermost."""
        pc, fp = position.pc - _CALL, position.fp
        if fp not in self._view.stack and self._facts.in_user_memory(self._task, fp):
            fp = 0
        if self._options.full:
            if level:
                self._show_words(fp)
            self._words_from = fp
        found = self._facts.symbols.lookup(pc)
        name, offset, module = _NO_NAME, 0, ""
        if found is not None:
            name, offset, module = found[0].name, found[1], found[0].module
        self.events.append(Frame(level, fp or self._user_registers, pc, name, offset, module))
        return name in _OUTERMOST

    @property
    def _user_registers(self) -> int:
        """Where the registers of user mode lie if the stack at hand is the task's."""
        return self._view.stack.top - self._facts.registers.below_top

    def _show_words(self, end: int) -> None:
        """The words of the frame shown last, up to the record of the next."""
        first, stack = self._words_from, self._view.stack
        if end not in stack:
            end = stack.top if end else self._user_registers
        if first in stack and first < end:
            self._emit_words(first, end)

    def _emit_words(self, first: int, end: int) -> None:
        words = self._view.span(first, end - first, "stack contents")
        self.events.append(StackWords(first, tuple(words)))

    def _caller(self, position: Position) -> Position | None:
        """The position of the caller; None where the records end."""
        fp, sp = position.fp, position.sp
        highest = -(-sp // self._facts.stacks.size) * self._facts.stacks.size
        if not sp <= fp <= highest or fp & 0xF or fp not in self._view.stack:
            return None
        caller = Position(
            self._view.word(fp), fp + 2 * _WORD, self._facts.plain(self._view.word(fp + _WORD))
        )
        if not caller.fp and not caller.pc:
            return None
        self._record = fp
        if self._special is None or caller.fp in self._special:
            return caller
        if caller.fp not in self._own:
            return None  # an interrupt of user mode
        self._load(self._own)
        return caller._replace(sp=caller.fp - self._facts.registers.below_frame)

    def _left_special(self) -> bool:
        """Whether the walk came from a special stack to the task's; says so."""
        special = self._special
        if special is None or self._view.stack != self._own:
            return False
        self._special = None
        if self._options.full and self._record < special.top:
            self._emit_words(self._record, special.top)
        self.events.append(StackSwitch(f"{special.name} stack"))
        return True

    # Saved registers

    def _exception_of(self, pc: int, caller: Position) -> int | None:
        """Where the registers of the exception lie for which the function at pc was called."""
        if caller.fp not in self._view.stack or not self._facts.handles_exceptions(pc):
            return None
        layout = self._facts.registers
        at = caller.fp - layout.below_frame
        if self._special is not None:
            if self._special.name == OVERFLOW:
                return at
            if caller.sp + layout.size >= self._view.stack.top:
                return None
        return at if self._verified(at) is not None else None

    def _verified(self, address: int) -> PtRegs | None:
        """The registers at an address of the stack if they look like an exception's."""
        stack, facts = self._view.stack, self._facts
        if address not in stack or address + facts.registers.size > stack.top:
            return None
        regs = self._pt_regs(address)
        in_stack = regs.sp in stack and regs.x[FRAME_POINTER] in stack
        is_text = facts.symbols.is_text
        if not in_stack or regs.pstate & NARROW or regs.pstate >> 32:
            return None
        if not is_text(regs.pc) or not is_text(facts.plain(regs.x[LINK])):
            return None
        return regs if regs.pstate & MODE in KERNEL_MODES else None

    def _pt_regs(self, address: int) -> PtRegs:
        layout = self._facts.registers
        return layout.of_words(self._view.span(address, layout.size, "pt_regs"))

    def _show_exception(self, address: int) -> None:
        """Show the registers at an address if they look like an exception's."""
        regs = self._verified(address)
        if regs is not None:
            self._emit_registers(regs, address)

    def _show_user(self) -> None:
        """Show the registers with which the task came from user mode."""
        address = self._user_registers
        regs = self._pt_regs(address)
        self.events.append(Registers(address, regs.named(user=True), True, narrow=regs.narrow))

    def _emit_registers(self, regs: PtRegs, address: int) -> None:
        link = self._facts.plain(regs.x[LINK])
        values = regs._replace(x=(*regs.x[:LINK], link)).named(user=False)
        where, caller = self._named(regs.pc), self._named(link)
        self.events.append(Registers(address, values, False, *where, caller=caller))

    def _named(self, address: int) -> tuple[str, int]:
        """The function an address lies in and the bytes into it."""
        symbols = self._facts.symbols
        found = symbols.lookup(address) if symbols.is_text(address) else None
        return (found[0].name, found[1]) if found is not None else (UNKNOWN, 0)

    # All text addresses

    def _list(self, start: Position) -> None:
        """Every text address from where the task stood, or of the whole stack."""
        facts, low = self._facts, self._view.low
        if not self._options.all_text:
            low = start.sp - _WORD
            found = facts.symbols.lookup(start.pc)
            self.events.append(TextStart(found[0].name if found else _NO_NAME, start.pc))
        for place, word in enumerate(self._view.words):
            at, pc = self._view.low + place * _WORD, facts.plain(word)
            if at >= low and facts.symbols.is_text(pc):
                found = facts.symbols.lookup(pc)
                if found is not None:
                    symbol, offset = found
                    self.events.append(Frame(None, at, pc, symbol.name, offset, symbol.module))
