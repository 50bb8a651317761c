"""vtop: where a virtual address is in physical memory, and the way there."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pycrash.api import (
    HEX,
    TASK,
    Address,
    Args,
    Begin,
    Bytes,
    Context,
    CrashError,
    Flag,
    Gap,
    Hidden,
    Notice,
    Row,
    TaskCommand,
    UsageError,
    View,
    hexadecimal,
    many,
)
from pycrash.api.pagerows import (
    PageHeading,
    PageRow,
    PteRow,
    has_page,
    page_row,
    physical_digits,
    pte_row,
)
from pycrash.api.vmrows import AreaLists, VmaRow
from pycrash.kernel.core.pagetables import Translation
from pycrash.kernel.mm.pages import Pages
from pycrash.kernel.tasks.table import Task
from pycrash.render.pagelines import page_heading, page_line, pte_lines
from pycrash.render.vmlines import vma_heading, vma_line

_SpaceName = Literal["user", "kernel"]
_EXCLUSIVE = "-u and -k options are mutually exclusive"
#: crash's words for large pages.
_SIZES = {1 << 21: "2MB", 1 << 25: "32MB", 1 << 29: "512MB", 1 << 30: "1GB"}


@dataclass(frozen=True)
class _Heading(Begin):
    """An address of this space follows."""

    space: _SpaceName


@dataclass(frozen=True)
class AddressRow(Row, kind="vtop.address"):
    """A virtual address and the physical one. `state` tells why there is none: "not mapped",
    "not accessible" (no area of the user space has it), "not a kernel virtual address"."""

    address: Address
    space: _SpaceName
    physical: Address | None
    state: str


@dataclass(frozen=True)
class EntryFact:
    """An entry of a page table: its level ("PGD"...), where it lies and what stands there."""

    level: str
    address: Address
    value: Address


@dataclass(frozen=True)
class WalkRow(Row, kind="vtop.walk"):
    """The entries on the way through the page tables from the top table at `root` down, the last
    of them the one that decides. `frame` is the physical address of the page it maps and `size`
    the bytes of that."""

    root: Address
    entries: tuple[EntryFact, ...]
    frame: Address | None
    size: Bytes
    zeros: Hidden[bool | None]
    heads: Hidden[tuple[str, ...]]


@dataclass(frozen=True)
class BackingRow(Row, kind="vtop.file"):
    """Where in a file a page is that is not in memory."""

    path: str
    offset: Bytes


class Vtop(TaskCommand):
    name = "vtop"
    summary = "virtual addresses as physical ones"
    synopsis = "[-c [pid | taskp]] [-u|-k] address ..."
    description = (
        "Translates hexadecimal virtual addresses of the current task's user space, or of the "
        "kernel, to physical ones, and shows the page table entries on the way, the flags of "
        "the last one by name, and the kernel's record of the page. For a user address the "
        "area it lies in is shown as well, and where a page is that is not in memory: the swap "
        "file and the page in it, or the file that is mapped and the offset."
    )
    flags = (
        Flag("u", "The address is one of user space."),
        Flag("k", "The address is one of the kernel's."),
        Flag("c", "Translate addresses of this task's user space.", value=TASK.named("pid|taskp")),
    )
    checked = "c"
    operands = (many(HEX.named("address")),)
    rows = (AddressRow, WalkRow, PteRow, VmaRow, BackingRow, PageRow)
    related = ("pte", "kmem", "vm", "ptov", "rd")
    examples = (
        ("A kernel address", "vtop ffffffffa8a86640"),
        ("The beginning of a program", "vtop -c 1 400000"),
    )
    task_flags = "uk"

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        table = ctx.kernel.tasks
        task = None
        for value in args.values("c"):
            task = TASK.parse(ctx, value).tasks[0]
        if not args.operands:
            raise UsageError
        if task is None:
            task = table.get(ctx.task)
        if "u" in args and "k" in args:
            raise CrashError(_EXCLUSIVE)
        headed = set[int]()
        for number, word in enumerate(args.operands):
            address = hexadecimal(word)
            space = _space(ctx, args, address)
            if number:
                yield Gap()
            yield from _translated(ctx, task, address, space, headed)

    def run_task(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        for word in args.operands:
            address = hexadecimal(word)
            yield from _translated(ctx, task, address, _space(ctx, args, address), ctx.seen)

    def check_each(self, args: Args, operands: Sequence[str]) -> Iterator[Notice]:
        if not operands:
            raise CrashError("foreach command requires address argument")
        if "R" in args:
            raise CrashError("vtop command does not support -R option")
        if "u" in args and "k" in args:
            raise CrashError(f"vtop: {_EXCLUSIVE}")
        for word in operands:
            hexadecimal(word)
        return iter(())

    def task_words(self, args: Args, operands: Sequence[str]) -> list[str]:
        return [*super().task_words(args, operands), "--", *operands]

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        shown = _Shown(view)
        for row in rows:
            yield from shown.lines(row)


def _space(ctx: Context, args: Args, address: int) -> _SpaceName:
    """The space an address is taken for. Raises CrashError where it could be none."""
    if "u" in args or "k" in args:
        return "user" if "u" in args else "kernel"
    memory = ctx.kernel.memory
    if memory.is_user(address) == memory.is_kernel(address):
        raise CrashError(f"ambiguous address: {address:x}  (requires -u or -k)")
    return "user" if memory.is_user(address) else "kernel"


def _translated(
    ctx: Context, task: Task, address: int, space: _SpaceName, headed: set[int]
) -> Iterator[Row]:
    """All about one address. `headed` is empty until a page was shown."""
    yield _Heading(space)
    walk = _user if space == "user" else _kernel
    physical = yield from walk(ctx, task, address)
    if physical is None:
        return
    if (yield from has_page(ctx.kernel, physical)):
        if not headed:
            yield PageHeading(physical_digits(ctx.kernel))
        row = page_row(ctx.kernel, physical)
        headed.add(row.page)
        yield row


def _user(ctx: Context, task: Task, address: int) -> Generator[Row, None, int | None]:
    """An address of a task's user space; gives the physical one of a page that is there."""
    kernel = ctx.kernel
    area = kernel.part(AreaLists).at(task.mm, address) if task.mm else None
    if area is None:
        yield AddressRow(address, "user", None, "not accessible")
        return None
    walk = kernel.arch.tables.user_walk(task.mm, address)
    yield AddressRow(address, "user", walk.physical, "" if walk.size else "not mapped")
    yield from _walked(ctx, walk, tells_zeros=True)
    yield area
    swapped = walk.last.level == "PTE" and walk.last.value
    if not walk.size and not swapped and area.path and area.offset is not None:
        page = kernel.page_size
        yield BackingRow(area.path, (address - area.start) // page * page + area.offset)
    yield Gap()
    return walk.physical


def _kernel(ctx: Context, task: Task, address: int) -> Generator[Row, None, int | None]:
    """An address of the kernel's; gives the physical one, also where it is known by arithmetic
    and the page tables have none."""
    kernel = ctx.kernel
    if not kernel.memory.is_kernel(address):
        yield AddressRow(address, "kernel", None, "not a kernel virtual address")
        return None
    tables = kernel.arch.tables
    physical = tables.kernel_physical(address)
    yield AddressRow(address, "kernel", physical, "not mapped" if physical is None else "")
    walk = tables.kernel_walk(address)
    yield from _walked(ctx, walk, tables.notes_zero_page)
    yield Gap()
    return physical if walk.physical is None else walk.physical


def _walked(ctx: Context, walk: Translation, tells_zeros: bool) -> Iterator[Row]:
    """The way through the tables, and what the last entry says. `tells_zeros`: crash says of
    these addresses which are of the page of zeros."""
    kernel, last = ctx.kernel, walk.last
    page = kernel.arch.tables.frame(last.value) if walk.size else None
    zeros = page in kernel.part(Pages).zeros if tells_zeros else None
    entries = tuple(EntryFact(*entry) for entry in walk.entries)
    yield WalkRow(walk.root, entries, page, walk.size, zeros, walk.heads)
    if walk.size or (last.level == "PTE" and last.value):
        yield pte_row(kernel, last.value)


class _Shown:
    """Makes lines of the rows of addresses."""

    def __init__(self, view: View) -> None:
        self._view = view
        #: What the last entry said of a page that is not in memory.
        self._swapped: PteRow | None = None

    def lines(self, row: Row) -> Iterator[str]:
        view = self._view
        if isinstance(row, _Heading):
            width = view.user_digits if row.space == "user" else view.pointer_width
            yield f"{'VIRTUAL':{width}}  {'PHYSICAL':{view.pointer_width}}"
        elif isinstance(row, AddressRow):
            yield self._address(row)
            yield ""
        elif isinstance(row, WalkRow):
            self._swapped = None
            yield from _walk_lines(row)
        elif isinstance(row, PteRow):
            yield ""
            yield from pte_lines(row)
            self._swapped = row if row.physical is None else None
        elif isinstance(row, VmaRow):
            yield ""
            yield vma_heading(view)
            yield vma_line(row, view)
            if self._swapped is not None:
                yield ""
                yield f"SWAP: {self._swapped.swap}  OFFSET: {self._swapped.swap_offset}"
        elif isinstance(row, BackingRow):
            yield ""
            yield f"FILE: {row.path}  OFFSET: {row.offset:x}"
        elif isinstance(row, Gap):
            yield ""
        elif isinstance(row, PageHeading):
            yield page_heading(row, view)
        elif isinstance(row, PageRow):
            yield page_line(row, view)

    def _address(self, row: AddressRow) -> str:
        width = self._view.user_digits if row.space == "user" else self._view.pointer_width
        if row.state == "not a kernel virtual address":
            width = 8
        if row.physical is None:
            return f"{row.address:<{width}x}  ({row.state})"
        return f"{row.address:<{width}x}  {row.physical:<{self._view.pointer_width}x}"


def _walk_lines(row: WalkRow) -> Iterator[str]:
    """The entries, the first ones under other words where crash has these, and the page."""
    heads = (row.root, *(entry.value for entry in row.entries))
    for name, value in zip(row.heads, heads, strict=False):
        yield f"{name}: {value:x}"
    for entry in row.entries[max(len(row.heads) - 1, 0) :]:
        yield f"{entry.level:>6}: {entry.address:x} => {entry.value:x}"
    if row.frame is None:
        return
    line = f"  PAGE: {row.frame:x}"
    size = _SIZES.get(row.size)
    if size is not None:
        yield f"{line}  ({size}{', ZERO PAGE' if row.zeros else ''})"
    elif row.zeros is None:
        yield line
    else:
        yield f"{line}  {'(ZERO PAGE)' if row.zeros else ''}"
