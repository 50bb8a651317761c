"""Tasks: the pid numbers of the first namespace and the idle threads (struct task_struct)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

import drgn

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, find_member, has_member, member_offset
from pycrash.kernel.core.problems import Problems
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.sched.queues import RunQueues
from pycrash.kernel.tasks.reachable import init_is_known, reachable, told
from pycrash.kernel.tasks.states import TaskStates, read_states

PF_EXITING = 0x4
PF_KTHREAD = 0x200000


class Task(NamedTuple):
    """The facts of one task_struct that most commands need.

    `state` is state | exit_state. `parent` and `mm` are addresses as they stand in the dump.
    `start_time`, `utime` and `stime` are in the kernel's own unit (nanoseconds since 4.11),
    `last_run` is when the task last got a CPU, in nanoseconds, None on a kernel that does not
    keep it. `stack` is the lowest address of the kernel stack.
    """

    address: int
    pid: int
    tgid: int
    comm: str
    cpu: int
    parent: int
    mm: int
    state: int
    flags: int
    policy: int
    prio: int
    stack: int
    thread_info: int
    signal: int
    start_time: int
    utime: int
    stime: int
    last_run: int | None


_FIELDS: tuple[str | tuple[str, ...], ...] = (
    "pid",
    "tgid",
    "comm",
    # thread_info went into task_struct with 4.9 (x86) and later; the cpu left task_struct
    # again with 5.16.
    ("cpu", "thread_info.cpu"),
    ("parent", "real_parent"),
    "mm",
    ("__state", "state"),  # renamed in 5.14
    "exit_state",
    "flags",
    "policy",
    "prio",
    ("stack", "thread_info"),
    "signal",
    "start_time",
    "utime",
    "stime",
    ("last_run", "timestamp", "sched_info.last_arrival"),
)
#: A CPU may be named by the thread_info at the foot of the stack alone.
_OPTIONAL = ("cpu", "last_run")


class TaskTable:
    """Every task, sorted by pid, the idle threads first and by CPU.

    What could not be read goes to Problems; what could is served.
    """

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._queues = kernel.part(RunQueues)
        self._problems = kernel.part(Problems)

    @cached_property
    def all(self) -> list[Task]:
        tasks = list(self._read(self._addresses()))
        tasks.sort(key=lambda t: (t.pid, t.cpu if t.pid == 0 else 0))
        return tasks

    @cached_property
    def by_address(self) -> dict[int, Task]:
        return {t.address: t for t in self.all}

    @cached_property
    def _by_pid(self) -> dict[int, list[Task]]:
        found: dict[int, list[Task]] = {}
        for task in self.all:
            found.setdefault(task.pid, []).append(task)
        return found

    @cached_property
    def _by_tgid(self) -> dict[int, list[Task]]:
        found: dict[int, list[Task]] = {}
        for task in self.all:
            found.setdefault(task.tgid, []).append(task)
        return found

    @cached_property
    def has_last_run(self) -> bool:
        """Whether this kernel keeps `Task.last_run`."""
        return "last_run" in self.layout

    @cached_property
    def latest_run(self) -> int:
        """The latest `Task.last_run`."""
        return max((task.last_run or 0 for task in self.all), default=0)

    @cached_property
    def states(self) -> TaskStates:
        """What the bits of `Task.state` mean."""
        return read_states(self._kernel)

    def get(self, address: int) -> Task:
        """The task at an address. Raises CrashError."""
        try:
            return self.by_address[address]
        except KeyError:
            raise CrashError(f"invalid task address: {address:x}") from None

    def by_pid(self, pid: int) -> list[Task]:
        """The tasks of a pid: one, or every idle thread for pid 0; empty where there is none."""
        return self._by_pid.get(pid, [])

    def threads(self, tgid: int) -> list[Task]:
        """The tasks of a thread group by pid, its leader among them."""
        return self._by_tgid.get(tgid, [])

    def leader(self, tgid: int) -> Task | None:
        """The leader of a thread group."""
        return next((t for t in self.threads(tgid) if t.pid == tgid), None)

    def children(self, parent: int) -> list[Task]:
        """The tasks whose parent is the task at an address, by pid."""
        return [t for t in self.all if t.parent == parent]

    def is_kernel_thread(self, task: Task) -> bool:
        """Whether a task has no user space of its own."""
        if self._trust_kthread_flag:
            return bool(task.flags & PF_KTHREAD)
        if task.pid == 0:
            return True
        if task.flags & PF_EXITING or self.states.has(task.state, "zombie"):
            return False
        return not task.mm

    @cached_property
    def _trust_kthread_flag(self) -> bool:
        idle, init = self.by_pid(0)[:1], self.by_pid(1)[:1]
        return all(t.flags & PF_KTHREAD for t in idle) and not any(
            t.mm and t.flags & PF_KTHREAD for t in init
        )

    def add(self, address: int) -> Task | None:
        """Take in a task that the pid numbers did not lead to; None where it cannot be read."""
        tasks = list(self._read([address]))
        if not tasks:
            return None
        self.all.append(tasks[0])
        self.all.sort(key=lambda t: (t.pid, t.cpu if t.pid == 0 else 0))
        for name in ("by_address", "_by_pid", "_by_tgid"):
            self.__dict__.pop(name, None)
        return tasks[0]

    @cached_property
    def layout(self) -> Layout:
        return Layout(self._kernel.prog, "struct task_struct", _FIELDS, optional=_OPTIONAL)

    @cached_property
    def size(self) -> int:
        """Bytes of a task_struct as the kernel allocates it."""
        kernel = self._kernel
        at = kernel.symbol_address("arch_task_struct_size")
        if at is not None:
            try:
                return kernel.unsigned(kernel.read(at, 4, "arch_task_struct_size"))
            except ReadError:
                pass
        return self.layout.whole

    def saved_sp(self, task: Task) -> int:
        """The kernel stack pointer a sleeping task left in its thread_struct.

        Raises ReadError, and MissingFeature on an architecture that keeps none there.
        """
        if self._sp_offset is None:
            raise MissingFeature("no stack pointer in struct thread_struct")
        return self._kernel.read_word(task.address + self._sp_offset, "thread_struct esp")

    @cached_property
    def _sp_offset(self) -> int | None:
        paths = ("thread.sp", "thread.esp", "thread.ksp", "thread.cpu_context.sp")
        place = find_member(self._kernel.prog, "struct task_struct", *paths)
        return None if place is None else place.offset

    def _addresses(self) -> list[int]:
        if self._kernel.options.active_only:
            return list(self._queues.running.values())
        found = dict.fromkeys(self._idle())
        problems = len(self._problems)
        found |= dict.fromkeys(self._numbered())
        if len(self._problems) > problems or not init_is_known(self._kernel, found):
            found |= dict.fromkeys(self._by_other_ways(found))
        return list(found)

    def _by_other_ways(self, known: Iterable[int]) -> Iterable[int]:
        """Tasks that pid numbers do not lead to, as the tree of them is damaged."""
        found = reachable(self._kernel, known)
        if found:
            self._problems.add(
                f"the tree of pid numbers is damaged: {len(found)} more tasks found: {told(found)}"
            )
        return found

    def _idle(self) -> list[int]:
        found = []
        for cpu in range(self._kernel.cpus.count):
            try:
                found.append(self._queues.idle(cpu))
            except ReadError as error:
                self._problems.add(error)
        return [address for address in found if address]

    def _numbered(self) -> Iterator[int]:
        """The task of each pid number of the first pid namespace."""
        kernel = self._kernel
        prog, read = kernel.prog, kernel.read
        # 4.19 made an array of hlist_node of the array of struct pid_link.
        link = Layout(prog, "struct task_struct", (("pid_links", "pids"),)).at("pid_links")
        tasks_at = member_offset(prog, "struct pid", "tasks")
        ns_at = member_offset(prog, "struct pid", "numbers")
        ns_at += member_offset(prog, "struct upid", "ns")
        start, word = min(tasks_at, ns_at), kernel.word_size
        size = max(tasks_at, ns_at) + word - start
        both = struct.Struct(f"{kernel.byte_order}{kernel.word}{size - 2 * word}x{kernel.word}")
        tasks_first = tasks_at < ns_at
        namespace = self._namespace
        for address in self._pids():
            try:
                node, owner = both.unpack(read(address + start, size, "pid"))
            except ReadError as error:
                self._problems.add(error)
                continue
            if not tasks_first:
                node, owner = owner, node
            if node and owner == namespace:
                yield node - link

    @cached_property
    def _namespace(self) -> int:
        """The address of the first pid namespace."""
        return self._kernel.required_symbol("init_pid_ns")

    def _pids(self) -> Iterator[int]:
        """Every struct pid of the first pid namespace."""
        from pycrash.kernel.walks.xarray import walk

        kernel = self._kernel
        root = find_member(kernel.prog, "struct pid_namespace", "idr.idr_rt")
        if root is not None:
            at = self._namespace + root.offset
            for _, entry in walk(kernel, at, self._problems.add):
                yield entry
            return
        # Before 4.15 a hash leads to them.
        from drgn.helpers.linux.pid import for_each_pid

        try:
            for pid in for_each_pid(kernel.prog):
                yield pid.value_()
        except drgn.FaultError as error:
            self._problems.add(ReadError(error.address, "pid_hash entry"))

    def _read(self, addresses: list[int]) -> Iterator[Task]:
        kernel, layout = self._kernel, self.layout
        read, start, size, unpack = kernel.read, layout.start, layout.size, layout.unpack
        # Inside task_struct since 4.9 (x86); before that it lay at the foot of the stack.
        in_task = None
        if has_member(kernel.prog, "struct task_struct", "thread_info.flags"):
            in_task = member_offset(kernel.prog, "struct task_struct", "thread_info")
        names: dict[bytes, str] = {}
        make, task_type = tuple.__new__, Task
        for address in addresses:
            try:
                row = unpack(read(address + start, size, "fill_task_struct"))
            except ReadError as error:
                self._problems.add(error)
                continue
            (pid, tgid, comm, cpu, parent, mm, state, exit_state, flags, policy, prio, stack) = row[
                :12
            ]
            name = names.get(comm)
            if name is None:
                text = comm.partition(b"\0")[0].decode("utf-8", "surrogateescape")
                name = names[comm] = text
            info = stack if in_task is None else address + in_task
            if cpu is None:
                cpu = self._cpu_of(info)
                if cpu is None:
                    continue
            # Past the constructor, which would cost as much as all the rest.
            head = (address, pid, tgid, name, cpu, parent, mm, state | exit_state)
            yield make(task_type, (*head, flags, policy, prio, stack, info, *row[12:]))

    def _cpu_of(self, thread_info: int) -> int | None:
        """The CPU of a task whose thread_info lies at the foot of its stack; None where that
        cannot be read."""
        kernel = self._kernel
        place = find_member(kernel.prog, "struct thread_info", "cpu")
        if place is None:
            return 0
        try:
            data = kernel.read(thread_info + place.offset, 4, "fill_thread_info")
            return kernel.unsigned(data)
        except ReadError as error:
            self._problems.add(error)
            return None
