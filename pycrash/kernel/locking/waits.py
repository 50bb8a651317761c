"""What each task waits for, and who holds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pycrash.errors import CrashError
from pycrash.kernel.arch.chooser import choose
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.locking.ends import Ends
from pycrash.kernel.locking.futexes import Futexes
from pycrash.kernel.locking.journals import Journals
from pycrash.kernel.locking.kinds import DEVICE, KINDS, QUEUE, SLEEPING, Kind
from pycrash.kernel.locking.owners import Owner, Owners, member, tolerant
from pycrash.kernel.locking.rwbase import Rwbases
from pycrash.kernel.locking.stackwaiters import StackWaiters
from pycrash.kernel.locking.workers import Workers
from pycrash.kernel.stacks.trace import Frame, TraceOptions
from pycrash.kernel.symbols.table import SymbolTable
from pycrash.kernel.tasks.table import Task, TaskTable

#: How many calls above the scheduler may be those of a wait.
_DEPTH = 8
#: task_struct.blocker (6.17): the low bits say what kind of lock the rest is the address of.
_BLOCKER_KINDS = ("mutex", "semaphore", "rwsem", "rwsem")


@dataclass(frozen=True)
class Wait:
    """A task that waits.

    `kind` is what it waits for in a word; `lock` the address of it, None where that is not
    found, and `name` its symbol, empty where it has none. `proof` says how the lock was found.
    `function` is the one that asked for it. `owner` is who holds it, or why nobody is named.
    """

    task: Task
    kind: str
    lock: int | None
    name: str
    proof: str
    function: str
    owner: Owner


_NOBODY = Owner(None, False, "")


class Waits:
    """Finds out what tasks wait for. What cannot be read leaves a wait without its lock."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._unwinder = kernel.part(choose).unwinder
        self._tasks = kernel.part(TaskTable)
        self._stack = kernel.part(StackWaiters)
        self._owners = kernel.part(Owners)

    def of(self, task: Task) -> Wait | None:
        """What a task waits for; None where its stack does not show that it waits for anything."""
        calls = self._calls(task)
        if not calls:
            return None
        place, kind = self._kind(calls)
        function = next((name for name in calls[place:] if not _waits(name)), calls[-1])
        for find in (self._noted, self._pi, self._special):
            found = find(task, kind, function, calls)
            if found is not None:
                return found
        waiter = self._stack.find(task, kind)
        if waiter is None:
            name = "unknown" if kind is QUEUE else kind.name
            return Wait(task, name, None, "", "", function, _NOBODY)
        proof = f"{kind.waiting[0][0].type} at {waiter.address:x} is in its list"
        if kind is QUEUE:
            end = self._kernel.part(Ends).of(task, waiter.lock, calls[:_DEPTH])
            if end is not None:
                return Wait(task, end.kind, end.address, "", proof, function, end.owner)
            journal = self._kernel.part(Journals).of(waiter.lock, calls[:_DEPTH])
            if journal is not None:
                return Wait(task, "journal", journal.address, "", proof, function, journal.owner)
        return self._wait(task, kind.name, waiter.lock, proof, function)

    def _wait(self, task: Task, kind: str, lock: int, proof: str, function: str) -> Wait:
        try:
            owner = self._owners.of(kind, lock)
        except CrashError as error:
            owner = Owner(None, False, str(error))
        if owner.task == task:
            owner = Owner(task, owner.certain, f"{owner.why}: it holds it itself")
        return Wait(task, kind, lock, self._name(lock), proof, function, owner)

    def _calls(self, task: Task) -> list[str]:
        """The functions on a task's stack behind the scheduler's, without a compiler's endings."""
        if not task.stack:
            return []
        try:
            events = self._unwinder.trace(task, TraceOptions()).events
        except CrashError:
            return []
        names = [e.symbol.partition(".")[0] for e in events if isinstance(e, Frame)]
        start = next((n for n, name in enumerate(names) if not SLEEPING.fullmatch(name)), 0)
        return names[start:] if start else []

    @staticmethod
    def _kind(calls: Sequence[str]) -> tuple[int, Kind]:
        """What is waited for, and how many calls belong to the waiting."""
        for kinds in (KINDS, (DEVICE,)):
            for place, name in enumerate(calls[:_DEPTH]):
                for kind in kinds:
                    if kind.functions.fullmatch(name):
                        return place + 1, kind
        return 0, QUEUE

    def _noted(self, task: Task, kind: Kind, function: str, calls: Sequence[str]) -> Wait | None:
        """The lock that the task itself has noted (task_struct.blocker, 6.17)."""
        if self._blocker is None:
            return None
        word = tolerant(self._kernel, task.address + self._blocker, "task_struct.blocker")
        if not word:
            return None
        return self._wait(
            task, _BLOCKER_KINDS[word & 3], word & ~3, "task_struct.blocker", function
        )

    def _pi(self, task: Task, kind: Kind, function: str, calls: Sequence[str]) -> Wait | None:
        """The rt_mutex whose waiter the task points to."""
        if self._pi_blocked is None or self._pi_lock is None:
            return None
        at = task.address + self._pi_blocked
        waiter = tolerant(self._kernel, at, "task_struct.pi_blocked_on")
        lock = tolerant(self._kernel, waiter + self._pi_lock, "rt_mutex_waiter") if waiter else 0
        return (
            self._wait(task, "rt_mutex", lock, "task_struct.pi_blocked_on", function)
            if lock
            else None
        )

    def _special(self, task: Task, kind: Kind, function: str, calls: Sequence[str]) -> Wait | None:
        """Waits whose lock is nobody's, but that are known to end by what another task does."""
        if kind.name == "futex":
            found = self._kernel.part(Futexes).of(task)
            if found is not None:
                return Wait(task, "futex", found.address, "", found.proof, function, found.owner)
        if "rwbase_write_lock" in calls[:_DEPTH]:
            awaited = self._kernel.part(Rwbases).of(task)
            if awaited is not None:
                proof = "its rt_mutex is the task's, and readers are counted in it"
                nobody = Owner(
                    None, False, f"{awaited.readers} readers hold it, which it does not record"
                )
                name = self._name(awaited.lock)
                return Wait(task, "rwsem", awaited.lock, name, proof, function, nobody)
        if kind.name == "completion":
            waiter = self._stack.find(task, kind)
            if waiter is not None:
                return self._completion(task, waiter.lock, waiter.address, function, calls)
        return None

    def _completion(
        self, task: Task, lock: int, waiter: int, function: str, calls: Sequence[str]
    ) -> Wait:
        proof, owner = f"its waiter at {waiter:x} is in the completion's list", _NOBODY
        kind = "completion"
        if any("flush_work" in name or "cancel_work" in name for name in calls):
            kind = "work"
            owner = self._kernel.part(Workers).busy_with_barrier(lock) or owner
        elif any(name in ("kernel_clone", "_do_fork", "do_fork") for name in calls):
            kind = "vfork"
            owner = self._child(task, lock) or owner
        elif any(
            name.startswith(("synchronize_", "_wait_rcu_gp", "__wait_rcu_gp")) for name in calls
        ):
            kind = "RCU"
        return Wait(task, kind, lock, self._name(lock), proof, function, owner)

    def _child(self, task: Task, completion: int) -> Owner | None:
        """The child that vfork() waits for: the one whose vfork_done is the completion."""
        place = member(self._kernel, "struct task_struct", "vfork_done")
        if place is None:
            return None
        for child in self._tasks.children(task.address):
            if tolerant(self._kernel, child.address + place, "vfork_done") == completion:
                return Owner(child, True, "task_struct.vfork_done of the child")
        return None

    def _name(self, address: int) -> str:
        """The symbol of a lock with the bytes behind it, empty where it lies in none."""
        symbols = self._kernel.part(SymbolTable)
        found = symbols.place(address) if symbols.in_range(address) else None
        if found is None:
            return ""
        return f"{found[0]}+{found[1]}" if found[1] else found[0]

    @cached_property
    def _blocker(self) -> int | None:
        return member(self._kernel, "struct task_struct", "blocker")

    @cached_property
    def _pi_blocked(self) -> int | None:
        return member(self._kernel, "struct task_struct", "pi_blocked_on")

    @cached_property
    def _pi_lock(self) -> int | None:
        return member(self._kernel, "struct rt_mutex_waiter", "lock")


def _waits(function: str) -> bool:
    """Whether a function is part of some kind of waiting."""
    return any(kind.functions.fullmatch(function) for kind in (*KINDS, DEVICE))


def chains(waits: Sequence[Wait]) -> Iterator[list[Wait]]:
    """Each wait that nobody waits behind, with those it leads to: its holder's, and so on."""
    by_task = {wait.task.address: wait for wait in waits}
    behind = {w.owner.task.address for w in waits if w.owner.task is not None}
    for wait in waits:
        if wait.task.address not in behind:
            yield followed(wait, by_task)


def followed(wait: Wait, by_task: dict[int, Wait]) -> list[Wait]:
    """A wait, that of who holds what it is for, and so on; the end of a cycle is its start."""
    chain: list[Wait] = []
    following: Wait | None = wait
    while following is not None and following not in chain:
        chain.append(following)
        holder = following.owner.task
        following = by_task.get(holder.address) if holder is not None else None
    return chain


def cycles(waits: Sequence[Wait]) -> list[list[Wait]]:
    """The rings of tasks that wait for each other, each once, from its lowest pid on."""
    by_task = {wait.task.address: wait for wait in waits}
    found: dict[frozenset[int], list[Wait]] = {}
    for wait in waits:
        chain = followed(wait, by_task)
        holder = chain[-1].owner.task
        if holder is None or holder.address not in {w.task.address for w in chain}:
            continue
        start = next(n for n, w in enumerate(chain) if w.task.address == holder.address)
        ring = chain[start:]
        first = min(range(len(ring)), key=lambda n: ring[n].task.pid)
        found.setdefault(frozenset(w.task.address for w in ring), ring[first:] + ring[:first])
    return list(found.values())
