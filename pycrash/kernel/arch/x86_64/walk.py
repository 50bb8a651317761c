"""One walk over the stacks of a task of an x86-64 kernel.

The order of steps, and what counts as a return address, are those of crash, for they decide
which frames a damaged or unusual stack yields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.arch.x86_64 import orc
from pycrash.kernel.arch.x86_64.frames import Kind, Shown, StackFrames
from pycrash.kernel.arch.x86_64.registers import cpu_registers
from pycrash.kernel.arch.x86_64.start import Search
from pycrash.kernel.stacks.stacks import Stack
from pycrash.kernel.stacks.trace import (
    Complaint,
    CpuRegisters,
    Frame,
    Remark,
    StackSwitch,
    TextStart,
    TraceOptions,
)

if TYPE_CHECKING:
    from pycrash.kernel.arch.x86_64.unwind import Site, UnwinderX86
    from pycrash.kernel.tasks.table import Task

_WORD = 8
#: Words of the copies that nested NMIs keep on top of their stack.
_NMI_COPIES = 12
#: Words the processor pushes at an exception: rip, cs, rflags, rsp, ss.
_PUSHED = 5

#: Functions that call the IRQ stack's work without saving registers first.
_SOFTIRQ = frozenset(("do_softirq", "do_softirq_own_stack", "call_softirq"))
_SCHEDULE = frozenset(("thread_return", "schedule", "__schedule"))


class Walk(StackFrames):
    """Follows the stacks of one task."""

    def __init__(self, unwinder: UnwinderX86, task: Task, options: TraceOptions) -> None:
        super().__init__(unwinder, task, options)
        #: Whether it is an idle thread that stood in the handler of the crash NMI.
        self.idle = False
        #: Where to look for the next return address, where the first stack was entered, and
        #: the text address that belongs to the entry of the stack at hand.
        self._sp = self._first = self._pc = 0
        #: The registers of the interrupt that switched to an IRQ stack.
        self._interrupted = 0
        self._last_registers = 0

    def run(self) -> None:
        """Follow the stacks from where the task stood. Raises CrashError."""
        if not self.task.stack:
            self.events.append(Remark("(no stack)"))
        elif self._begin():
            done = self._leave_special_stacks()
            if done is not None:
                self._walk_own(done)

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
            what = "inactive_task_frame.r15"
            if sp in self.own:
                self._load(self.own, sp, what)
            else:
                self.kernel.read(sp, _WORD, what)
            self._bp = self._word(sp + place)
        return sp

    def _introduce(self, stopped: CpuRegisters | None) -> bool:
        """Show what comes before the frames; False where the start cannot be read."""
        if not self._holds(self._sp) and not self.unwinder.readable(self._sp):
            self.events.append(Complaint("cannot determine starting stack pointer"))
            left = cpu_registers(self.kernel, self.task)
            if left is not None:
                self.events.append(CpuRegisters(left.of_cpu()))
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
            self._show(self._pc, self._entry, Kind.INTERRUPT)
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
        self._show(self._pc, self._entry, Kind.STRUCK)
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
            self._show(self._pc, self._sp, Kind.CALL)
            self._level += 1
            for sp in range(self._sp, self.stack.top, _WORD):
                pc = self._word(sp)
                site = unwinder.site(pc)
                if site and site.offset and unwinder.called_by(pc - 5) == "__schedule":
                    self._sp, self._pc = sp, pc
                    break
            schedule = unwinder.name(self._pc) == "schedule"
        if schedule:
            self._show(self._pc, self._sp, Kind.SCHEDULE)
            self._sp += _WORD
            self._level += 1

    def _show_interrupt(self) -> bool:
        """Show where an interrupt left the task's stack; True if that was in user mode."""
        unwinder = self.unwinder
        if unwinder.new_interrupts:
            self._pc = self._word(self._interrupted - _WORD)
        self._show(self._pc, self._entry, Kind.INTERRUPT)
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
        shown = self._show(site.pc, sp, Kind.CALL)
        sp += _WORD
        if shown is Shown.NOT:
            return sp
        self._level += 1
        if shown is Shown.FRAME_AND_REGISTERS:
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
