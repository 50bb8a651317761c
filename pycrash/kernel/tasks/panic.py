"""Which task crashed, and which task each CPU ran at that moment (struct rq).

Of a running kernel none crashed, and one of those that run is this program.
"""

from __future__ import annotations

import itertools
import os
import re
import struct
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.problems import Problems
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.sched.queues import RunQueues
from pycrash.kernel.tasks.table import TaskTable

if TYPE_CHECKING:
    from pycrash.kernel.system.facts import SystemFacts

#: Functions whose return addresses on a stack tell the task that went down.
_DOWN = ("xen_panic_event", "crash_kexec", "machine_kexec", "crash_fadump", "panic", "die")
_STACK_SIZE = 16384


class Panic:
    """The panic task and the active tasks. Addresses are those of task_structs.

    What cannot be read goes to Problems.
    """

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._tasks = kernel.part(TaskTable)
        self._problems = kernel.part(Problems)

    @cached_property
    def active(self) -> dict[int, int]:
        """CPU to the task it ran."""
        found = dict(self._kernel.part(RunQueues).running)
        self._take_in(found)
        return found

    def _take_in(self, active: dict[int, int]) -> None:
        """Add active tasks that the pid numbers do not lead to."""
        for cpu, task in active.items():
            if task not in self._tasks.by_address:
                self._problems.add(f"active task {task:x} on cpu {cpu} not found in PID hash\n")
                self._tasks.add(task)

    @cached_property
    def task(self) -> int:
        """The task that crashed, 0 where that cannot be told."""
        if self._kernel.options.no_panic or self._kernel.is_live:
            return 0
        return self._crashing() or self._on_stack() or self._in_log()

    @cached_property
    def _own(self) -> int:
        """The task of this program, 0 where another kernel is read, or where process IDs are
        those of a container."""
        if not self._kernel.is_live:
            return 0
        name = Path("/proc/self/comm").read_text().rstrip("\n")
        own = (task for task in self._tasks.by_pid(os.getpid()) if task.comm == name)
        return next((task.address for task in own), 0)

    @property
    def first_task(self) -> int:
        """The task a session starts at: the panic task, or of a running kernel this program;
        else the first of all."""
        if self.task or self._own:
            return self.task or self._own
        tasks = self._tasks.all
        return tasks[0].address if tasks else 0

    def new_problems(self) -> list[str]:
        """What could not be read since the last call, after gathering the tasks and finding
        out which of them were active."""
        try:
            _ = self.first_task
        except CrashError as error:
            self._problems.add(error)
        return self._problems.take()

    @cached_property
    def _system(self) -> SystemFacts:
        from pycrash.kernel.system.facts import SystemFacts

        return self._kernel.part(SystemFacts)

    @cached_property
    def by_sysrq(self) -> bool:
        """Whether the kernel log says that somebody asked for the crash by SysRq (until 4.19)."""
        return "SysRq :" in self._system.panic_message

    def is_active(self, task: int) -> bool:
        """Whether a CPU was running the task."""
        return task in self.active.values() or task == (self.task or self._own)

    def in_motion(self, task: int) -> bool:
        """Whether a task's stack changes while it is read, its registers being a processor's."""
        return self._kernel.is_live and self.is_active(task)

    def mark_active(self, cpu: int, task: int) -> None:
        """Take a task for the one a CPU ran; which task crashed stays as it was."""
        _ = self.task
        self.active[cpu] = task

    def active_on(self, cpu: int) -> int:
        """The task a CPU ran, 0 where there is none."""
        return self.active.get(cpu, 0)

    def _crashing(self) -> int:
        """The task of the CPU that crash_kexec() noted (x86 and others)."""
        kernel = self._kernel
        at = kernel.symbol_address("crashing_cpu")
        if at is None:
            return 0
        try:
            (cpu,) = struct.unpack(kernel.byte_order + "i", kernel.read(at, 4, "crashing_cpu"))
        except ReadError:
            return 0
        return self.active.get(cpu, 0) if cpu in kernel.cpus.online else 0

    def _on_stack(self) -> int:
        """The one active task whose stack was in a function that brings the kernel down."""
        spans = {name: self._span(name) for name in _DOWN}
        callers: dict[str, list[int]] = {name: [] for name in _DOWN}
        for task in dict.fromkeys(self.active.values()):
            words = set(self._stack_words(task))
            for name, span in spans.items():
                if span is not None and any(span[0] < word < span[1] for word in words):
                    callers[name].append(task)
        for name in ("xen_panic_event", "machine_kexec", "crash_kexec", "crash_fadump"):
            if callers[name]:
                return callers[name][-1]
        suspects = {task for name in ("panic", "die") for task in callers[name]}
        if len(suspects) > 1:
            self._problems.add("multiple active tasks have called die and/or panic\n")
            return 0
        return next(iter(suspects), 0)

    def _span(self, function: str) -> tuple[int, int] | None:
        span = self._kernel.symbol_span(function)
        return None if span is None else (span[0], span[0] + span[1])

    def _stack_words(self, address: int) -> Iterator[int]:
        kernel = self._kernel
        try:
            task = self._tasks.get(address)
            data = kernel.read(task.stack, _STACK_SIZE, "stack contents")
        except CrashError:
            return  # it is only a search
        count = len(data) // kernel.word_size
        yield from struct.unpack(f"{kernel.byte_order}{count}{kernel.word}", data)

    def _in_log(self) -> int:
        """The task of the CPU that the kernel log names at or behind its first words of panic."""
        from pycrash.kernel.log.printk import FATAL_WORDS

        lines = iter(self._system.log_lines())
        for line in lines:
            places = [line.find(word) for word in FATAL_WORDS if word in line]
            if places:
                rest = itertools.chain([line[places[0] :]], lines)
                found = (self._named_cpu(text) for text in rest)
                return next((task for task in found if task), 0)
        return 0

    def _named_cpu(self, text: str) -> int:
        """The task of the CPU that "CPU: 3", or "CPU 3" at the start of a text, names."""
        match = re.search(r"CPU: (\d+)", text) or re.match(r"CPU (\d+)", text)
        cpu = int(match[1]) if match else -1
        return self.active.get(cpu, 0) if cpu in self._kernel.cpus.online else 0
