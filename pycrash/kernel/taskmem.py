"""How much memory a task has: its pages in memory and its address space (struct mm_struct)."""

from __future__ import annotations

import struct
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import drgn

from pycrash.errors import ReadError
from pycrash.kernel.layout import Layout
from pycrash.kernel.tasks import PF_EXITING, Task

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

# The counters of enum mm_counter that make up what is resident; swapped pages are not.
_RESIDENT = ("MM_FILEPAGES", "MM_ANONPAGES", "MM_SHMEMPAGES")


class MemoryUse(NamedTuple):
    """Pages resident, pages of address space, percent of all memory, and the top page table."""

    rss: int
    total_vm: int
    percent: float
    pgd: int


_NOTHING = MemoryUse(0, 0, 0.0, 0)


class TaskMemory:
    """The memory figures of tasks. A task without user space has none: all zero.

    Figures are kept by mm_struct, since threads share one.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._known: dict[int, tuple[int, int, int, int]] = {}
        self._cached_rss: dict[int, int] = {}

    def use(self, task: Task) -> MemoryUse:
        """The figures of one task. Raises ReadError."""
        tasks = self._kernel.tasks
        if not task.mm or tasks.states.has(task.state, "zombie"):
            return _NOTHING
        known = self._known.get(task.mm)
        if known is None:
            known = self._known[task.mm] = self._read(task.mm)
        rss, total_vm, users, pgd = known
        if task.flags & PF_EXITING and users <= 0:
            return _NOTHING
        if self._task_counters is not None:
            rss += self._kept_by_tasks(task.tgid)
        if not rss and tasks.is_kernel_thread(task):
            return MemoryUse(0, total_vm, 0.0, pgd)
        return MemoryUse(rss, total_vm, rss * 100 / self.total_pages, pgd)

    @cached_property
    def total_pages(self) -> int:
        """Pages up to the end of directly mapped memory, and of high memory."""
        from drgn.helpers.linux.mm import virt_to_phys

        kernel = self._kernel
        end = kernel.read_word(kernel.variable("high_memory").address_ or 0, "high_memory")
        pages = int(virt_to_phys(kernel.prog, end).value_()) // kernel.page_size
        at = kernel.symbol_address("_totalhigh_pages")
        return pages + (kernel.read_word(at, "_totalhigh_pages") if at is not None else 0) or 1

    @cached_property
    def _layout(self) -> Layout:
        fields = ("total_vm", "mm_count", "pgd", "rss_stat")
        return Layout(self._kernel.prog, "struct mm_struct", fields)

    @cached_property
    def _counters(self) -> list[int]:
        """The places of the resident counters among those of an mm_struct."""
        found = []
        for name in _RESIDENT:
            try:
                found.append(int(self._kernel.prog.constant(name).value_()))
            except LookupError:
                continue  # shared memory is counted apart since 4.5
        return found

    @cached_property
    def _per_cpu(self) -> tuple[int, int, int | None] | None:
        """(size, offset of count, offset of counters) of struct percpu_counter since 6.2.

        None on older kernels, which keep plain numbers in struct mm_rss_stat.
        """
        prog = self._kernel.prog
        stat = self._layout.type.member("rss_stat").type
        if stat.kind != drgn.TypeKind.ARRAY:
            return None
        counter = prog.type("struct percpu_counter")
        counters = drgn.offsetof(counter, "counters") if counter.has_member("counters") else None
        return drgn.sizeof(counter), drgn.offsetof(counter, "count"), counters

    def _read(self, mm: int) -> tuple[int, int, int, int]:
        layout = self._layout
        data = self._kernel.read(mm + layout.start, layout.size, "fill_mm_struct")
        total_vm, users, pgd, stat = layout.unpack(data)
        return self._resident(stat), total_vm, users, pgd

    def _resident(self, stat: bytes) -> int:
        per_cpu = self._per_cpu
        if per_cpu is None:
            word = struct.Struct(self._kernel.byte_order + self._kernel.word.lower())
            counts = [word.unpack_from(stat, i * word.size)[0] for i in self._counters]
            return sum(count for count in counts if count > 0)
        size, count_at, counters_at = per_cpu
        order = self._kernel.byte_order
        return sum(
            self._sum(
                struct.unpack_from(order + "q", stat, i * size + count_at)[0],
                None
                if counters_at is None
                else struct.unpack_from(order + self._kernel.word, stat, i * size + counters_at)[0],
            )
            for i in self._counters
        )

    def _sum(self, count: int, counters: int | None) -> int:
        """A percpu_counter's base count and what each CPU has on top of it, at least 0."""
        kernel = self._kernel
        if counters is not None:
            for cpu in range(kernel.cpus.count):
                at = kernel.cpus.address(counters, cpu)
                data = kernel.read(at, 4, "percpu_counter.counters count")
                count += struct.unpack(kernel.byte_order + "i", data)[0]
        return max(count, 0)

    @cached_property
    def _task_counters(self) -> tuple[int, struct.Struct] | None:
        """Where a task_struct keeps counts not yet in its mm_struct (until 6.1)."""
        kernel = self._kernel
        task_struct = kernel.tasks.layout.type
        if not task_struct.has_member("rss_stat"):
            return None
        offset = drgn.offsetof(task_struct, "rss_stat.count")
        return offset, struct.Struct(f"{kernel.byte_order}{max(self._counters) + 1}i")

    def _kept_by_tasks(self, tgid: int) -> int:
        """The pages that the tasks of a thread group count by themselves."""
        if tgid not in self._cached_rss:
            self._cached_rss[tgid] = sum(self._kept_by(t) for t in self._kernel.tasks.threads(tgid))
        return self._cached_rss[tgid]

    def _kept_by(self, task: Task) -> int:
        assert self._task_counters is not None
        offset, form = self._task_counters
        what = "task_struct rss_stat MM_FILEPAGES"
        try:
            counts = form.unpack(self._kernel.read(task.address + offset, form.size, what))
        except ReadError as error:
            self._kernel.tasks.problems.append(str(error))
            return 0
        return sum(counts[i] for i in self._counters if counts[i] > 0)
