"""Frames and saved registers of an x86-64 stack as they are shown, and told from junk."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from enum import Enum, auto

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.arch.x86_64.facts import StackFacts
from pycrash.kernel.arch.x86_64.registers import (
    KERNEL_CS,
    KERNEL_SS,
    USER_32_CS,
    USER_CS,
    USER_SS,
    PtRegs,
)
from pycrash.kernel.stacks.stacks import Stack
from pycrash.kernel.stacks.trace import (
    Complaint,
    Event,
    Frame,
    Registers,
    StackWords,
    TraceOptions,
)
from pycrash.kernel.stacks.view import StackView
from pycrash.kernel.tasks.table import Task

_WORD = 8
_VSYSCALL = range(0xFFFFFFFFFF600000, 0xFFFFFFFFFF601000)


class Kind(Enum):
    """Why a text address is shown."""

    CALL = auto()
    #: An interrupt left for another stack here.
    INTERRUPT = auto()
    #: An exception struck here, on the stack that was left for the exception's own.
    STRUCK = auto()
    #: The task switch of a sleeping task.
    SCHEDULE = auto()


class Shown(Enum):
    """What became of a text address."""

    NOT = auto()
    FRAME = auto()
    FRAME_AND_REGISTERS = auto()


class StackFrames:
    """What is shown of one task's stacks; `events` fills as it is shown, also before an error.

    `own` is the task's stack, `view` the words of the stack at hand. The walk over the stacks
    and what is shown of them know of each other: `level` is the number of the next frame,
    `entry` where the stack at hand was entered, `bp` the frame pointer (0 while it is not
    known), `struck` where the registers shown since the last frame say the kernel was (0
    without), `called` the function shown last, and `lost` tells that the chain of calls was.
    `was_irq` and `was_exception` tell which stacks were walked before.
    """

    def __init__(self, facts: StackFacts, task: Task, options: TraceOptions) -> None:
        self.facts = facts
        self.task = task
        self.options = options
        self.own = facts.task_stacks.of_task(task.stack)
        self.view = StackView(facts.kernel, self.own)
        self.events: list[Event] = []
        self.level = self.entry = self.bp = self.struck = 0
        self.called = ""
        self.lost = self.was_irq = self.was_exception = False
        self._special = facts.stacks
        self._searching = False
        #: Behind the return address shown last: where its frame's words begin.
        self._frame = 0

    def enter(self, address: int) -> None:
        """Go on in another stack, at an address of it."""
        self.entry = address
        self._frame = 0

    def search(self, stack: Stack, start: int | None) -> list[Registers]:
        """What looks like saved registers on a stack, from an address up. Raises CrashError."""
        self._searching = True
        self.entry = 0 if start is None else start
        low = stack.base if start is None else start
        try:
            self.view.load(stack, stack.base)
        except ReadError:
            raise CrashError(f"read of stack at {stack.base:x} failed") from None
        place, size = self.facts.registers.place, self.facts.registers.size
        cs, flags = place["cs"], place["rflags"]
        words = self.view.words
        first, last = (low - stack.base) // _WORD, len(words) - size // _WORD
        for at in sorted(place - cs for place in _places(words, first + cs, last + cs)):
            if words[at + flags] & 2:
                address = stack.base + at * _WORD
                regs = self._pt_regs(address)
                if self.verified(regs, address):
                    self._emit_registers(regs, address)
        return [event for event in self.events if isinstance(event, Registers)]

    def show(self, pc: int, sp: int, kind: Kind) -> Shown:
        """Show one text address that stands at sp."""
        if kind is not Kind.STRUCK:
            self.struck = 0
        site = self.facts.named_site(pc)
        if site is None:
            return Shown.NOT
        if self.options.listing:
            place = self.view.stack.base if kind is Kind.STRUCK else sp
            self.events.append(Frame(None, place, pc, site.name, site.offset, site.module))
            return Shown.FRAME
        if kind is Kind.CALL and not site.offset:
            return Shown.NOT
        if self.options.full:
            if self._frame:
                self._show_words(sp)
            self._frame = sp + _WORD
        name = "schedule" if kind is Kind.SCHEDULE else site.name
        self.events.append(Frame(self.level, sp, pc, name, site.offset, site.module, self.lost))
        self.called = name
        if kind is Kind.CALL:
            registers = 0
            if site.saves:
                registers = sp + _WORD
            if self.was_irq and "_interrupt" in name and self._on_irq_stack:
                registers = sp
            if registers and self._show_verified(registers):
                return Shown.FRAME_AND_REGISTERS
        return Shown.FRAME

    @property
    def _on_irq_stack(self) -> bool:
        return self._special.irq_stack(self.entry) is not None

    def _show_words(self, sp: int) -> None:
        """The words of the frame that ends with the return address at sp."""
        if self._frame <= sp and self.view.holds(sp) and self.view.holds(self._frame):
            first, last = self._frame - self.view.low >> 3, sp - self.view.low >> 3
            self.events.append(StackWords(self._frame, tuple(self.view.words[first : last + 1])))

    def show_registers(self, address: int) -> PtRegs:
        """Show the registers saved at an address, whatever they look like. Raises ReadError."""
        regs = self._pt_regs(address)
        self.bp = regs.rbp
        self._emit_registers(regs, address)
        if not self.verified(regs, address):
            self.events.append(Complaint("possibly bogus exception frame", "WARNING"))
        return regs

    def _show_verified(self, address: int) -> bool:
        """Show the registers saved at an address if they look like such."""
        try:
            regs = self._pt_regs(address)
        except ReadError:
            return False
        verified = self.verified(regs, address)
        self.bp = regs.rbp
        if verified:
            self._emit_registers(regs, address)
        return verified

    def _pt_regs(self, address: int) -> PtRegs:
        """The registers saved at an address. Raises ReadError."""
        layout = self.facts.registers
        return layout.of_words(self.view.span(address, layout.size, "pt_regs"))

    def _emit_registers(self, regs: PtRegs, address: int) -> None:
        name, offset = "", 0
        if not regs.user:
            found = self.facts.symbols.lookup(regs.rip)
            if found is not None:
                name, offset = found[0].name, found[1]
                if not self._searching:
                    self.struck = regs.rip
            elif self.facts.is_mapped(regs.rip):
                name = "no symbolic reference"
            else:
                name = "unknown or invalid address"
        self.events.append(Registers(address, regs.named(), regs.user, name, offset))

    def verified_at(self, address: int) -> bool:
        """Whether what is at an address looks like saved registers."""
        try:
            regs = self._pt_regs(address)
        except ReadError:
            return False
        self.bp = regs.rbp
        return self.verified(regs, address)

    def verified(self, regs: PtRegs, address: int) -> bool:
        """Whether registers look like what an exception saved at an address."""
        if not regs.plausible:
            return False
        top = self.facts.user_top
        if regs.cs in (USER_CS, USER_32_CS):
            in_user = regs.rip < top or (regs.cs == USER_CS and regs.rip in _VSYSCALL)
            return regs.ss == USER_SS and in_user and regs.rsp < top
        if regs.cs != KERNEL_CS:
            return False
        if regs.ss == KERNEL_SS and self._plain_kernel_registers(regs, address):
            return True
        behind = address + self.facts.registers.size
        in_kernel = regs.rsp >= self.facts.kernel_start
        if self.facts.site(regs.rip) is not None and in_kernel:
            if regs.rsp in (behind, behind + _WORD):
                return True
            if self._special.exception_stack(self.entry) is not None:
                return True
        return in_kernel and self.facts.is_mapped(regs.rip)

    def _plain_kernel_registers(self, regs: PtRegs, address: int) -> bool:
        """Whether registers with the kernel's segments look right otherwise."""
        facts = self.facts
        text = facts.site(regs.rip) is not None
        in_kernel = regs.rsp >= facts.kernel_start
        if text and in_kernel:
            return True
        if address + facts.registers.size == regs.rsp:
            return True
        special = self._special.exception_stack(self.entry)
        if text and self.was_exception and facts.in_user_stack(self.task, regs.rsp):
            return True
        if text and special is not None:
            first_two = any(special in row[:2] for row in self._special.exception)
            if self._searching or first_two:
                return True
        if not regs.rip and regs.rsp in self.view.stack and self.called == "ret_from_fork":
            return True
        try:
            return facts.name(self.view.word(address - _WORD)) == "page_fault"
        except ReadError:
            return False


def _places(words: array[int], first: int, last: int) -> Iterator[int]:
    """The indices from first to last of words that may be a saved code segment."""
    for segment in (KERNEL_CS, USER_CS, USER_32_CS):
        at = first - 1
        try:
            while True:
                at = words.index(segment, at + 1, last + 1)
                yield at
        except ValueError:
            continue
