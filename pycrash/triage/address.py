"""Everything known of an address: what it is in, fact by fact, the most telling first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from pycrash.errors import CrashError
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.mm.pages import Pages
from pycrash.kernel.mm.slabobjects import Holder, SlabObjects
from pycrash.kernel.mm.vmalloc import VmapAreas
from pycrash.kernel.mm.vmas import Vma, Vmas
from pycrash.kernel.stacks.stacks import Stack
from pycrash.kernel.stacks.trace import Frame, TraceOptions
from pycrash.kernel.tasks.table import Task

#: Patterns that the kernel leaves in memory (include/linux/poison.h), by their upper bytes.
_PATTERNS = {
    0x6B6B6B6B6B6B: "POISON_FREE: freed slab memory",
    0x5A5A5A5A5A5A: "POISON_INUSE: slab memory not yet written to",
    0xDEAD00000000: "a list poison: the link of an entry that was taken out",
    0xA7A7A7A7A7A7: "POISON_END or a page's poison",
}
#: Slab caches whose objects are of a structure of another name.
_TYPES = {"filp": "file", "signal_cache": "signal_struct", "sighand_cache": "sighand_struct"}
_MOST_POINTERS = 4
What = Literal[
    "pattern", "nothing", "symbol", "per_cpu", "task", "stack", "slab", "vmalloc", "page_struct",
    "page", "unmapped", "null", "user", "pointer",
]  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One thing known: what the address is in, in a word; the sentence; the line that shows it.

    `start` and `size` are those of the thing, None where they are not known.
    """

    what: What
    text: str
    command: str
    start: int | None = None
    size: int | None = None


class Explainer:
    """Finds the facts of addresses of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def facts(self, address: int, task: int = 0) -> Iterator[Fact]:
        """What is known of an address; a user address is one of `task`, a task_struct's address.

        What cannot be read is left out.
        """
        if pattern := _PATTERNS.get(address >> 16):
            yield Fact("pattern", f"the value is {pattern}", "bt")
        memory = self.kernel.memory
        if memory.is_user(address):
            yield from self._user(address, task)
        elif memory.is_kernel(address):
            for find in (self._symbol, self._per_cpu, self._task, self._stack, self._slab):
                yield from self._tried(find, address)
            for find in (self._vmalloc, self._page_record, self._page, self._pointers):
                yield from self._tried(find, address)
        else:
            yield Fact("nothing", "no page table can hold this address (not canonical)", "bt")

    @staticmethod
    def _tried(find: Callable[[int], Iterator[Fact]], address: int) -> Iterator[Fact]:
        try:
            yield from find(address)
        except CrashError:
            return

    def _symbol(self, address: int) -> Iterator[Fact]:
        symbols = self.kernel.symbols
        found = symbols.lookup(address) if symbols.in_range(address) else None
        if found is None:
            return
        symbol, offset = found
        place = f"{symbol.name}+{offset}" if offset else symbol.name
        module = f" of module {symbol.module}" if symbol.module else ""
        kind = "code" if symbols.is_text(address) else "data"
        source = self.kernel.sources.at(address) if kind == "code" else ""
        yield Fact(
            "symbol",
            f"{kind}{module}: {place}" + (f", {source}" if source else ""),
            f"sym {address:x}",
            symbol.address,
        )

    def _per_cpu(self, address: int) -> Iterator[Fact]:
        cpus, symbols = self.kernel.cpus, self.kernel.symbols
        start, end = (self.kernel.symbol_address(n) for n in ("__per_cpu_start", "__per_cpu_end"))
        if start is None or end is None:
            return
        for cpu, offset in enumerate(cpus.offsets[: cpus.count]):
            place = address - offset & self.kernel.word_mask
            if start <= place < end and (found := symbols.lookup(place)) is not None:
                symbol, behind = found
                name = f"{symbol.name}+{behind}" if behind else symbol.name
                yield Fact(
                    "per_cpu", f"per-CPU variable {name} of CPU {cpu}", f"p {symbol.name}:{cpu}"
                )

    def _task(self, address: int) -> Iterator[Fact]:
        tasks = self.kernel.tasks
        before = (task for task in tasks.all if task.address <= address)
        # An object of the slab may be smaller than its type: what is used of the registers at its
        # end depends on the processor. So the next task may begin within the last one.
        task = max(before, key=lambda task: task.address, default=None)
        if task is not None and address < task.address + tasks.layout.whole:
            yield Fact(
                "task",
                f'{address - task.address} bytes into the task_struct of {task.pid} "{task.comm}"',
                f"task {task.address:x}",
                task.address,
                tasks.layout.whole,
            )

    def _stack(self, address: int) -> Iterator[Fact]:
        stacks = self.kernel.stacks
        for task in self.kernel.tasks.all:
            stack = stacks.of_task(task.stack)
            if task.stack and address in stack:
                yield Fact(
                    "stack",
                    f'{address - stack.base} bytes into the stack of {task.pid} "{task.comm}"'
                    + self._frame(task, address),
                    f"bt {task.pid}",
                    stack.base,
                    stack.size,
                )
        for use in self.kernel.arch.special_stacks:
            for cpu, base in enumerate(use.bases):
                if base and address in Stack(base, use.size):
                    yield Fact(
                        "stack", f"in the {use.name} stack of CPU {cpu}", "mach", base, use.size
                    )

    def _frame(self, task: Task, address: int) -> str:
        """The call whose frame an address of a task's stack is in."""
        events = self.kernel.unwinder.trace(task, TraceOptions()).events
        frames = [e for e in events if isinstance(e, Frame) and e.sp >= address]
        return f", in the frame of {frames[0].symbol}" if frames else ""

    def _slab(self, address: int) -> Iterator[Fact]:
        found = self.kernel.part(SlabObjects).holding(address)
        if found is None:
            return
        states = {True: "allocated", False: "free", None: "of unknown state"}
        text = (
            f"{address - found.start} bytes into an object of slab cache {found.cache.name}, "
            f"{states[found.allocated]} ({found.role}{self._whose(found)}){self._type(found)}"
        )
        yield Fact("slab", text, f"kmem {address:x}", found.start, found.cache.size)

    @staticmethod
    def _whose(found: Holder) -> str:
        return "" if found.cpu is None else f" of CPU {found.cpu}"

    def _type(self, found: Holder) -> str:
        """The structure that a cache's objects are likely to be."""
        name = _TYPES.get(found.cache.name, found.cache.name.removesuffix("_cache"))
        likely = next(
            (n for n in (found.cache.name, name) if self.kernel.has_type(f"struct {n}")), ""
        )
        return f", likely a struct {likely}" if likely else ""

    def _vmalloc(self, address: int) -> Iterator[Fact]:
        area = self.kernel.part(VmapAreas).at(address)
        if area is not None:
            yield Fact(
                "vmalloc",
                f"{address - area.start} bytes into the vmalloc area from {area.start:x}",
                f"kmem {address:x}",
                area.start,
                area.end - area.start,
            )

    def _page_record(self, address: int) -> Iterator[Fact]:
        physical = self.kernel.part(Pages).physical(address & -8)
        if physical is not None:
            yield Fact(
                "page_struct", f"the struct page of physical {physical:x}", f"kmem {address:x}"
            )

    def _page(self, address: int) -> Iterator[Fact]:
        physical = self.kernel.arch.tables.kernel_physical(address)
        if physical is None:
            yield Fact("unmapped", "no page is mapped there", f"vtop {address:x}")
            return
        pages = self.kernel.part(Pages)
        text = f"physical {physical:x}"
        if pages.address(physical) is not None:
            page = pages.get(physical)
            names = ",".join(pages.flag_names(page.flags)) or "no flags"
            text += f", page {page.address:x}, {page.users} users, {names}"
        yield Fact("page", text, f"kmem {physical:x}", address & -self.kernel.page_size)

    def _user(self, address: int, task: int) -> Iterator[Fact]:
        kernel = self.kernel
        owner = kernel.tasks.by_address.get(task)
        if address < kernel.page_size:
            yield Fact("null", f"NULL, or {address} bytes behind it", "bt")
            return
        if owner is None or not owner.mm:
            return
        vmas = kernel.part(Vmas)
        for vma in self._areas(vmas, owner):
            if vma.start <= address < vma.end:
                name = vmas.name(vma) or "anonymous memory"
                text = f'{name} ({vma.permissions}) of {owner.pid} "{owner.comm}"'
                yield Fact("user", text, f"vtop {address:x}", vma.start, vma.end - vma.start)
                return
        yield Fact("unmapped", f"user space of {owner.pid} that is not mapped", f"vm {owner.pid}")

    @staticmethod
    def _areas(vmas: Vmas, owner: Task) -> Iterator[Vma]:
        try:
            yield from vmas.of(owner.mm)
        except CrashError:
            return

    def _pointers(self, address: int) -> Iterator[Fact]:
        """The stacks of running tasks that hold the address, or one of the same slab object."""
        kernel = self.kernel
        low, high = address, address + 1
        holder = kernel.part(SlabObjects).holding(address)
        if holder is not None:
            low, high = holder.start, holder.start + max(holder.cache.size, 1)
        found = 0
        for cpu, active in sorted(kernel.panic.active.items()):
            task = kernel.tasks.get(active)
            stack = kernel.stacks.of_task(task.stack)
            for index, word in enumerate(kernel.stacks.words(stack)):
                if low <= word < high and found < _MOST_POINTERS:
                    found += 1
                    slot = stack.base + index * kernel.word_size
                    text = (
                        f"pointed to from {slot:x} on the stack of {task.pid}, which CPU {cpu} ran"
                    )
                    yield Fact("pointer", text + self._frame(task, slot), f"rd {slot:x}", slot)
