"""What a dump has to say of its end: the log's lines, the crashed task's stack, its registers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pycrash.errors import CrashError
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.locking.waits import Wait, Waits, cycles
from pycrash.kernel.log.printk import LogDamage
from pycrash.kernel.stacks.trace import Event, Frame, Registers, TraceOptions
from pycrash.kernel.tasks.table import Task

#: A log line that is looked at is never longer: a rule's pattern meets no text without an end.
MAX_LINE = 1000
#: Functions that an interrupt comes through on its way to what serves it.
_OF_INTERRUPTS = re.compile(
    r"asm_(?:sysvec_|common_interrupt|spurious)\w*|common_interrupt|(?:handle|do)_softirqs?\w*|"
    r"__do_softirq|irq_exit\w*|el[01]\w*_irq\w*|el1_interrupt|gic_handle_irq|apic_timer_interrupt"
)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log: nanoseconds since boot (None in a log without), and its text."""

    time: int | None
    text: str


def exception_in(events: Sequence[Event]) -> tuple[int, Registers] | None:
    """The last exception of a stack that was met in kernel mode, and its place among the events,
    of which the latest come first."""
    for place, event in enumerate(events):
        if isinstance(event, Registers) and not event.user:
            return place, event
    return None


class Evidence:
    """The evidence of one dump, each piece gathered when a rule first asks for it."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    @cached_property
    def log(self) -> list[LogLine]:
        """The lines of the log from the oldest on, as far as it can be read."""
        lines: list[LogLine] = []
        try:
            for line in self._lines():
                lines.append(line)
        except (LogDamage, CrashError):
            pass  # what is damaged behind this place is `log`'s to say
        return lines

    def _lines(self) -> Iterator[LogLine]:
        log = self.kernel.log
        if log.shape == "text":
            for text in log.plain().split("\n"):
                yield LogLine(None, text[:MAX_LINE])
            return
        for record in log.records():
            for text in (record.text or "").split("\n"):
                yield LogLine(record.time, text[:MAX_LINE])

    @cached_property
    def task(self) -> Task | None:
        """The task that crashed, None where there is none."""
        try:
            address = self.kernel.panic.task
            return self.kernel.tasks.get(address) if address else None
        except CrashError:
            return None

    @cached_property
    def trace(self) -> list[Event]:
        """The crashed task's stack."""
        return [] if self.task is None else self.trace_of(self.task)

    def trace_of(self, task: Task) -> list[Event]:
        """The stack of a task, as far as it can be followed; empty where it cannot."""
        if not task.stack:
            return []
        try:
            return self.kernel.unwinder.trace(task, TraceOptions()).events
        except CrashError:
            return []

    @cached_property
    def frames(self) -> list[Frame]:
        """The calls on the crashed task's stack, the latest first."""
        return [event for event in self.trace if isinstance(event, Frame)]

    @cached_property
    def functions(self) -> dict[str, Frame]:
        """The functions on that stack, each with its first frame."""
        found: dict[str, Frame] = {}
        for frame in self.frames:
            found.setdefault(frame.symbol.partition(".")[0], frame)
        return found

    @cached_property
    def exception(self) -> Registers | None:
        """The registers of the last exception the crashed task met in kernel mode, None where it
        met none: what lies below it on the stack is how the task got there."""
        return None if self._exception_at is None else self._exception_at[1]

    @cached_property
    def _exception_at(self) -> tuple[int, Registers] | None:
        return exception_in(self.trace)

    @cached_property
    def in_interrupt(self) -> bool:
        """Whether that exception was met in an interrupt or softirq."""
        if self._exception_at is None:
            return False
        below = (e for e in self.trace[self._exception_at[0] + 1 :] if isinstance(e, Frame))
        return any(_OF_INTERRUPTS.fullmatch(frame.symbol) for frame in below)

    @cached_property
    def waits(self) -> list[Wait]:
        """What the tasks wait for that no signal wakes."""
        tasks, waits = self.kernel.tasks, self.kernel.part(Waits)
        blocked = (t for t in tasks.all if tasks.states.short(t.state) == "UN")
        return [wait for task in blocked if (wait := waits.of(task)) is not None]

    @cached_property
    def deadlocks(self) -> list[list[Wait]]:
        """The rings of tasks that wait for each other."""
        return cycles(self.waits)

    def registers(self) -> dict[str, int]:
        """The registers of that exception by name, empty where there is none."""
        return {} if self.exception is None else self.exception.values

    def variable(self, name: str) -> int | None:
        """An int variable of the kernel, None where it is not there or cannot be read."""
        at = self.kernel.symbol_address(name)
        try:
            data = None if at is None else self.kernel.read(at, 4, name)
        except CrashError:
            return None
        return None if data is None else self.kernel.unsigned(data)
