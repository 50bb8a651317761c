"""The state of the machine as it stopped: what its CPUs ran, who waited, who held memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import nlargest

from pycrash.errors import CrashError
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.locking.waits import Wait
from pycrash.kernel.mm.counters import Counters
from pycrash.kernel.mm.hugepages import HugePages
from pycrash.kernel.mm.slabcaches import SlabCaches
from pycrash.kernel.mm.slabcounts import SlabCounts
from pycrash.kernel.mm.usage import Usage
from pycrash.kernel.stacks.trace import Frame, Registers
from pycrash.kernel.tasks.table import Task
from pycrash.triage.culprit import is_machinery
from pycrash.triage.evidence import Evidence, exception_in

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class CpuState:
    """What a CPU ran: the task and the function it was in, empty where that is not known."""

    cpu: int
    task: Task
    function: str
    online: bool


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


def waiters(evidence: Evidence) -> list[tuple[Wait, float | None]]:
    """What tasks waited for, and for how many seconds (None: not kept); the longest first."""
    latest = evidence.kernel.tasks.latest_run
    found = [(wait, _seconds(latest, wait.task)) for wait in evidence.waits]
    return sorted(found, key=lambda pair: -(pair[1] or 0))


def _seconds(latest: int, task: Task) -> float | None:
    return None if task.last_run is None else max(latest - task.last_run, 0) / _NANOSECONDS


def state_counts(kernel: Kernel) -> dict[str, int]:
    """How many tasks there are in each state, by crash's two letters."""
    states = kernel.tasks.states
    return dict(Counter(states.short(task.state) for task in kernel.tasks.all).most_common())


def largest_holders(kernel: Kernel, count: int) -> list[Holder]:
    """The processes with most memory of their own."""
    leaders = (task for task in kernel.tasks.all if task.mm and task.pid == task.tgid)
    found = (Holder(task, kernel.task_memory.use(task).rss) for task in leaders)
    return nlargest(count, (f for f in found if f.pages), key=lambda holder: holder.pages)


def memory_shares(kernel: Kernel) -> dict[str, int]:
    """Pages by what they are used for, "total" first; what cannot be read is left out."""
    usage, counters = kernel.part(Usage), kernel.part(Counters)
    huge = kernel.part(HugePages)
    shares: dict[str, int] = {}
    figures: tuple[tuple[str, Callable[[], int]], ...] = (
        ("total", lambda: usage.total),
        ("free", lambda: usage.free),
        ("cached", lambda: usage.cached),
        ("buffers", lambda: usage.buffers),
        ("slab", lambda: usage.slab),
        ("shared memory", lambda: counters.value("NR_SHMEM") or 0),
        ("anonymous", lambda: counters.value("NR_ANON_MAPPED") or 0),
        ("page tables", lambda: counters.value("NR_PAGETABLE") or 0),
        ("huge pages", lambda: huge.pages[0]),
    )
    for name, pages in figures:
        try:
            shares[name] = max(pages(), 0)
        except CrashError:
            continue
    return shares


def largest_caches(kernel: Kernel, count: int) -> list[tuple[str, int]]:
    """The slab caches with most memory, each with its bytes; none where they cannot be read."""
    caches, counts = kernel.part(SlabCaches), kernel.part(SlabCounts)
    sizes: list[tuple[str, int]] = []
    for address in caches.listed[0]:
        try:
            cache = caches.get(address)
            counted = counts.of(cache).counts
            slabs = 0 if counted is None else counted.slabs
            sizes.append((cache.name, slabs * (kernel.page_size << cache.order)))
        except CrashError:
            continue
    return nlargest(count, sizes, key=lambda pair: pair[1])


def busy_in(evidence: Evidence, task: Task) -> str:
    """The first function on a task's stack that is not the machinery of waiting and stopping."""
    kernel, events = evidence.kernel, evidence.trace_of(task)
    found = exception_in(events)
    if found is not None and found[1].name:
        return found[1].name
    for event in events:
        if isinstance(event, Frame):
            if not is_machinery(kernel, event.symbol, event.pc, event.module):
                return event.symbol
        elif isinstance(event, Registers) and event.user:
            return "user space"
    return ""
