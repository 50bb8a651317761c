"""How much memory a task has: its pages in memory and its address space (struct mm_struct)."""

from __future__ import annotations

import struct
from functools import cached_property
from operator import add
from typing import NamedTuple

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import Layout, constant, find_member, has_member
from pycrash.kernel.core.problems import Problems
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.tasks.table import PF_EXITING, Task, TaskTable

# Per-CPU parts less than this apart are read at once.
_NEAR = 64
_PARTS = "percpu_counter.counters count"
# The smallest page there is: what lies in one of these is there or is not.
_PAGE = 4096
_MOST_PAGES = 4096
# The counters of enum mm_counter that make up what is resident; swapped pages are not.
_RESIDENT = ("MM_FILEPAGES", "MM_ANONPAGES", "MM_SHMEMPAGES")


class MemoryUse(NamedTuple):
    """Pages resident, pages of address space, percent of all memory, and the top page table."""

    rss: int
    total_vm: int
    percent: float
    pgd: int


_NOTHING = MemoryUse(0, 0, 0.0, 0)


class _PerCpuCounters:
    """Sums of an array of struct percpu_counter, whose per-CPU parts lie side by side."""

    def __init__(self, kernel: Reader, places: list[int]) -> None:
        fields = ("count", "counters")
        layout = Layout(kernel.prog, "struct percpu_counter", fields, optional=("counters",))
        self._kernel = kernel
        self._split = "counters" in layout  # there is none without SMP
        form, end = kernel.byte_order, 0
        for place in sorted(places):
            at = place * layout.whole + layout.at("count")
            form, end = f"{form}{at - end}xq", at + 8
            if self._split:
                at = place * layout.whole + layout.at("counters")
                form, end = f"{form}{at - end}x{kernel.word}", at + kernel.word_size
        self._form = struct.Struct(form)
        self._parts: dict[tuple[int, ...], struct.Struct] = {}
        self._offsets = kernel.cpus.offsets[: kernel.cpus.count]
        self._mask = kernel.word_mask
        self._pages: dict[int, bytes] = {}

    def sum(self, stat: bytes) -> int:
        """The sum of the counters, of which none counts as less than 0. Raises ReadError."""
        values = self._form.unpack_from(stat)
        if not self._split:
            return sum(max(count, 0) for count in values)
        counts, parts = list(values[::2]), values[1::2]
        low = parts[0]
        form = self._form_of(tuple(map(low.__rsub__, parts)))
        if form is None:
            return sum(self._alone(*pair) for pair in zip(counts, parts, strict=True))
        mask, pages = self._mask, self._pages
        for offset in self._offsets:
            at = (low + offset) & mask
            page = pages.get(at // _PAGE)
            if page is None:
                page = self._page(at)
            place = at % _PAGE
            if place + form.size > _PAGE:
                page, place = self._kernel.read(at, form.size, _PARTS), 0
            counts = list(map(add, counts, form.unpack_from(page, place)))
        return sum([count for count in counts if count > 0])

    def _page(self, at: int) -> bytes:
        """The page around an address: the parts of many counters lie in it. Raises ReadError."""
        number = at // _PAGE
        if len(self._pages) >= _MOST_PAGES:
            self._pages.clear()
        page = self._pages[number] = self._kernel.read(number * _PAGE, _PAGE, _PARTS)
        return page

    def _form_of(self, places: tuple[int, ...]) -> struct.Struct | None:
        """How to unpack parts at these distances from the first; None if they lie apart."""
        form = self._parts.get(places)
        if form is None and 0 <= max(places) < _NEAR and list(places) == sorted(set(places)):
            text, end = self._kernel.byte_order, 0
            for place in places:
                text, end = f"{text}{place - end}xi", place + 4
            form = self._parts[places] = struct.Struct(text)
        return form

    def _alone(self, count: int, parts: int) -> int:
        kernel = self._kernel
        for offset in self._offsets:
            at = (parts + offset) & kernel.word_mask
            data = kernel.read(at, 4, _PARTS)
            count += struct.unpack(kernel.byte_order + "i", data)[0]
        return int(max(count, 0))


class TaskMemory:
    """The memory figures of tasks. A task without user space has none: all zero.

    Figures are kept by mm_struct, since threads share one.
    """

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._tasks = kernel.part(TaskTable)
        self._known: dict[int, tuple[int, int, int, int]] = {}
        self._cached_rss: dict[int, int] = {}

    def use(self, task: Task) -> MemoryUse:
        """The figures of one task. Raises ReadError."""
        mm = task.mm
        if not mm or task.state & self._zombie:
            return _NOTHING
        known = self._known.get(mm)
        if known is None:
            known = self._known[mm] = self._read(mm)
        rss, total_vm, users, pgd = known
        if task.flags & PF_EXITING and users <= 0:
            return _NOTHING
        if self._task_counters is not None:
            rss += self._kept_by_tasks(task.tgid)
        if not rss and self._tasks.is_kernel_thread(task):
            return MemoryUse(0, total_vm, 0.0, pgd)
        return MemoryUse(rss, total_vm, rss * 100 / self.total_pages, pgd)

    @cached_property
    def _zombie(self) -> int:
        return self._tasks.states.mask("zombie") or 0

    @cached_property
    def total_pages(self) -> int:
        """Pages up to the end of directly mapped memory, and of high memory."""
        kernel = self._kernel
        end = kernel.read_word(kernel.required_symbol("high_memory"), "high_memory")
        pages = self._physical(end) // kernel.page_size
        at = kernel.symbol_address("_totalhigh_pages")
        return pages + (kernel.read_word(at, "_totalhigh_pages") if at is not None else 0) or 1

    def _physical(self, address: int) -> int:
        kernel = self._kernel
        # Where the direct map begins at a place of its own (x86-64), the kernel says so.
        at = kernel.symbol_address("page_offset_base")
        if at is not None:
            return address - kernel.read_word(at, "page_offset_base")
        from drgn.helpers.linux.mm import virt_to_phys

        return int(virt_to_phys(kernel.prog, address).value_())

    @cached_property
    def _layout(self) -> Layout:
        # Since 6.2 the counters are an array of struct percpu_counter.
        fields = ("total_vm", "mm_count", "pgd", ("rss_stat.count", "rss_stat"))
        return Layout(self._kernel.prog, "struct mm_struct", fields)

    @cached_property
    def _counters(self) -> list[int]:
        """The places of the resident counters among those of an mm_struct."""
        # Shared memory is counted apart since 4.5.
        found = [constant(self._kernel.prog, name) for name in _RESIDENT]
        return [place for place in found if place is not None]

    @cached_property
    def _per_cpu(self) -> _PerCpuCounters | None:
        """How to sum the counters since 6.2; None where struct mm_rss_stat has plain numbers."""
        if has_member(self._kernel.prog, "struct mm_struct", "rss_stat.count"):
            return None
        return _PerCpuCounters(self._kernel, self._counters)

    @cached_property
    def _plain(self) -> struct.Struct:
        """The numbers of struct mm_rss_stat."""
        kernel = self._kernel
        return struct.Struct(f"{kernel.byte_order}{max(self._counters) + 1}{kernel.word.lower()}")

    def _read(self, mm: int) -> tuple[int, int, int, int]:
        layout, per_cpu = self._layout, self._per_cpu
        data = self._kernel.read(mm + layout.start, layout.size, "fill_mm_struct")
        total_vm, users, pgd, stat = layout.unpack(data)
        if per_cpu is not None:
            return per_cpu.sum(stat), total_vm, users, pgd
        counts = self._plain.unpack_from(stat)
        return sum(max(counts[i], 0) for i in self._counters), total_vm, users, pgd

    @cached_property
    def _task_counters(self) -> tuple[int, struct.Struct] | None:
        """Where a task_struct keeps counts not yet in its mm_struct (until 6.1)."""
        kernel = self._kernel
        place = find_member(kernel.prog, "struct task_struct", "rss_stat.count")
        if place is None:
            return None
        return place.offset, struct.Struct(f"{kernel.byte_order}{max(self._counters) + 1}i")

    def _kept_by_tasks(self, tgid: int) -> int:
        """The pages that the tasks of a thread group count by themselves."""
        if tgid not in self._cached_rss:
            self._cached_rss[tgid] = sum(self._kept_by(t) for t in self._tasks.threads(tgid))
        return self._cached_rss[tgid]

    def _kept_by(self, task: Task) -> int:
        assert self._task_counters is not None
        offset, form = self._task_counters
        what = "task_struct rss_stat MM_FILEPAGES"
        try:
            counts = form.unpack(self._kernel.read(task.address + offset, form.size, what))
        except ReadError as error:
            self._kernel.part(Problems).add(error)
            return 0
        return sum(counts[i] for i in self._counters if counts[i] > 0)
