"""One walk over the stacks of a task of an x86-64 kernel.

A stack is read from the stack pointer up. A word that is a text address behind the start of
its function counts as a return address; how far above it the caller's lies, the ORC tables
say, or the function's code, or the frame pointer. Where none of them knows, the next text
address is taken, which is how crash walks.

The order of steps, and what counts as a return address, are those of crash, for they decide
which frames a damaged or unusual stack yields.
"""

from __future__ import annotations

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.arch.x86_64 import orc
from pycrash.kernel.arch.x86_64.facts import Site, StackFacts
from pycrash.kernel.arch.x86_64.frames import Kind, Shown, StackFrames
from pycrash.kernel.arch.x86_64.registers import cpu_registers
from pycrash.kernel.arch.x86_64.start import Search, as_shown, in_user_mode
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
from pycrash.kernel.tasks.table import Task

_WORD = 8
#: Words of the copies that nested NMIs keep on top of their stack.
_NMI_COPIES = 12
#: Words the processor pushes at an exception: rip, cs, rflags, rsp, ss.
_PUSHED = 5

#: Functions that call the IRQ stack's work without saving registers first.
_SOFTIRQ = frozenset(("do_softirq", "do_softirq_own_stack", "call_softirq"))
_SCHEDULE = frozenset(("thread_return", "schedule", "__schedule"))


class Walk:
    """Follows the stacks of one task; `frames` has what was met.

    `idle` tells that it is an idle thread that stood in the handler of the crash NMI.
    """

    def __init__(self, facts: StackFacts, task: Task, options: TraceOptions) -> None:
        self.frames = StackFrames(facts, task, options)
        self.idle = False
        self._facts = facts
        self._kernel = facts.kernel
        self._special = facts.stacks
        self._task = task
        self._options = options
        #: Whether every text address is taken for a call.
        self._takes_all = options.old or options.listing
        self._own = self.frames.own
        self._view = self.frames.view
        #: Where to look for the next return address, where the first stack was entered, and
        #: the text address that belongs to the entry of the stack at hand.
        self._sp = self._first = self._pc = 0
        #: The registers of the interrupt that switched to an IRQ stack.
        self._interrupted = 0
        self._last_registers = 0

    def run(self) -> None:
        """Follow the stacks from where the task stood. Raises CrashError."""
        if not self._task.stack:
            self.frames.events.append(Remark("(no stack)"))
        elif self._begin():
            done = self._leave_special_stacks()
            if done is not None:
                self._walk_own(done)

    # Where to begin

    def _begin(self) -> bool:
        """Find where to start; False where there is nothing to follow."""
        options, facts = self._options, self._facts
        sp, pc = options.sp, options.pc
        stopped: CpuRegisters | None = None
        if sp is not None and not facts.may_start_at(self._task, sp):
            raise CrashError(
                f"non-process stack address for this task: {sp:x}\n"
                f"    (valid range: {self._own.base:x} - {self._own.top:x})"
            )
        if sp is None and pc is None and self._facts.panic.is_active(self._task.address):
            start = Search(self.frames).run()
            if start is not None:
                sp, pc, stopped, self.idle = start.sp, start.pc, start.stopped, start.idle
            elif not options.all_text and (user := in_user_mode(self._kernel, self._task)):
                if not options.listing:
                    self.frames.events.append(user)
                return False
        if sp is None:
            sp = self._saved_sp()
        if pc is None:
            pc = facts.thread_return
        if options.all_text:
            sp, pc, stopped = self._own.base + facts.thread_info_size, 0, None
        self._sp = self._first = sp
        self._pc = pc
        self.frames.enter(sp)
        return self._introduce(stopped)

    def _saved_sp(self) -> int:
        """The stack pointer a sleeping task left, and the frame pointer kept there."""
        sp = self._facts.tasks.saved_sp(self._task)
        place = self._facts.saved_bp
        if place is not None and self._facts.has_orc:
            what = "inactive_task_frame.r15"
            if sp in self._own:
                self._view.load(self._own, sp, what)
            else:
                self._kernel.read(sp, _WORD, what)
            self.frames.bp = self._view.word(sp + place)
        return sp

    def _introduce(self, stopped: CpuRegisters | None) -> bool:
        """Show what comes before the frames; False where the start cannot be read."""
        if not self._view.holds(self._sp) and not self._facts.readable(self._sp):
            self.frames.events.append(Complaint("cannot determine starting stack pointer"))
            left = cpu_registers(self._kernel, self._task)
            if left is not None:
                registers = CpuRegisters(left.of_cpu())
                self.frames.events.append(as_shown(self._kernel, registers))
            return False
        if self._options.listing:
            if not self._options.all_text:
                self.frames.events.append(TextStart(self._facts.name(self._pc), self._pc))
        elif stopped is not None:
            self.frames.events.append(stopped)
        return True

    # From stack to stack

    def _leave_special_stacks(self) -> bool | None:
        """Walk exception and IRQ stacks until the task's own is next.

        True where user mode is what they interrupted, None where the walk is over.
        """
        if self.frames.entry in self._own:
            return False
        stacks = self._special
        # Each stack can be left for another only so often before it goes in a circle.
        for _ in range(2 + len(stacks.irq) + sum(map(len, stacks.exception))):
            done = False
            exception = stacks.exception_stack(self.frames.entry)
            if exception is not None:
                user = self._walk_exception(exception)
                if user is None:
                    return None
                done = user
            irq = None if done else stacks.irq_stack(self.frames.entry)
            if irq is not None:
                self._walk_irq(irq)
            else:
                self._interrupted = 0
            if done or stacks.exception_stack(self.frames.entry) is None:
                return done
        raise CrashError("the stacks lead to each other without end")

    def _walk_exception(self, stack: Stack) -> bool | None:
        """Walk an exception stack; True if it interrupted user mode, None if all is said."""
        facts = self._facts
        self.frames.was_exception = True
        try:
            self._view.load(stack, stack.base, "irqstack contents")
        except ReadError:
            raise CrashError(f"read of exception stack at {stack.base:x} failed") from None
        size = facts.registers.size
        if self._interrupted:
            self.frames.show(self._pc, self.frames.entry, Kind.INTERRUPT)
            self.frames.show_registers(self._interrupted)
            self._sp += size
            if self.frames.struck:
                self._sp += self._skip_from(self.frames.struck, self._sp)
            self.frames.level += 1
            self._interrupted = 0
        nested = stack.name == "NMI" and facts.repeat_nmi is not None
        limit = stack.top - size - (_NMI_COPIES * _WORD if nested else 0)
        entered = self.frames.entry
        self.frames.lost = False
        self._walk(limit)
        user = self.frames.show_registers(limit).user
        self.frames.events.append(StackSwitch(f"{stack.name} exception stack"))
        pushed = stack.top - _PUSHED * _WORD
        if nested and entered <= stack.top - (_PUSHED + _NMI_COPIES) * _WORD:
            pushed -= _NMI_COPIES * _WORD
            # Before 3.8 the two copies were the other way round.
            if self._view.word(pushed) == facts.repeat_nmi:
                pushed += _PUSHED * _WORD
        self._pc = self._view.word(pushed)
        self._sp = self._view.word(pushed + 3 * _WORD)
        self.frames.enter(self._sp)
        if user:
            return True
        self.frames.show(self._pc, self.frames.entry, Kind.STRUCK)
        self.frames.lost = False
        if self.frames.entry in stack:
            self.frames.events.append(
                Remark(
                    f"    [ {stack.name} exception stack recursion: "
                    "prior stack location overwritten ]"
                )
            )
            return None
        self.frames.level += 1
        self._sp += self._skip_from(self._pc, self._sp)
        return False

    def _walk_irq(self, stack: Stack) -> None:
        """Walk an IRQ stack, and find where it was entered."""
        self.frames.was_irq = True
        try:
            self._view.load(stack, stack.base, "irqstack contents")
        except ReadError:
            raise CrashError(f"read of IRQ stack at {stack.base:x} failed") from None
        limit = stack.top - self._facts.irq_gap
        self.frames.lost = False
        self._walk(limit)
        self.frames.events.append(StackSwitch("IRQ stack"))
        # The top word leads back to the stack that was left.
        self._pc = self._view.word(limit - 2 * _WORD)
        self._sp = self._linked(self._view.word(limit - _WORD))
        self.frames.enter(self._sp)
        self._interrupted = 0 if self._facts.name(self._pc) in _SOFTIRQ else self._sp

    def _linked(self, link: int) -> int:
        """The registers of the interrupt that switched to an IRQ stack, near the link it left."""
        if self.frames.verified_at(link):
            return link
        expected = link - self._facts.irq_link
        for nearby in (0, 8, -8, 16, -16):
            if self.frames.verified_at(expected + nearby):
                return expected + nearby
        return expected

    def _walk_own(self, done: bool) -> None:
        """Walk the task's own stack, which all others are entered from."""
        if not done and (self.frames.was_exception or self.frames.was_irq):
            if self._sp not in self._own:
                if not self._may_be_outside():
                    return
                done = True
            self._load_own(self._own.base)
        elif not done:
            if self._sp not in self._own:
                raise CrashError(
                    f"invalid RSP: {self._sp:x}  bt->stackbase/stacktop: "
                    f"{self._own.base:x}/{self._own.top:x} cpu: {self._task.cpu}"
                )
            if not self._view.holds(self._sp):
                self._load_own(self._sp)
            if not self._options.listing and self._facts.name(self._pc) in _SCHEDULE:
                self._pass_switch()
        user_interrupt = False
        if self._interrupted:
            user_interrupt = done = self._show_interrupt()
        self.frames.lost = False
        if not done:
            self._walk(self._own.top)
        if not user_interrupt and self._view.stack == self._own and not self._is_kernel_thread:
            layout = self._facts.registers
            if self._last_registers < self._own.top - layout.size:
                self.frames.show_registers(self._own.top - layout.below_top)

    @property
    def _is_kernel_thread(self) -> bool:
        return self._facts.tasks.is_kernel_thread(self._task)

    def _load_own(self, low: int) -> None:
        try:
            self._view.load(self._own, low)
        except ReadError:
            raise CrashError(f"read of stack at {self._own.base:x} failed") from None

    def _may_be_outside(self) -> bool:
        """Whether a stack pointer outside the task's stack is that of user mode.

        False where all is said. Raises CrashError where it has no explanation.
        """
        if self._show_entry_stack():
            return False
        if self.frames.was_exception and not self.frames.was_irq:
            if self._facts.in_user_stack(self._task, self._sp):
                return True
            if self._facts.name(self._pc) == "ia32_sysenter_target":
                return self._sp != 0
            raise CrashError(
                "cannot transition from exception stack to current process stack:\n"
                f"    exception stack pointer: {self._first:x}\n"
                f"      process stack pointer: {self._sp:x}\n"
                f"         current stack base: {self._own.base:x}"
            )
        if self.frames.was_exception:
            raise CrashError(
                "cannot transition from exception stack to IRQ stack to current process stack:\n"
                f"    exception stack pointer: {self._first:x}\n"
                f"          IRQ stack pointer: {self.frames.entry:x}\n"
                f"      process stack pointer: {self._sp:x}\n"
                f"         current stack base: {self._own.base:x}"
            )
        raise CrashError(
            "cannot transition from IRQ stack to current process stack:\n"
            f"        IRQ stack pointer: {self._first:x}\n"
            f"    process stack pointer: {self._sp:x}\n"
            f"       current stack base: {self._own.base:x}"
        )

    def _show_entry_stack(self) -> bool:
        """Show the registers on the stack that entries begin on, if the walk has come there."""
        template = self._facts.entry_stack
        if template is None:
            return False
        base = self._kernel.cpus.address(template.base, self._task.cpu)
        if self._sp not in Stack(base, template.size):
            return False
        self.frames.show_registers(base + template.size - self._facts.registers.size)
        self.frames.events.append(StackSwitch("entry trampoline stack"))
        return True

    def _pass_switch(self) -> None:
        """Go on behind what the task switch has left on the stack of a sleeping task."""
        facts = self._facts
        if facts.has_orc and facts.saved_return is not None:
            self._sp += facts.saved_return
            return
        schedule = True
        if facts.name(self._pc) == "__schedule":
            self.frames.show(self._pc, self._sp, Kind.CALL)
            self.frames.level += 1
            for sp in range(self._sp, self._view.stack.top, _WORD):
                pc = self._view.word(sp)
                site = facts.site(pc)
                if site and site.offset and facts.called_by(pc - 5) == "__schedule":
                    self._sp, self._pc = sp, pc
                    break
            schedule = facts.name(self._pc) == "schedule"
        if schedule:
            self.frames.show(self._pc, self._sp, Kind.SCHEDULE)
            self._sp += _WORD
            self.frames.level += 1

    def _show_interrupt(self) -> bool:
        """Show where an interrupt left the task's stack; True if that was in user mode."""
        facts = self._facts
        if facts.new_interrupts:
            self._pc = self._view.word(self._interrupted - _WORD)
        self.frames.show(self._pc, self.frames.entry, Kind.INTERRUPT)
        user = self.frames.show_registers(self._interrupted).user
        if not user:
            self._sp += facts.registers.size
            if self.frames.struck:
                self._sp += self._skip_to_caller()
        self.frames.level += 1
        return user

    def _skip_to_caller(self) -> int:
        """Bytes to the return address of whoever called the function that was interrupted."""
        name = self._facts.name(self.frames.struck)
        if name and not (self._takes_all or self.frames.lost):
            for sp in range(self._sp, self._view.stack.top, _WORD):
                pc = self._view.word(sp)
                site = self._facts.site(pc)
                if site and site.offset and self._facts.called_by(pc - 5) == name:
                    return sp - self._sp
        return self._skip_from(self.frames.struck, self._sp)

    # Along one stack

    def _walk(self, limit: int) -> None:
        """Show the return addresses from the stack pointer up to a limit."""
        frames = self.frames
        words, low, lowest = self._view.words, self._view.low, self._facts.lowest_text
        sites, site_of = self._facts.sites, self._facts.site
        options, events = self._options, frames.events
        as_usual = not (self._takes_all or options.full or frames.was_irq)
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
            if not as_usual or site.special or frames.lost:
                sp = self._step(site, sp)
                continue
            # What _step and _skip_by_orc do, for what most frames are.
            events.append(Frame(frames.level, sp, pc, site.name, site.offset, site.module))
            frames.level += 1
            frames.struck = 0
            frames.called = site.name
            entry = site.entry
            if entry is None or entry.sp_reg != orc.REG_SP or entry.sp_offset < _WORD:
                sp += _WORD
                sp += self._skip(site, sp)
                continue
            sp += entry.sp_offset
            if entry.bp_reg == orc.REG_PREV_SP:
                place = sp + _WORD + entry.bp_offset - low >> 3
                frames.bp = words[place] if 0 <= place < count else 0
            elif entry.bp_reg != orc.REG_UNDEFINED:
                frames.bp = 0
        self._sp = sp

    def _step(self, site: Site, sp: int) -> int:
        """Show a return address; where to look for the next one."""
        shown = self.frames.show(site.pc, sp, Kind.CALL)
        sp += _WORD
        if shown is Shown.NOT:
            return sp
        self.frames.level += 1
        if shown is Shown.FRAME_AND_REGISTERS:
            self._last_registers = sp
            sp += self._facts.registers.size
            if not self.frames.struck:
                return sp
            return sp + self._skip_from(self.frames.struck, sp)
        return sp + self._skip(site, sp)

    def _skip_from(self, pc: int, sp: int) -> int:
        """As _skip, for a place that need not be behind a call."""
        site = self._facts.named_site(pc)
        if site is None:
            self.frames.lost = True
            return 0
        return self._skip(site, sp, interrupted=pc == self.frames.struck)

    def _skip(self, site: Site, sp: int, interrupted: bool = False) -> int:
        """Bytes from the stack pointer a function has at a site up to its return address."""
        if self._takes_all or self.frames.lost:
            return 0
        facts = self._facts
        if facts.keeps_frame_pointers and not interrupted:
            frame = self._frame_pointer(sp)
            if frame:
                return frame + _WORD - sp
        if site.function in facts.init_text:
            return 0
        if site.entry is not None:
            skip = self._skip_by_orc(site.entry, sp)
            if skip >= 0:
                return skip
        counted = facts.counted(site, interrupted)
        if counted is None:
            self.frames.lost = True
            return 0
        return max(0, counted)

    def _skip_by_orc(self, entry: orc.OrcEntry, sp: int) -> int:
        """What an ORC entry says; negative where it needs a register that is not known."""
        caller = 0
        if entry.sp_reg == orc.REG_SP:
            caller = sp + entry.sp_offset
        elif entry.sp_reg == orc.REG_BP and self.frames.bp in self._view.stack:
            caller = self.frames.bp + entry.sp_offset
        if entry.bp_reg == orc.REG_PREV_SP and caller:
            saved = caller + entry.bp_offset
            self.frames.bp = self._view.word(saved) if self._view.holds(saved) else 0
        elif entry.bp_reg != orc.REG_UNDEFINED:
            self.frames.bp = 0
        return caller - _WORD - sp if caller else -1

    def _frame_pointer(self, sp: int) -> int:
        """The frame pointer saved below a return address, 0 if it is none."""
        at = sp - 2 * _WORD
        if not self._view.holds(at):
            return 0
        frame = self._view.word(at)
        if frame <= sp or not self._view.holds(frame) or not self._view.holds(frame + _WORD):
            return 0
        return frame if self._facts.site(self._view.word(frame + _WORD)) is not None else 0
