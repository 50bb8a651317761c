"""vm: the user spaces of tasks: what is mapped where, and the pages behind it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import (
    HEX,
    TASK,
    Args,
    Begin,
    Context,
    CrashError,
    Flag,
    Gap,
    Notice,
    Row,
    TaskCommand,
    TaskHeader,
    UsageError,
    View,
    Word,
    asked_radix,
    find_task,
    hexadecimal,
    is_decimal,
    is_number,
    many,
    parse_args,
    task_header,
)
from pycrash.api.pagerows import physical_digits
from pycrash.api.slabfacts import cache_at
from pycrash.api.structrows import StructRow, struct_rows
from pycrash.api.vmrows import (
    AreaList,
    AreaLists,
    ByPages,
    FlagsRow,
    MmRow,
    NoArea,
    PageBlock,
    PagesBegin,
    VirtualPageRow,
    VmaRow,
    page_blocks,
)
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.expressions import Expressions
from pycrash.kernel.mm.swap import UNKNOWN, SwapAreas
from pycrash.kernel.mm.userpages import WildArea
from pycrash.kernel.mm.vmas import Vmas
from pycrash.kernel.tasks.table import Task
from pycrash.render.vmlines import VmText

#: Each shows something else: at most one may be given, but for -R behind -p.
_EXCLUSIVE = "pmvRPf"


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

    def pages(self, row: PageBlock) -> Iterator[VirtualPageRow]:
        """Those of some pages that are meant, by their addresses or by where they are."""
        numbers = set(row.swapped)
        if self.number is not None:
            for first in (row.block.address, row.offset):
                if first is not None:
                    numbers.add((self.number - first) // row.size)
            if self.number in row.block.places:
                places = enumerate(row.block.places)
                numbers |= {number for number, place in places if place == self.number}
        found = (row.row(number) for number in sorted(numbers) if 0 <= number < row.block.count)
        return filter(self._page, found)

    def _page(self, row: VirtualPageRow) -> bool:
        if self.number is not None and self.number in (row.address, row.physical, row.offset):
            return True
        if row.swap is None:
            return False
        return self.names(row.swap or UNKNOWN) or (
            self.page is not None and self.page == row.swap_offset
        )


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
    operands = (many(TASK),)
    rows = (TaskHeader, MmRow, VmaRow, VirtualPageRow, StructRow, FlagsRow)
    related = ("vtop", "files", "gcore", "ps")
    examples = (
        ("The areas of the first process", "vm 1"),
        ("Who has a file mapped", "foreach vm -R busybox"),
        ("The pages of an area", "vm -P ff1816ac011b5098 1"),
        ("What flags mean", "vm -f 8000075"),
    )
    task_flags = "pmvxd"
    task_values = "R"

    def parse(self, words: Sequence[str]) -> Args:
        # Behind -f nothing is read, unless something stands before it that it does not go with.
        args = parse_args(self.name, self.flags, words, at_once="f")
        if any(letter in args for letter in _EXCLUSIVE if letter != "f"):
            return parse_args(self.name, self.flags, words)
        return args

    def read(self, ctx: Context, before: Args, letter: str, value: str | None) -> Iterator[Row]:
        if letter == "M" and not ctx.kernel.memory.is_kernel(hexadecimal(value or "")):
            raise CrashError(f"invalid mm_struct address: {value}")
        if letter in "xd":
            asked_radix(Args((*before.given, (letter, value))))
        shown = [given for given, _ in before.given if given in _EXCLUSIVE]
        if letter == "R" and (shown[:1] == ["R"] or shown[:2] == ["p", "R"]):
            yield Notice("only one -R option allowed")
        if letter == "P" and not shown:
            hexadecimal(value or "")

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from self.read_all(ctx, args)
        shown = [letter for letter, _ in args.given if letter in _EXCLUSIVE]
        if len(shown) > 1 and shown != ["p", "R"]:
            raise UsageError
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
        shown = VmText(view, "R" in args)
        for row in rows:
            yield from shown.lines(row)


def _shown(ctx: Context, args: Args, task: Task) -> Iterator[Row]:
    """What a line shows of one task."""
    if "R" not in args:
        yield task_header(task)
    yield from _Space(ctx, args, task).rows()


class _Space:
    """Finds what is to be shown of the user space of one task."""

    def __init__(self, ctx: Context, args: Args, task: Task) -> None:
        self._ctx = ctx
        self._kernel = ctx.kernel
        self._args = args
        self._task = task
        self._vmas = ctx.kernel.part(Vmas)
        self._areas = ctx.kernel.part(AreaLists)

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
        areas = self._areas.of(mm)
        if "p" in args:
            yield from self._with_pages(mm, areas)
        else:
            yield areas
        if areas.failure is not None:
            raise areas.failure

    def _with_pages(self, mm: int, areas: AreaList) -> Iterator[Row]:
        digits = physical_digits(self._kernel)
        wild = None
        for area in areas.rows():
            yield Begin()
            yield area
            yield PagesBegin(digits)
            try:
                yield from page_blocks(self._kernel, mm, area)
            except WildArea as error:
                wild = error
        if areas.failure is not None or wild is not None:
            yield Begin()
        if wild is not None:
            raise wild

    def _given(self) -> Generator[Row, None, int]:
        """The mm_struct of -M, 0 without. Raises CrashError where it is none."""
        value = self._args.value("M")
        if value is None:
            return 0
        kernel, mm = self._kernel, hexadecimal(value)
        if not (yield from cache_at(kernel, mm, beyond=True)).startswith("mm_struct"):
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
            yield NoArea()
            return
        yield Begin()
        row = self._areas.row(vma)
        yield row
        yield PagesBegin(physical_digits(self._kernel))
        yield from page_blocks(self._kernel, mm, row)

    def _referring(self, row: MmRow, reference: _Reference) -> Iterator[Row]:
        """What refers to something, behind the task's header if there is anything."""
        task = self._task
        heading = [task_header(task), row]
        if reference.number in (row.mm, row.pgd):
            yield from heading
            yield Gap()
            return
        if not row.mm:
            return
        found, in_swap = False, self._is_of_swap(reference)
        for area in self._areas.of(row.mm).rows():
            for part in self._referring_in(row.mm, area, reference, in_swap):
                if not found:
                    yield from heading
                found = True
                yield part
        if found:
            yield Gap()

    def _is_of_swap(self, reference: _Reference) -> bool:
        """Whether pages have to be looked at: for a number, or a swap area of such a name."""
        if reference.number is not None or reference.names(UNKNOWN):
            return True
        areas = self._kernel.part(SwapAreas)
        return any(reference.names(areas.path(area)) for area in areas.all)

    def _referring_in(
        self, mm: int, row: VmaRow, reference: _Reference, with_pages: bool
    ) -> Iterator[Row]:
        """An area that is meant or has pages that are, and those."""
        shown = reference.area(row)
        if shown:
            yield row
        found = page_blocks(self._kernel, mm, row) if with_pages else ()
        pages = (page for block in found for page in reference.pages(block))
        first = next(pages, None)
        if first is None:
            return
        if not shown:
            yield ByPages()
            yield row
        yield PagesBegin(physical_digits(self._kernel))
        yield first
        yield from pages
