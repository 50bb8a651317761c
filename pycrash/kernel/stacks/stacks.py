"""Where the stacks of tasks lie. Those that CPUs switch to are the machine's business."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import Layout, type_size
from pycrash.kernel.core.reader import Reader

if TYPE_CHECKING:
    from pycrash.kernel.tasks.table import Task

#: A stack is never larger; a size beyond it is damage.
MAX_STACK = 1 << 22

_STACK_END_MAGIC = 0x57AC6E9D


@dataclass(frozen=True, slots=True)
class Stack:
    """One span of stack memory. `name` is an exception stack's, else empty."""

    base: int
    size: int
    name: str = ""

    @property
    def top(self) -> int:
        return self.base + self.size

    def __contains__(self, address: int) -> bool:
        return self.base <= address < self.base + self.size


@dataclass(frozen=True, slots=True)
class StackSet:
    """The stacks of one use that the CPUs switch to: `bases` by CPU, 0 where there is none, and
    `absent` the CPUs whose memory for it does not exist. `name` is crash's word for the use."""

    name: str
    size: int
    bases: tuple[int, ...]
    absent: frozenset[int] = frozenset()


class Stacks:
    """The stacks of a kernel."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @cached_property
    def size(self) -> int:
        """Bytes of a task's kernel stack (THREAD_SIZE)."""
        kernel = self._kernel
        size = type_size(kernel.prog, "union thread_union")
        if size is None:
            # A kernel whose task_struct holds thread_info has no use for the union's type.
            size = self._between("__start_init_stack", "__end_init_stack") or self._between(
                "__start_init_task", "__end_init_task"
            )
        return size if 0 < size <= MAX_STACK else 2 * kernel.page_size

    def _between(self, start: str, end: str) -> int:
        """Bytes from one symbol to another, 0 where one is missing."""
        first, last = self._kernel.symbol_address(start), self._kernel.symbol_address(end)
        return last - first if first is not None and last is not None else 0

    def of_task(self, stack: int) -> Stack:
        """The task stack whose lowest address is given."""
        return Stack(stack, self.size)

    def words(self, stack: Stack, what: str = "stack contents") -> tuple[int, ...]:
        """A stack's words from its base up. Raises ReadError."""
        data = self._kernel.read(stack.base, stack.size, what)
        return struct.unpack(
            f"{self._kernel.byte_order}{len(data) // self._word}{self._code}", data
        )

    def raw(self, base: int) -> bytes:
        """As many bytes from an address as a task's stack has. Raises ReadError."""
        what = f"{8 * self._kernel.word_size}-bit KVADDR"
        self._check(base, what)
        return self._kernel.read(base, self.size, what)

    def _check(self, address: int, what: str) -> None:
        # A dump may have memory at addresses that are not the kernel's.
        if not self._kernel.memory.is_kernel(address):
            raise ReadError(address, what, "invalid")

    def overflows(self, task: Task) -> list[str]:
        """What tells that a task's stack has run over its end, in crash's words.

        Raises ReadError.
        """
        kernel, found = self._kernel, []
        size = kernel.word_size
        info = 0
        what = "stack overflow check"
        self._check(task.stack, what)
        if task.thread_info == task.stack:
            # Before 4.9 (x86) thread_info lies at the end that the stack grows to.
            info = type_size(kernel.prog, "struct thread_info") or 0
            data = kernel.read(task.stack, info, what)
            owner, cpu = self._thread_info.unpack(data, self._thread_info.start)
            if owner is not None and owner != task.address:
                found.append(f"thread_info.task: {owner:x} != {task.address:x}")
            count = len(kernel.cpus.present)
            if cpu is not None and cpu >= count:
                found.append(f"thread_info.cpu: {cpu} >= {count}")
        location = task.stack + info
        magic = kernel.unsigned(kernel.read(location, size, what))
        # The first task's stack never gets the mark.
        first = not task.pid and task.address == kernel.symbol_address("init_task")
        if magic != _STACK_END_MAGIC and not first:
            found.append(f"{location:x}: {magic:x} != STACK_END_MAGIC")
        return found

    @cached_property
    def _thread_info(self) -> Layout:
        fields = ("task", "cpu")
        return Layout(self._kernel.prog, "struct thread_info", fields, optional=fields)

    @property
    def _word(self) -> int:
        return self._kernel.word_size

    @property
    def _code(self) -> str:
        return self._kernel.word
