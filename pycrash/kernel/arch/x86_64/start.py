"""Where the walk over the stacks of a running task of an x86-64 kernel begins.

A dump keeps the registers of each CPU from the moment it stopped, inside of the code that
makes the dump; crash begins further out, at the return address into the function that did.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.arch.x86_64.frames import StackFrames
from pycrash.kernel.arch.x86_64.registers import PtRegs, cpu_registers
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.stacks.stacks import Stack
from pycrash.kernel.stacks.trace import CpuRegisters
from pycrash.kernel.tasks.table import Task

_WORD = 8
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


def as_shown(kernel: Reader, stopped: CpuRegisters) -> CpuRegisters:
    """Registers as crash shows them: those of VMware's files without segments, behind a tab."""
    if kernel.maker != "VMware":
        return stopped
    values = {name: value for name, value in stopped.values.items() if name not in ("CS", "SS")}
    return stopped._replace(values=values, indent="\t ")


def in_user_mode(kernel: Reader, task: Task) -> CpuRegisters | None:
    """The registers of a CPU that was in user mode as its machine was saved.

    Of other dumps crash does not show them: they are of a crash, which is in the kernel.
    """
    if kernel.maker not in ("QEMU", "VMware"):
        return None
    regs = cpu_registers(kernel, task)
    if regs is None or not regs.user:
        return None
    return as_shown(kernel, CpuRegisters(regs.of_cpu(), user=True))


class Search:
    """Looks through the stacks of a running task for the function that stopped its CPU."""

    def __init__(self, frames: StackFrames) -> None:
        self._frames = frames
        self._facts = facts = frames.facts
        self._kernel = facts.kernel
        self._task = frames.task
        self._panicked = self._task.address == self._facts.panic.task
        self._listing = frames.options.listing
        #: What was found, by how good it is: the last of its kind.
        self._found: dict[str, Start] = {}

    def run(self) -> Start | None:
        """Where to begin; None where only the stack pointer it last slept with is left."""
        left = self._left()
        stacks = [(stack, False) for stack in self._special()]
        if left is None or not self._crashed_in_irq(left):
            stacks.insert(0, (self._frames.own, True))
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
        if regs is None or not self._facts.may_start_at(self._task, regs.rsp):
            return None
        return regs

    def _crashed_in_irq(self, left: PtRegs) -> bool:
        return (
            self._panicked
            and self._facts.stacks.irq_stack(left.rsp) is not None
            and self._frames.verified(left, 0)
        )

    def _stopped(self, left: PtRegs) -> CpuRegisters | None:
        if self._facts.site(left.rip) is None:
            return None
        found = self._facts.symbols.lookup(left.rip)
        name, offset = (found[0].name, found[1]) if found is not None else ("", 0)
        return as_shown(self._kernel, CpuRegisters(left.of_cpu(), name, offset))

    def _special(self) -> list[Stack]:
        """The IRQ stack and the exception stacks of the task's CPU."""
        stacks, cpu = self._facts.stacks, self._task.cpu
        if not 0 <= cpu < len(stacks.irq):
            return []
        irq, exception = stacks.irq[cpu], stacks.exception[cpu]
        return [*([irq] if irq is not None else []), *exception]

    def _scan(self, stack: Stack, own: bool) -> Start | None:
        """Look through one stack from its lowest address up."""
        facts, listing = self._facts, self._listing
        try:
            words = self._facts.task_stacks.words(stack)
        except ReadError:
            raise CrashError(f"read of stack at {stack.base:x} failed") from None
        lowest = facts.lowest_text
        named = [
            (Start(stack.base + place * _WORD, pc), facts.name(pc))
            for place, pc in enumerate(words)
            if pc >= lowest
        ]
        panicked: Start | None = None
        for at, (here, name) in enumerate(named):
            if name == "crash_kexec" and facts.called_by(here.pc - 5) != "machine_kexec":
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
