"""Which task crashed, and which task each CPU ran at that moment (struct rq)."""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.layout import member_offset
from pycrash.kernel.log.printk import FATAL_WORDS

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

#: Functions whose return addresses on a stack tell the task that went down.
_DOWN = ("xen_panic_event", "crash_kexec", "machine_kexec", "crash_fadump", "panic", "die")
_STACK_SIZE = 16384


class Panic:
    """The panic task and the active tasks. Addresses are those of task_structs.

    `forced` says that the panic task is not to be looked for (--no_panic). What cannot be read
    is told by `TaskTable.new_problems`.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.forced = False

    @cached_property
    def active(self) -> dict[int, int]:
        """CPU to the task it ran."""
        found = dict(self.running)
        self._take_in(found)
        return found

    @cached_property
    def running(self) -> dict[int, int]:
        """CPU to the task its run queue calls current."""
        kernel = self._kernel
        queues = kernel.symbol_address("runqueues")
        if queues is None:
            raise MissingFeature("no symbol runqueues in this kernel")
        current = member_offset(kernel.prog, "struct rq", "curr")
        found = {}
        for cpu in range(kernel.cpus.count):
            try:
                at = kernel.cpus.address(queues, cpu) + current
                task = kernel.read_word(at, "active runqueues entry (per_cpu)")
            except ReadError as error:
                self._kernel.tasks.problems.append(str(error))
                continue
            if task:
                found[cpu] = task
        return found

    def _take_in(self, active: dict[int, int]) -> None:
        """Add active tasks that the pid numbers do not lead to."""
        tasks = self._kernel.tasks
        for cpu, task in active.items():
            if task not in tasks.by_address:
                self._kernel.tasks.problems.append(
                    f"active task {task:x} on cpu {cpu} not found in PID hash\n"
                )
                tasks.add(task)

    @cached_property
    def task(self) -> int:
        """The task that crashed, 0 where that cannot be told."""
        if self.forced:
            return 0
        return self._crashing() or self._on_stack() or self._in_log()

    @property
    def first_task(self) -> int:
        """The task a session starts at: the panic task, or the first of all."""
        if self.task:
            return self.task
        tasks = self._kernel.tasks.all
        return tasks[0].address if tasks else 0

    @cached_property
    def by_sysrq(self) -> bool:
        """Whether the kernel log says that somebody asked for the crash by SysRq (until 4.19)."""
        return "SysRq :" in self._kernel.system.panic_message

    def is_active(self, task: int) -> bool:
        """Whether a CPU was running the task."""
        return task in self.active.values() or task == self.task

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
            self._kernel.tasks.problems.append(
                "multiple active tasks have called die and/or panic\n"
            )
            return 0
        return next(iter(suspects), 0)

    def _span(self, function: str) -> tuple[int, int] | None:
        try:
            symbol = self._kernel.prog.symbol(function)
        except LookupError:
            return None
        return symbol.address, symbol.address + symbol.size

    def _stack_words(self, address: int) -> Iterator[int]:
        kernel = self._kernel
        try:
            task = kernel.tasks.get(address)
            data = kernel.read(task.stack, _STACK_SIZE, "stack contents")
        except CrashError:
            return  # it is only a search
        count = len(data) // kernel.word_size
        yield from struct.unpack(f"{kernel.byte_order}{count}{kernel.word}", data)

    def _in_log(self) -> int:
        """The task of the CPU that the kernel log names at or behind its first words of panic."""
        lines = iter(self._kernel.system.log_lines())
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
