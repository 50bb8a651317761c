"""One walk over the stacks of a task of an x86-64 kernel.

The order of steps, and what counts as a return address, are those of crash, for they decide
which frames a damaged or unusual stack yields.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from pycrash.errors import CrashError, ReadError
from pycrash.kernel import orc
from pycrash.kernel.registers import (
    KERNEL_CS,
    KERNEL_SS,
    USER_32_CS,
    USER_CS,
    USER_SS,
    PtRegs,
    cpu_registers,
)
from pycrash.kernel.stacks import Stack
from pycrash.kernel.unwind import (
    Complaint,
    CpuRegisters,
    Event,
    Frame,
    Registers,
    Remark,
    StackSwitch,
    StackWords,
    TextStart,
    TraceOptions,
)

if TYPE_CHECKING:
    from pycrash.kernel.tasks import Task
    from pycrash.kernel.unwind_x86_64 import Site, UnwinderX86

_WORD = 8
#: Words of the copies that nested NMIs keep on top of their stack.
_NMI_COPIES = 12
#: Words the processor pushes at an exception: rip, cs, rflags, rsp, ss.
_PUSHED = 5
_LITTLE = sys.byteorder == "little"
_VSYSCALL = range(0xFFFFFFFFFF600000, 0xFFFFFFFFFF601000)

#: Functions that call the IRQ stack's work without saving registers first.
_SOFTIRQ = frozenset(("do_softirq", "do_softirq_own_stack", "call_softirq"))
_SCHEDULE = frozenset(("thread_return", "schedule", "__schedule"))
#: Functions that begin the dump: the walk of a panic task starts at them.
_DUMPING = frozenset(
    (
        "netconsole_netdump",
        "netpoll_start_netdump",
        "start_disk_dump",
        "disk_dump",
        "crash_kexec",
        "machine_kexec",
        "try_crashdump",
    )
)


class _Kind(Enum):
    """Why a text address is shown."""

    CALL = auto()
    #: An interrupt left for another stack here.
    INTERRUPT = auto()
    #: An exception struck here, on the stack that was left for the exception's own.
    STRUCK = auto()
    #: The task switch of a sleeping task.
    SCHEDULE = auto()


class _Shown(Enum):
    """What became of a text address."""

    NOT = auto()
    FRAME = auto()
    FRAME_AND_REGISTERS = auto()


class Walk:
    """Follows the stacks of one task; `events` fills as it goes, also before an error."""

    def __init__(self, unwinder: UnwinderX86, task: Task, options: TraceOptions) -> None:
        self.unwinder = unwinder
        self.kernel = unwinder.kernel
        self.task = task
        self.options = options
        self.events: list[Event] = []
        #: Whether it is an idle thread that stood in the handler of the crash NMI.
        self.idle = False
        self.own = self.kernel.stacks.of_task(task.stack)
        self.stack = self.own
        self._listing = options.text or options.all_text
        self._words: array[int] = array("Q")
        self._low = 0
        self._level = 0
        #: Where to look for the next return address, where the stack at hand was entered,
        #: and where the first one was; the text address that belongs to the second.
        self._sp = self._entry = self._first = self._pc = 0
        #: The frame pointer, 0 while it is not known.
        self._bp = 0
        #: Behind the return address shown last: where its frame's words begin.
        self._frame = 0
        #: Where the registers shown since the last frame say the kernel was, 0 without.
        self._struck = 0
        self._called = ""
        #: The registers of the interrupt that switched to an IRQ stack.
        self._interrupted = 0
        self._last_registers = 0
        self._lost = False
        self._was_irq = self._was_exception = self._searching = False

    def run(self) -> None:
        """Follow the stacks from where the task stood. Raises CrashError."""
        if not self.task.stack:
            self.events.append(Remark("(no stack)"))
        elif self._begin():
            done = self._leave_special_stacks()
            if done is not None:
                self._walk_own(done)

    def search(self, stack: Stack, start: int | None) -> list[Registers]:
        """What looks like saved registers on a stack, from an address up. Raises CrashError."""
        self._searching = True
        self._entry = 0 if start is None else start
        low = stack.base if start is None else start
        try:
            self._load(stack, stack.base)
        except ReadError:
            raise CrashError(f"read of stack at {stack.base:x} failed") from None
        place, size = self.unwinder.registers.place, self.unwinder.registers.size
        cs, flags = place["cs"], place["rflags"]
        words = self._words
        first, last = (low - stack.base) // _WORD, len(words) - size // _WORD
        for at in sorted(place - cs for place in _places(words, first + cs, last + cs)):
            if words[at + flags] & 2:
                address = stack.base + at * _WORD
                regs = self._pt_regs(address)
                if self.verified(regs, address):
                    self._emit_registers(regs, address)
        return [event for event in self.events if isinstance(event, Registers)]

    # Where to begin

    def _begin(self) -> bool:
        """Find where to start; False where there is nothing to follow."""
        options, unwinder = self.options, self.unwinder
        sp, pc = options.sp, options.pc
        stopped: CpuRegisters | None = None
        if sp is not None and not unwinder.may_start_at(self.task, sp):
            raise CrashError(
                f"non-process stack address for this task: {sp:x}\n"
                f"    (valid range: {self.own.base:x} - {self.own.top:x})"
            )
        if sp is None and pc is None and self.kernel.panic.is_active(self.task.address):
            start = Search(self, unwinder).run()
            if start is not None:
                sp, pc, stopped, self.idle = start.sp, start.pc, start.stopped, start.idle
        if sp is None:
            sp = self._saved_sp()
        if pc is None:
            pc = unwinder.thread_return
        if options.all_text:
            sp, pc, stopped = self.own.base + unwinder.thread_info_size, 0, None
        self._sp = self._entry = self._first = sp
        self._pc = pc
        return self._introduce(stopped)

    def _saved_sp(self) -> int:
        """The stack pointer a sleeping task left, and the frame pointer kept there."""
        sp = self.kernel.tasks.saved_sp(self.task)
        place = self.unwinder.saved_bp
        if place is not None and self.unwinder.has_orc:
            if sp in self.own:
                self._load(self.own, sp)
            self._bp = self._word(sp + place)
        return sp

    def _introduce(self, stopped: CpuRegisters | None) -> bool:
        """Show what comes before the frames; False where the start cannot be read."""
        if not self._holds(self._sp) and not self.unwinder.readable(self._sp):
            self.events.append(Complaint("cannot determine starting stack pointer"))
            left = cpu_registers(self.kernel, self.task)
            if left is not None:
                self.events.append(CpuRegisters(left.named(), "", 0))
            return False
        if self._listing:
            if not self.options.all_text:
                self.events.append(TextStart(self.unwinder.name(self._pc), self._pc))
        elif stopped is not None:
            self.events.append(stopped)
        return True

    # From stack to stack

    def _leave_special_stacks(self) -> bool | None:
        """Walk exception and IRQ stacks until the task's own is next.

        True where user mode is what they interrupted, None where the walk is over.
        """
        if self._entry in self.own:
            return False
        stacks = self.kernel.stacks
        # Each stack can be left for another only so often before it goes in a circle.
        for _ in range(2 + len(stacks.irq) + sum(map(len, stacks.exception))):
            done = False
            exception = stacks.exception_stack(self._entry)
            if exception is not None:
                user = self._walk_exception(exception)
                if user is None:
                    return None
                done = user
            irq = None if done else stacks.irq_stack(self._entry)
            if irq is not None:
                self._walk_irq(irq)
            else:
                self._interrupted = 0
            if done or stacks.exception_stack(self._entry) is None:
                return done
        raise CrashError("the stacks lead to each other without end")

    def _walk_exception(self, stack: Stack) -> bool | None:
        """Walk an exception stack; True if it interrupted user mode, None if all is said."""
        unwinder = self.unwinder
        self._was_exception = True
        try:
            self._load(stack, stack.base, "irqstack contents")
        except ReadError:
            raise CrashError(f"read of exception stack at {stack.base:x} failed") from None
        size = unwinder.registers.size
        if self._interrupted:
            self._show(self._pc, self._entry, _Kind.INTERRUPT)
            self._show_registers(self._interrupted)
            self._sp += size
            if self._struck:
                self._sp += self._skip_from(self._struck, self._sp)
            self._level += 1
            self._interrupted = 0
        nested = stack.name == "NMI" and unwinder.repeat_nmi is not None
        limit = stack.top - size - (_NMI_COPIES * _WORD if nested else 0)
        entered = self._entry
        self._lost = False
        self._walk(limit)
        user = self._show_registers(limit).user
        self.events.append(StackSwitch(f"{stack.name} exception stack"))
        pushed = stack.top - _PUSHED * _WORD
        if nested and entered <= stack.top - (_PUSHED + _NMI_COPIES) * _WORD:
            pushed -= _NMI_COPIES * _WORD
            # Before 3.8 the two copies were the other way round.
            if self._word(pushed) == unwinder.repeat_nmi:
                pushed += _PUSHED * _WORD
        self._pc = self._word(pushed)
        self._sp = self._entry = self._word(pushed + 3 * _WORD)
        self._frame = 0
        if user:
            return True
        self._show(self._pc, self._entry, _Kind.STRUCK)
        self._lost = False
        if self._entry in stack:
            self.events.append(
                Remark(
                    f"    [ {stack.name} exception stack recursion: "
                    "prior stack location overwritten ]"
                )
            )
            return None
        self._level += 1
        self._sp += self._skip_from(self._pc, self._sp)
        return False

    def _walk_irq(self, stack: Stack) -> None:
        """Walk an IRQ stack, and find where it was entered."""
        self._was_irq = True
        try:
            self._load(stack, stack.base, "irqstack contents")
        except ReadError:
            raise CrashError(f"read of IRQ stack at {stack.base:x} failed") from None
        limit = stack.top - self.unwinder.irq_gap
        self._lost = False
        self._walk(limit)
        self.events.append(StackSwitch("IRQ stack"))
        # The top word leads back to the stack that was left.
        self._pc = self._word(limit - 2 * _WORD)
        self._sp = self._entry = self._linked(self._word(limit - _WORD))
        self._interrupted = 0 if self.unwinder.name(self._pc) in _SOFTIRQ else self._sp
        self._frame = 0

    def _linked(self, link: int) -> int:
        """The registers of the interrupt that switched to an IRQ stack, near the link it left."""
        if self._verified_at(link):
            return link
        expected = link - self.unwinder.irq_link
        for nearby in (0, 8, -8, 16, -16):
            if self._verified_at(expected + nearby):
                return expected + nearby
        return expected

    def _walk_own(self, done: bool) -> None:
        """Walk the task's own stack, which all others are entered from."""
        if not done and (self._was_exception or self._was_irq):
            if self._sp not in self.own:
                if not self._may_be_outside():
                    return
                done = True
            self._load_own(self.own.base)
        elif not done:
            if self._sp not in self.own:
                raise CrashError(
                    f"invalid RSP: {self._sp:x}  bt->stackbase/stacktop: "
                    f"{self.own.base:x}/{self.own.top:x} cpu: {self.task.cpu}"
                )
            if not self._holds(self._sp):
                self._load_own(self._sp)
            if not self._listing and self.unwinder.name(self._pc) in _SCHEDULE:
                self._pass_switch()
        user_interrupt = False
        if self._interrupted:
            user_interrupt = done = self._show_interrupt()
        self._lost = False
        if not done:
            self._walk(self.own.top)
        if not user_interrupt and self.stack == self.own and not self._is_kernel_thread:
            size = self.unwinder.registers.size
            if self._last_registers < self.own.top - size:
                self._show_registers(self.own.top - self.unwinder.user_padding - size)

    @property
    def _is_kernel_thread(self) -> bool:
        return self.kernel.tasks.is_kernel_thread(self.task)

    def _load_own(self, low: int) -> None:
        try:
            self._load(self.own, low)
        except ReadError:
            raise CrashError(f"read of stack at {self.own.base:x} failed") from None

    def _may_be_outside(self) -> bool:
        """Whether a stack pointer outside the task's stack is that of user mode.

        False where all is said. Raises CrashError where it has no explanation.
        """
        if self._show_entry_stack():
            return False
        if self._was_exception and not self._was_irq:
            if self.unwinder.in_user_stack(self.task, self._sp):
                return True
            if self.unwinder.name(self._pc) == "ia32_sysenter_target":
                return self._sp != 0
            raise CrashError(
                "cannot transition from exception stack to current process stack:\n"
                f"    exception stack pointer: {self._first:x}\n"
                f"      process stack pointer: {self._sp:x}\n"
                f"         current stack base: {self.own.base:x}"
            )
        if self._was_exception:
            raise CrashError(
                "cannot transition from exception stack to IRQ stack to current process stack:\n"
                f"    exception stack pointer: {self._first:x}\n"
                f"          IRQ stack pointer: {self._entry:x}\n"
                f"      process stack pointer: {self._sp:x}\n"
                f"         current stack base: {self.own.base:x}"
            )
        raise CrashError(
            "cannot transition from IRQ stack to current process stack:\n"
            f"        IRQ stack pointer: {self._first:x}\n"
            f"    process stack pointer: {self._sp:x}\n"
            f"       current stack base: {self.own.base:x}"
        )

    def _show_entry_stack(self) -> bool:
        """Show the registers on the stack that entries begin on, if the walk has come there."""
        template = self.unwinder.entry_stack
        if template is None:
            return False
        base = self.kernel.cpus.address(template.base, self.task.cpu)
        if self._sp not in Stack(base, template.size):
            return False
        self._show_registers(base + template.size - self.unwinder.registers.size)
        self.events.append(StackSwitch("entry trampoline stack"))
        return True

    def _pass_switch(self) -> None:
        """Go on behind what the task switch has left on the stack of a sleeping task."""
        unwinder = self.unwinder
        if unwinder.has_orc and unwinder.saved_return is not None:
            self._sp += unwinder.saved_return
            return
        schedule = True
        if unwinder.name(self._pc) == "__schedule":
            self._show(self._pc, self._sp, _Kind.CALL)
            self._level += 1
            for sp in range(self._sp, self.stack.top, _WORD):
                pc = self._word(sp)
                site = unwinder.site(pc)
                if site and site.offset and unwinder.called_by(pc - 5) == "__schedule":
                    self._sp, self._pc = sp, pc
                    break
            schedule = unwinder.name(self._pc) == "schedule"
        if schedule:
            self._show(self._pc, self._sp, _Kind.SCHEDULE)
            self._sp += _WORD
            self._level += 1

    def _show_interrupt(self) -> bool:
        """Show where an interrupt left the task's stack; True if that was in user mode."""
        unwinder = self.unwinder
        if unwinder.new_interrupts:
            self._pc = self._word(self._interrupted - _WORD)
        shown = self._interrupted - _WORD if unwinder.new_interrupts else self._interrupted
        self._show(self._pc, self._entry, _Kind.INTERRUPT, shown)
        user = self._show_registers(self._interrupted).user
        if not user:
            self._sp += unwinder.registers.size
            if self._struck:
                self._sp += self._skip_to_caller()
        self._level += 1
        return user

    def _skip_to_caller(self) -> int:
        """Bytes to the return address of whoever called the function that was interrupted."""
        name = self.unwinder.name(self._struck)
        if name and not (self.options.old or self._listing or self._lost):
            for sp in range(self._sp, self.stack.top, _WORD):
                pc = self._word(sp)
                site = self.unwinder.site(pc)
                if site and site.offset and self.unwinder.called_by(pc - 5) == name:
                    return sp - self._sp
        return self._skip_from(self._struck, self._sp)

    # Along one stack

    def _walk(self, limit: int) -> None:
        """Show the return addresses from the stack pointer up to a limit."""
        words, low, lowest = self._words, self._low, self.unwinder.lowest_text
        sites, site_of = self.unwinder.sites, self.unwinder.site
        options, events = self.options, self.events
        as_usual = not (self._listing or options.full or options.old or self._was_irq)
        sp, count = self._sp, len(words)
        limit = min(limit, low + count * _WORD)
        while sp < limit:
            pc = words[sp - low >> 3]
            if pc < lowest:
                sp += _WORD
                continue
            site = sites[pc] if pc in sites else site_of(pc)
            if site is None:
                sp += _WORD
                continue
            if not as_usual or site.special or self._lost:
                sp = self._step(site, sp)
                continue
            # What _step and _skip_by_orc do, for what most frames are.
            events.append(Frame(self._level, sp, pc, site.name, site.offset, site.module))
            self._level += 1
            self._struck = 0
            self._called = site.name
            entry = site.entry
            if entry is None or entry.sp_reg != orc.REG_SP or entry.sp_offset < _WORD:
                sp += _WORD
                sp += self._skip(site, sp)
                continue
            sp += entry.sp_offset
            if entry.bp_reg == orc.REG_PREV_SP:
                place = sp + _WORD + entry.bp_offset - low >> 3
                self._bp = words[place] if 0 <= place < count else 0
            elif entry.bp_reg != orc.REG_UNDEFINED:
                self._bp = 0
        self._sp = sp

    def _step(self, site: Site, sp: int) -> int:
        """Show a return address; where to look for the next one."""
        shown = self._show(site.pc, sp, _Kind.CALL)
        sp += _WORD
        if shown is _Shown.NOT:
            return sp
        self._level += 1
        if shown is _Shown.FRAME_AND_REGISTERS:
            self._last_registers = sp
            sp += self.unwinder.registers.size
            if not self._struck:
                return sp
            return sp + self._skip_from(self._struck, sp)
        return sp + self._skip(site, sp)

    def _skip_from(self, pc: int, sp: int) -> int:
        """As _skip, for a place that need not be behind a call."""
        site = self.unwinder.named_site(pc)
        if site is None:
            self._lost = True
            return 0
        return self._skip(site, sp, interrupted=pc == self._struck)

    def _skip(self, site: Site, sp: int, interrupted: bool = False) -> int:
        """Bytes from the stack pointer a function has at a site up to its return address."""
        if self.options.old or self._listing or self._lost:
            return 0
        unwinder = self.unwinder
        if unwinder.keeps_frame_pointers and not interrupted:
            frame = self._frame_pointer(sp)
            if frame:
                return frame + _WORD - sp
        if site.function in unwinder.init_text:
            return 0
        if site.entry is not None:
            skip = self._skip_by_orc(site.entry, sp)
            if skip >= 0:
                return skip
        counted = unwinder.counted(site, interrupted)
        if counted is None:
            self._lost = True
            return 0
        return max(0, counted)

    def _skip_by_orc(self, entry: orc.OrcEntry, sp: int) -> int:
        """What an ORC entry says; negative where it needs a register that is not known."""
        caller = 0
        if entry.sp_reg == orc.REG_SP:
            caller = sp + entry.sp_offset
        elif entry.sp_reg == orc.REG_BP and self._bp in self.stack:
            caller = self._bp + entry.sp_offset
        if entry.bp_reg == orc.REG_PREV_SP and caller:
            saved = caller + entry.bp_offset
            self._bp = self._word(saved) if self._holds(saved) else 0
        elif entry.bp_reg != orc.REG_UNDEFINED:
            self._bp = 0
        return caller - _WORD - sp if caller else -1

    def _frame_pointer(self, sp: int) -> int:
        """The frame pointer saved below a return address, 0 if it is none."""
        at = sp - 2 * _WORD
        if not self._holds(at):
            return 0
        frame = self._word(at)
        if frame <= sp or not self._holds(frame) or not self._holds(frame + _WORD):
            return 0
        return frame if self.unwinder.site(self._word(frame + _WORD)) is not None else 0

    # Showing

    def _show(self, pc: int, sp: int, kind: _Kind, below: int = 0) -> _Shown:
        """Show one text address that stands at sp."""
        if kind is not _Kind.STRUCK:
            self._struck = 0
        site = self.unwinder.named_site(pc)
        if site is None:
            return _Shown.NOT
        if self._listing:
            place = self.stack.base if kind is _Kind.STRUCK else sp
            self.events.append(Frame(None, place, pc, site.name, site.offset, site.module))
            return _Shown.FRAME
        if kind is _Kind.CALL and not site.offset:
            return _Shown.NOT
        if self.options.full:
            if self._frame:
                self._show_words(sp)
            self._frame = sp + _WORD
        name = "schedule" if kind is _Kind.SCHEDULE else site.name
        self.events.append(Frame(self._level, sp, pc, name, site.offset, site.module, self._lost))
        self._called = name
        if kind is _Kind.CALL:
            registers = 0
            if site.saves:
                registers = sp + _WORD
            if self._was_irq and "_interrupt" in name and self._on_irq_stack:
                registers = sp
            if registers and self._show_verified(registers):
                return _Shown.FRAME_AND_REGISTERS
        return _Shown.FRAME

    @property
    def _on_irq_stack(self) -> bool:
        return self.kernel.stacks.irq_stack(self._entry) is not None

    def _show_words(self, sp: int) -> None:
        """The words of the frame that ends with the return address at sp."""
        if self._frame <= sp and self._holds(sp) and self._holds(self._frame):
            first, last = self._frame - self._low >> 3, sp - self._low >> 3
            self.events.append(StackWords(self._frame, tuple(self._words[first : last + 1])))

    def _show_registers(self, address: int) -> PtRegs:
        """Show the registers saved at an address. Raises ReadError."""
        regs = self._pt_regs(address)
        self._bp = regs.rbp
        self._emit_registers(regs, address)
        return regs

    def _show_verified(self, address: int) -> bool:
        """Show the registers saved at an address if they look like such."""
        try:
            regs = self._pt_regs(address)
        except ReadError:
            return False
        verified = self.verified(regs, address)
        self._bp = regs.rbp
        if verified:
            self._emit_registers(regs, address)
        return verified

    def _emit_registers(self, regs: PtRegs, address: int) -> None:
        name, offset = "", 0
        if not regs.user:
            found = self.kernel.symbols.lookup(regs.rip)
            if found is not None:
                name, offset = found[0].name, found[1]
                if not self._searching:
                    self._struck = regs.rip
            elif self.unwinder.is_mapped(regs.rip):
                name = "no symbolic reference"
            else:
                name = "unknown or invalid address"
        self.events.append(
            Registers(address, regs.named(), regs.user, name, offset, self._searching)
        )

    def _verified_at(self, address: int) -> bool:
        """Whether what is at an address looks like saved registers."""
        try:
            regs = self._pt_regs(address)
        except ReadError:
            return False
        self._bp = regs.rbp
        return self.verified(regs, address)

    def verified(self, regs: PtRegs, address: int) -> bool:
        """Whether registers look like what an exception saved at an address."""
        if not regs.plausible:
            return False
        top = self.unwinder.user_top
        if regs.cs in (USER_CS, USER_32_CS):
            in_user = regs.rip < top or (regs.cs == USER_CS and regs.rip in _VSYSCALL)
            return regs.ss == USER_SS and in_user and regs.rsp < top
        if regs.cs != KERNEL_CS:
            return False
        if regs.ss == KERNEL_SS and self._plain_kernel_registers(regs, address):
            return True
        behind = address + self.unwinder.registers.size
        in_kernel = regs.rsp >= self.unwinder.kernel_start
        if self.unwinder.site(regs.rip) is not None and in_kernel:
            if regs.rsp in (behind, behind + _WORD):
                return True
            if self.kernel.stacks.exception_stack(self._entry) is not None:
                return True
        return in_kernel and self.unwinder.is_mapped(regs.rip)

    def _plain_kernel_registers(self, regs: PtRegs, address: int) -> bool:
        """Whether registers with the kernel's segments look right otherwise."""
        unwinder = self.unwinder
        text = unwinder.site(regs.rip) is not None
        in_kernel = regs.rsp >= unwinder.kernel_start
        if text and in_kernel:
            return True
        if address + unwinder.registers.size == regs.rsp:
            return True
        special = self.kernel.stacks.exception_stack(self._entry)
        if text and self._was_exception and unwinder.in_user_stack(self.task, regs.rsp):
            return True
        if text and special is not None:
            first_two = any(special in row[:2] for row in self.kernel.stacks.exception)
            if self._searching or first_two:
                return True
        if not regs.rip and regs.rsp in self.stack and self._called == "ret_from_fork":
            return True
        try:
            return unwinder.name(self._word(address - _WORD)) == "page_fault"
        except ReadError:
            return False

    # Reading

    def _load(self, stack: Stack, low: int, what: str = "stack contents") -> None:
        """Take a stack's words from an address up. Raises ReadError."""
        low = max(stack.base, min(low, stack.top)) & -_WORD
        words = array("Q")
        if low < stack.top:
            words.frombytes(self.kernel.read(low, stack.top - low, what))
        if not _LITTLE:
            words.byteswap()
        self.stack, self._words, self._low = stack, words, low

    def _holds(self, address: int) -> bool:
        """Whether the words at hand have the one at an address."""
        return not address & 7 and 0 <= address - self._low < len(self._words) * _WORD

    def _word(self, address: int) -> int:
        """A word of the stack at hand, or of other memory. Raises ReadError."""
        if self._holds(address):
            return self._words[address - self._low >> 3]
        return self.kernel.read_word(address, "stack contents")

    def _pt_regs(self, address: int) -> PtRegs:
        """The registers saved at an address. Raises ReadError."""
        layout = self.unwinder.registers
        if self._holds(address) and self._holds(address + layout.size - _WORD):
            first = address - self._low >> 3
            return layout.of_words(self._words[first : first + layout.size // _WORD])
        return layout.decode(self.kernel.read(address, layout.size, "pt_regs"))


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


@dataclass(frozen=True)
class Start:
    """Where the walk of a running task begins.

    `stopped` are the registers of its CPU where they are shown first, `idle` says that it is
    an idle thread found in the handler of the crash NMI.
    """

    sp: int
    pc: int
    stopped: CpuRegisters | None = None
    idle: bool = False


class Search:
    """Looks through the stacks of a running task for the function that stopped its CPU."""

    def __init__(self, walk: Walk, unwinder: UnwinderX86) -> None:
        self._walk = walk
        self._unwinder = unwinder
        self._kernel = unwinder.kernel
        self._task = walk.task
        self._panicked = self._task.address == self._kernel.panic.task
        self._listing = walk.options.text or walk.options.all_text
        #: What was found, by how good it is: the last of its kind.
        self._found: dict[str, Start] = {}

    def run(self) -> Start | None:
        """Where to begin; None where only the stack pointer it last slept with is left."""
        left = self._left()
        stacks = [(stack, False) for stack in self._special()]
        if left is None or not self._crashed_in_irq(left):
            stacks.insert(0, (self._walk.own, True))
        for stack, own in stacks:
            start = self._scan(stack, own)
            if start is not None:
                return start
        for name in ("sysrq_handle_crash", "notify_die"):
            if name in self._found:
                return self._found[name]
        call = self._found.get("call")
        if left is None or (call is not None and self._panicked and not self._crashed_in_irq(left)):
            return call
        return Start(left.rsp, left.rip, self._stopped(left))

    def _left(self) -> PtRegs | None:
        """The registers the CPU's note holds, if their stack pointer is in a kernel stack."""
        regs = cpu_registers(self._kernel, self._task)
        if regs is None or not self._unwinder.may_start_at(self._task, regs.rsp):
            return None
        return regs

    def _crashed_in_irq(self, left: PtRegs) -> bool:
        return (
            self._panicked
            and self._kernel.stacks.irq_stack(left.rsp) is not None
            and self._walk.verified(left, 0)
        )

    def _stopped(self, left: PtRegs) -> CpuRegisters | None:
        if self._unwinder.site(left.rip) is None:
            return None
        found = self._kernel.symbols.lookup(left.rip)
        name, offset = (found[0].name, found[1]) if found is not None else ("", 0)
        return CpuRegisters(left.named(), name, offset)

    def _special(self) -> list[Stack]:
        """The IRQ stack and the exception stacks of the task's CPU."""
        if not 0 <= self._task.cpu < len(self._kernel.stacks.irq):
            return []
        irq, exception = self._unwinder.special_stacks(self._task.cpu)
        return [*([irq] if irq is not None else []), *exception]

    def _scan(self, stack: Stack, own: bool) -> Start | None:
        """Look through one stack from its lowest address up."""
        unwinder, listing = self._unwinder, self._listing
        try:
            words = self._kernel.stacks.words(stack)
        except ReadError:
            raise CrashError(f"read of stack at {stack.base:x} failed") from None
        lowest = unwinder.lowest_text
        named = [
            (Start(stack.base + place * _WORD, pc), unwinder.name(pc))
            for place, pc in enumerate(words)
            if pc >= lowest
        ]
        panicked: Start | None = None
        for at, (here, name) in enumerate(named):
            if name == "crash_kexec" and unwinder.called_by(here.pc - 5) != "machine_kexec":
                # Of two, the second is the better one.
                if listing or name in self._found:
                    return here
                self._found[name] = here
            elif name in _DUMPING:
                return here
            elif name == "panic":
                panicked = here
            elif name == "die":
                if all(later != "sysrq_handle_crash" for _, later in named[at:]):
                    return here
            elif name == "sysrq_handle_crash":
                self._found[name] = here
            elif not self._panicked:
                if name == "crash_nmi_callback":
                    return replace(here, idle=self._task.pid == 0)
                if name in ("smp_call_function_interrupt", "stop_this_cpu") and not own:
                    self._found["call"] = here
                elif name == "notify_die" and stack.name == "NMI":
                    self._found[name] = here
        return panicked or self._found.get("crash_kexec")
