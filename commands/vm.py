"""vm: the user spaces of tasks: what is mapped where, and the pages behind it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import (
    HEX,
    TASK,
    Address,
    Args,
    Begin,
    Bits,
    Bytes,
    Context,
    CrashError,
    Flag,
    Gap,
    KiB,
    Notice,
    Row,
    TaskCommand,
    TaskHeader,
    UsageError,
    View,
    Word,
    asked_radix,
    find_task,
    header_line,
    hexadecimal,
    is_decimal,
    is_number,
    many,
    quick,
)
from pycrash.api.pagerows import VmaRow, has_page, physical_digits, vma_row
from pycrash.api.structrows import StructRow, struct_lines, struct_rows
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.expressions import Expressions
from pycrash.kernel.mm.swap import SwapAreas
from pycrash.kernel.mm.vmas import Vma, Vmas
from pycrash.kernel.tasks.table import Task
from pycrash.render.pagelines import vma_heading, vma_line

#: Each shows something else: at most one may be given, but for -R behind -p.
_EXCLUSIVE = "pmvRPf"


@dataclass(frozen=True)
class MmRow(Row, kind="vm.mm"):
    """The user space of a task: `mm` is its mm_struct, `pgd` its top page table, `rss` what of
    it is in memory and `vsz` its size. All is 0 of a task without one."""

    mm: Address
    pgd: Address
    rss: KiB
    vsz: KiB


@dataclass(frozen=True)
class FlagsRow(Row, kind="vm.flags"):
    """The flags of an area and crash's names of them."""

    flags: Bits
    flag_names: tuple[str, ...]


@quick
@dataclass(frozen=True)
class VirtualPageRow(Row, kind="vm.page"):
    """A page of an area: where it is in memory, or in a swap area (the page in it, and the
    area's file, empty where there is none such), or in a file; nowhere if all are None."""

    address: Address
    physical: Address | None
    swap: str | None = None
    swap_offset: int | None = None
    path: str | None = None
    offset: Bytes | None = None


@dataclass(frozen=True)
class _Pages(Begin):
    """The pages of an area follow. `digits` is the width of physical addresses."""

    digits: int


@dataclass(frozen=True)
class _NotFound(Begin):
    """There is no such area."""


@dataclass(frozen=True)
class _ByPages(Begin):
    """The area that follows is shown for its pages alone."""


@dataclass(frozen=True)
class _Reference:
    """What -R looks for: a text in the names of files, or a number."""

    text: str
    number: int | None
    page: int | None

    @classmethod
    def of(cls, text: str) -> _Reference:
        """Raises CrashError where a number has too many digits."""
        if not is_number(text):
            return cls(text, None, None)
        return cls(text, hexadecimal(text), int(text) if is_decimal(text) else None)

    def names(self, path: str) -> bool:
        """Whether a path is meant."""
        return path == "/" if self.text == "/" else self.text in path

    def area(self, row: VmaRow) -> bool:
        """Whether an area is meant, by its address, its flags or its file."""
        return self.number in (row.address, row.flags) or self.names(row.path)

    def page_of(self, row: VirtualPageRow) -> bool:
        """Whether a page is meant, by its address or by where it is."""
        if self.number is not None and self.number in (row.address, row.physical, row.offset):
            return True
        if row.swap is None:
            return False
        return self.names(row.swap) or (self.page is not None and self.page == row.swap_offset)


class Vm(TaskCommand):
    name = "vm"
    summary = "the user spaces of tasks"
    synopsis = (
        "[-p | -P vma | -M mm | -v | -m | -x | -d | [-R reference] [pid | task]]\n"
        "     [-f vm_flags]"
    )
    description = (
        "Shows the address spaces of the tasks given by pid (decimal or hexadecimal) or by the "
        "address of the task_struct, or of the current task: the address of the mm_struct and "
        "of the top page table, how much is in memory and how much there is in all, and a line "
        "for each area: the address of its vm_area_struct, where it starts and ends, its flags, "
        "and the file that is mapped."
    )
    flags = (
        Flag(
            "p",
            "Below each area its pages: the physical address, or where a page that is not in "
            "memory is: in which swap file, or in which file at which offset.",
        ),
        Flag("P", "Only the area of this vm_area_struct, with its pages.", value=HEX.named("vma")),
        Flag(
            "M",
            "The mm_struct to use for a task that has none (any more).",
            value=HEX.named("mm"),
        ),
        Flag("v", "The vm_area_structs themselves."),
        Flag("m", "The mm_struct itself."),
        Flag("x", "With -m and -v: integers in hexadecimal."),
        Flag("d", "With -m and -v: integers in decimal."),
        Flag(
            "R",
            "Only areas and pages with this in them: the address of an mm_struct, a top page "
            "table, a vm_area_struct or a page, flags, an offset, or a part of a file's name.",
            value=Word("reference", "an address, a number, or a part of a file's name"),
        ),
        Flag("f", "The names of the flags of an area.", value=HEX.named("vm_flags")),
    )
    at_once = "f"
    operands = (many(TASK),)
    rows = (TaskHeader, MmRow, VmaRow, VirtualPageRow, StructRow, FlagsRow)
    examples = (
        ("The areas of the first process", "vm 1"),
        ("Who has a file mapped", "foreach vm -R busybox"),
        ("The pages of an area", "vm -P ff1816ac026c5e40 1"),
        ("What flags mean", "vm -f 8000075"),
    )
    task_flags = "pmvxd"
    task_values = "R"

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from _check(ctx, args)
        flags = args.value("f")
        if flags is not None:
            value = hexadecimal(flags)
            yield FlagsRow(value, ctx.kernel.part(Vmas).flag_names(value))
            return
        if not args.operands:
            yield from _shown(ctx, args, ctx.kernel.tasks.get(ctx.task))
        begun = False
        for word in args.operands:
            found = find_task(ctx.kernel.tasks, word)
            if found is None:
                gap = "\n" if begun else ""
                yield Notice(f"{gap}invalid task or pid value: {word}")
                begun = True
                continue
            for task in found.tasks:
                if begun and "R" not in args:
                    yield Gap()
                begun |= "R" not in args
                yield from _shown(ctx, args, task)

    def run_task(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        return _Space(ctx, args, task).rows()

    def check_each(self, args: Args, operands: Sequence[str]) -> Iterator[Notice]:
        if "x" in args and "d" in args:
            raise CrashError("vm: -x and -d options are mutually exclusive")
        if sum(letter in args for letter in "pmv") > 1:
            raise CrashError("vm command accepts only one of -p, -m or -v flags")
        for letter in "mv":
            if "R" in args and letter in args:
                raise CrashError(f"vm: -{letter} is not applicable to the -R option")
        return iter(())

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        shown = _Shown(view, args)
        for row in rows:
            yield from shown.lines(row)


def _check(ctx: Context, args: Args) -> Iterator[Notice]:
    """Raises CrashError and UsageError for options that do not go together, in their order."""
    seen, wrong, radix = "", False, ""
    for letter, value in args.given:
        if letter == "M" and not ctx.kernel.memory.is_kernel(hexadecimal(value or "")):
            raise CrashError(f"invalid mm_struct address: {value}")
        if letter in "xd":
            if radix not in ("", letter):
                raise CrashError("-d and -x are mutually exclusive")
            radix = letter
        if letter in _EXCLUSIVE:
            if letter == "R" and "R" in seen:
                yield Notice("only one -R option allowed")
            if letter == "P" and not seen:
                hexadecimal(value or "")
            wrong |= bool(seen) and not (letter == "R" and seen == "p")
            seen += letter
    if wrong:
        raise UsageError


def _shown(ctx: Context, args: Args, task: Task) -> Iterator[Row]:
    """What a line shows of one task."""
    if "R" not in args:
        yield TaskHeader(task.pid, task.address, task.cpu, task.comm)
    yield from _Space(ctx, args, task).rows()


class _Space:
    """Finds what is to be shown of the user space of one task."""

    def __init__(self, ctx: Context, args: Args, task: Task) -> None:
        self._ctx = ctx
        self._kernel = ctx.kernel
        self._args = args
        self._task = task
        self._vmas = ctx.kernel.part(Vmas)

    def rows(self) -> Iterator[Row]:
        args, task = self._args, self._task
        use = self._kernel.task_memory.use(task)
        kib = self._kernel.page_size // 1024
        row = MmRow(task.mm, use.pgd, use.rss * kib, use.total_vm * kib)
        wanted = args.value("R")
        if wanted is not None:
            yield from self._referring(row, _Reference.of(wanted))
            return
        if not any(letter in args for letter in "mvP"):
            yield row
        mm = task.mm or (yield from self._given())
        if not mm:
            return
        if "m" in args:
            yield from self._structure("mm_struct", [mm])
            return
        if "v" in args:
            yield from self._structure("vm_area_struct", self._vmas.addresses(mm))
            return
        if "P" in args:
            yield from self._single(mm, hexadecimal(args.value("P") or ""))
            return
        if "p" not in args:
            yield Begin()
        for vma in self._vmas.of(mm):
            if "p" in args:
                yield Begin()
            found = vma_row(self._kernel, vma)
            yield found
            if "p" in args:
                yield from self._pages(mm, vma, found)

    def _given(self) -> Generator[Row, None, int]:
        """The mm_struct of -M, 0 without. Raises CrashError where it is none."""
        value = self._args.value("M")
        if value is None:
            return 0
        kernel, mm = self._kernel, hexadecimal(value)
        physical = kernel.arch.tables.kernel_physical(mm)
        if physical is None:
            yield Notice(f"cannot make virtual-to-physical translation: {mm:x}", "WARNING")
        elif not (yield from has_page(kernel, physical)):
            yield Notice(f"cannot find mem_map page for address: {mm:x}", "WARNING")
        if not kernel.slab.cache_of(mm).startswith("mm_struct"):
            raise CrashError("invalid mm_struct address")
        if not kernel.part(Vmas).users(mm):
            raise CrashError("stale mm_struct address")
        return mm

    def _structure(self, name: str, addresses: Iterable[int]) -> Iterator[Row]:
        """Structures of this name. Raises CrashError where the kernel has no such type."""
        kernel = self._kernel
        datatype = kernel.part(Expressions).types.find(name)
        if datatype is None:
            raise CrashError(f"invalid structure name: {name}")
        options = Session(self._ctx).options(asked_radix(self._args))
        reader = kernel.part(Expressions).structs(options)
        for address in addresses:
            yield from struct_rows(name, address, [reader.whole(datatype, address)])

    def _single(self, mm: int, address: int) -> Iterator[Row]:
        """One area with its pages."""
        vma = next((vma for vma in self._vmas.of(mm) if vma.address == address), None)
        if vma is None:
            yield _NotFound()
            return
        yield Begin()
        found = vma_row(self._kernel, vma)
        yield found
        yield from self._pages(mm, vma, found)

    def _pages(self, mm: int, vma: Vma, row: VmaRow) -> Iterator[Row]:
        yield _Pages(physical_digits(self._kernel))
        yield from self._each_page(mm, vma, row)

    def _each_page(self, mm: int, vma: Vma, row: VmaRow) -> Iterator[VirtualPageRow]:
        """The pages of an area. Raises ReadError."""
        kernel = self._kernel
        page, tables = kernel.page_size, kernel.arch.tables
        swap = kernel.part(SwapAreas)
        for span in tables.user_spans(mm, vma.start, vma.end):
            end = span.address + span.size
            if span.physical is not None:
                away = span.physical - span.address
                for at in range(span.address, end, page):
                    yield VirtualPageRow(at, at + away)
            elif span.entry and span.size == page:
                entry = tables.swap(span.entry)
                yield VirtualPageRow(span.address, None, swap.place(entry), entry.offset)
            elif row.path:
                away = vma.offset - vma.start
                for at in range(span.address, end, page):
                    yield VirtualPageRow(at, None, None, None, row.path, at + away)
            else:
                for at in range(span.address, end, page):
                    yield VirtualPageRow(at, None)

    def _referring(self, row: MmRow, reference: _Reference) -> Iterator[Row]:
        """What refers to something, behind the task's header if there is anything."""
        task = self._task
        heading = [TaskHeader(task.pid, task.address, task.cpu, task.comm), row]
        if reference.number in (row.mm, row.pgd):
            yield from heading
            yield Gap()
            return
        if not row.mm:
            return
        found = False
        for vma in self._vmas.of(row.mm):
            for part in self._referring_in(row.mm, vma, reference):
                if not found:
                    yield from heading
                found = True
                yield part
        if found:
            yield Gap()

    def _referring_in(self, mm: int, vma: Vma, reference: _Reference) -> Iterator[Row]:
        """An area that is meant or has pages that are, and those."""
        row = vma_row(self._kernel, vma)
        shown = reference.area(row)
        if shown:
            yield row
        pages = filter(reference.page_of, self._each_page(mm, vma, row))
        first = next(pages, None)
        if first is None:
            return
        if not shown:
            yield _ByPages()
            yield row
        yield _Pages(physical_digits(self._kernel))
        yield first
        yield from pages


class _Shown:
    """Makes lines of the rows of user spaces."""

    def __init__(self, view: View, args: Args) -> None:
        self._view = view
        self._referring = "R" in args
        self._digits = 0
        self._start_over()

    def _start_over(self) -> None:
        """A task begins. With -R: which area was shown last under a heading, whether pages were
        since then, and the area that is shown if pages of it are."""
        self._headed: VmaRow | None = None
        self._paged = False
        self._by_pages = False
        self._current: VmaRow | None = None

    def lines(self, row: Row) -> Iterator[str]:
        view = self._view
        if isinstance(row, VmaRow):
            yield from self._area(row)
        elif isinstance(row, VirtualPageRow):
            yield _page_line(row, view, self._digits)
        elif isinstance(row, TaskHeader):
            self._start_over()
            yield header_line(row, view.word_size)
        elif isinstance(row, MmRow):
            yield from _mm_lines(row, view)
        elif isinstance(row, _Pages):
            yield from self._pages(row)
        elif isinstance(row, _ByPages):
            self._by_pages = True
        elif isinstance(row, _NotFound):
            yield "(not found)"
        elif isinstance(row, Begin):
            yield vma_heading(view)
        elif isinstance(row, Gap):
            yield ""
        elif isinstance(row, StructRow):
            yield from struct_lines(row, view)
        elif isinstance(row, FlagsRow):
            yield f"{row.flags:x}: ({'|'.join(row.flag_names)})"

    def _area(self, row: VmaRow) -> Iterator[str]:
        self._current = row
        if self._by_pages:
            self._by_pages = False
            return
        if self._referring and (self._headed is None or self._paged):
            self._headed, self._paged = row, False
            yield vma_heading(self._view)
        yield vma_line(row, self._view)

    def _pages(self, row: _Pages) -> Iterator[str]:
        view = self._view
        self._digits, self._paged = row.digits, True
        if self._referring and self._headed is not self._current and self._current is not None:
            self._headed = self._current
            yield vma_heading(view)
            yield vma_line(self._current, view)
        yield f"{'VIRTUAL':{view.user_digits}}  {'PHYSICAL':{row.digits}}"


def _mm_lines(row: MmRow, view: View) -> Iterator[str]:
    width = view.pointer_width
    yield f"{'MM':^{width}}  {'PGD':^{width}}  {'RSS':^6}  TOTAL_VM"
    rss, vsz = f"{row.rss}k", f"{row.vsz}k"
    yield f"{row.mm:^{width}x}  {row.pgd:^{width}x}  {rss:^6}  {vsz:^8}"


def _page_line(row: VirtualPageRow, view: View, digits: int) -> str:
    place = f"{row.address:<{view.user_digits}x}  "
    if row.physical is not None:
        return f"{place}{row.physical:{digits}x}"
    if row.swap is not None:
        return f"{place}SWAP: {row.swap or '(unknown swap location)'}  OFFSET: {row.swap_offset}"
    if row.path is not None:
        return f"{place}FILE: {row.path}  OFFSET: {row.offset:x}"
    return f"{place}(not mapped)"
