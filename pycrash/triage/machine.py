"""The state of the machine as it stopped: what its CPUs ran, who waited, who held memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nlargest

from pycrash.errors import CrashError
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.stacks.trace import Frame, Registers
from pycrash.kernel.tasks.table import Task
from pycrash.triage.culprit import is_machinery
from pycrash.triage.evidence import Evidence

_NANOSECONDS = 1_000_000_000
#: The state of a task that waits and that no signal wakes.
_UNINTERRUPTIBLE = "UN"


@dataclass(frozen=True)
class CpuState:
    """What a CPU ran: the task and the function it was in, empty where that is not known."""

    cpu: int
    task: Task
    function: str
    online: bool


@dataclass(frozen=True)
class Waiter:
    """A task that waited uninterruptibly, and for how many seconds; None where that is not kept."""

    task: Task
    seconds: float | None


@dataclass(frozen=True)
class Holder:
    """A process and its memory: resident pages."""

    task: Task
    pages: int


def cpu_states(evidence: Evidence) -> Iterator[CpuState]:
    """What each CPU ran."""
    kernel = evidence.kernel
    for cpu, address in sorted(kernel.panic.active.items()):
        try:
            task = kernel.tasks.get(address)
        except CrashError:
            continue
        function = "idle" if not task.pid else busy_in(evidence, task)
        yield CpuState(cpu, task, function, cpu in kernel.cpus.online)


def waiters(kernel: Kernel) -> list[Waiter]:
    """The tasks that waited uninterruptibly, those that waited longest first."""
    tasks = [t for t in kernel.tasks.all if kernel.tasks.states.short(t.state) == _UNINTERRUPTIBLE]
    latest = kernel.tasks.latest_run
    found = [
        (None if t.last_run is None else max(latest - t.last_run, 0) / _NANOSECONDS, t)
        for t in tasks
    ]
    found.sort(key=lambda pair: -(pair[0] or 0))
    return [Waiter(task, seconds) for seconds, task in found]


def state_counts(kernel: Kernel) -> dict[str, int]:
    """How many tasks there are in each state, by crash's two letters."""
    states = kernel.tasks.states
    return dict(Counter(states.short(task.state) for task in kernel.tasks.all).most_common())


def largest_holders(kernel: Kernel, count: int) -> list[Holder]:
    """The processes with most memory of their own."""
    leaders = (task for task in kernel.tasks.all if task.mm and task.pid == task.tgid)
    found = (Holder(task, kernel.task_memory.use(task).rss) for task in leaders)
    return nlargest(count, (f for f in found if f.pages), key=lambda holder: holder.pages)


def busy_in(evidence: Evidence, task: Task) -> str:
    """The first function on a task's stack that is not the machinery of waiting and stopping."""
    kernel = evidence.kernel
    events = evidence.trace_of(task)
    last = max((n for n, e in enumerate(events) if _interrupts(e)), default=-1)
    if last >= 0 and (name := getattr(events[last], "name", "")):
        return str(name)
    for event in events[last + 1 :]:
        if isinstance(event, Frame):
            if not is_machinery(kernel, event.symbol, event.pc, event.module):
                return event.symbol
        elif isinstance(event, Registers) and event.user:
            return "user space"
    return ""


def _interrupts(event: object) -> bool:
    return isinstance(event, Registers) and not event.user
