"""files: what tasks have open, and what stands behind a dentry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

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
    decimal,
    find_task,
    hexadecimal,
    is_decimal,
    is_number,
    many,
    task_header,
)
from pycrash.api.pagerows import PageHeading, PageRow, page_row, physical_digits
from pycrash.kernel.mm.folios import Folios
from pycrash.kernel.mm.nodes import Nodes
from pycrash.kernel.mm.pages import Page, Pages
from pycrash.kernel.tasks.table import Task
from pycrash.kernel.vfs.dentries import Dentries
from pycrash.kernel.vfs.files import Files
from pycrash.kernel.vfs.inodes import Inodes
from pycrash.kernel.vfs.mounts import Mounts
from pycrash.kernel.vfs.pagecache import PageCache
from pycrash.kernel.vfs.paths import Paths
from pycrash.render.filerows import (
    CachedRow,
    DentryRow,
    DirectoriesRow,
    FileRow,
    NodeRow,
    NoFiles,
    file_lines,
)

_INODE = HEX.named("inode")


class FilesCommand(TaskCommand):
    name = "files"
    summary = "open files"
    synopsis = "[-d dentry] | [-p inode] | [-c] [-R reference] [pid | taskp] ... "
    description = (
        "Shows the root and working directory of each task named, or of the current one, and "
        "what its file descriptors stand for: the address of the struct file, of its dentry and "
        "inode, the type (REG regular, DIR directory, CHR and BLK devices, FIFO, SOCK, LNK, UNKN "
        "for what has none, as event descriptors) and the path name. The path is the one in the "
        "mount namespace of the file, also of a file that was removed meanwhile."
    )
    flags = (
        Flag("d", "What this dentry is the name of.", HEX.named("dentry")),
        Flag("p", "The pages of this inode that are cached.", _INODE),
        Flag("n", "How many of its cached pages are on each NUMA node.", _INODE),
        Flag("c", "For each file its address_space and how many of its pages are cached."),
        Flag(
            "R",
            "Only what refers to this: a number of a descriptor, the address of a file, dentry "
            "or inode, a type, or a part of a path name. Nothing is shown of a task without it.",
            value=Word("reference", "a descriptor, an address, a type, or part of a path"),
        ),
    )
    operands = (many(TASK),)
    rows = (TaskHeader, DirectoriesRow, FileRow, DentryRow, CachedRow, NodeRow, PageRow)
    related = ("foreach", "fuser", "mount", "net", "vm")
    examples = (
        ("The files of the current task", "files"),
        ("Of process 81, with how much of each is cached", "files -c 81"),
        ("Who has something on a mounted file system open", "foreach files -R /mnt"),
    )
    at_once = "dpn"
    task_flags = "c"
    task_values = "R"

    def read(self, ctx: Context, before: Args, letter: str, value: str | None) -> Iterator[Row]:
        if letter == "R" and "R" in before:
            yield Notice("only one -R option allowed")

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from self.read_all(ctx, args)
        for letter, value in args.given:
            if letter in _SINGLE and value is not None:
                yield from _SINGLE[letter](ctx, hexadecimal(value))
                return
        if args.count("R") > 1:
            raise UsageError
        if not args.operands:
            yield from self._show(ctx, args, ctx.kernel.tasks.get(ctx.task))
        for place, operand in enumerate(args.operands):
            found = find_task(ctx.kernel.tasks, operand)
            if found is None:
                yield Notice(f"invalid task or pid value: {operand}")
                continue
            for task in found.tasks:
                if place and "R" not in args:
                    yield Gap()
                yield from self._show(ctx, args, task)
                if found.kind == "pid":
                    yield Gap()

    def run_task(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        if "R" not in args:
            return _all_of_task(ctx, args, task)
        return _found_in_task(ctx, args, task)

    def check_each(self, args: Args, operands: Sequence[str]) -> Iterator[Notice]:
        if "p" in args:
            raise CrashError("files command does not support -p option")
        return iter(())

    def _show(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        if "R" not in args:
            yield task_header(task)
        yield from self.run_task(ctx, args, task)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return file_lines(view, rows, cached="c" in args, found="R" in args)


def _all_of_task(ctx: Context, args: Args, task: Task) -> Iterator[Row]:
    place = _directories(ctx, task)
    if place is not None:
        yield place
    none = True
    for row in _files(ctx, "c" in args, task):
        none = False
        yield row
    if none:
        yield NoFiles()


def _found_in_task(ctx: Context, args: Args, task: Task) -> Iterator[Row]:
    """What refers to something; behind the task's header, which is due with the first of it."""
    reference = args.value("R") or ""
    place = _directories(ctx, task)
    before: list[Row] = [task_header(task)]
    before += [] if place is None else [place]
    shown = place is not None and any(_part_of(reference, p) for p in (place.root, place.cwd))
    if shown:
        yield from before
    refers = _Reference(reference, ctx.kernel.part(Files).room(task.address))
    for row in _files(ctx, "c" in args, task):
        if refers.to(row):
            if not shown:
                yield from before
            shown = True
            yield row
    if shown:
        yield Gap()


def _directories(ctx: Context, task: Task) -> DirectoriesRow | None:
    place = ctx.kernel.part(Files).directories(task.address)
    if place is None:
        return None
    path = ctx.kernel.part(Paths).path
    root = path(place.root, place.root_mount) if place.root else ""
    return DirectoriesRow(root, path(place.cwd, place.cwd_mount) if place.cwd else "")


def _files(ctx: Context, cached: bool, task: Task) -> Iterator[FileRow]:
    """The open files of a task; `cached` asks for their cached pages."""
    files, count = ctx.kernel.part(Files), ctx.kernel.part(PageCache).count
    for fd, address in files.of_task(task.address):
        facts = files.open_file(address)
        mapping = facts.mapping if cached else None
        pages = None if mapping is None else count(mapping)
        yield FileRow(fd, *facts[:-1], mapping, pages)


class _Reference:
    """What -R asks for: numbers are a descriptor's where the task has room for it, else an
    address or a descriptor in hexadecimal."""

    def __init__(self, text: str, room: int) -> None:
        self._text = text
        self._fd = self._value = -1
        if is_number(text):
            if is_decimal(text) and decimal(text) <= room:
                self._fd = decimal(text)
            else:
                self._value = hexadecimal(text)

    def to(self, row: FileRow) -> bool:
        """Whether the file is, or has, what is asked for."""
        if row.fd in (self._fd, self._value):
            return True
        numbers: tuple[int | None, ...] = (row.file, row.dentry, row.inode)
        if row.pages is not None:
            numbers = (row.inode, row.mapping)
        return (
            self._value in numbers
            or self._text == (row.type or "?")
            or _part_of(self._text, row.path or "")
        )


def _part_of(reference: str, path: str) -> bool:
    """Whether a path has the text somewhere; the root directory alone is its own."""
    return path == "/" if reference == "/" else reference in path


def _dentry(ctx: Context, address: int) -> Iterator[Row]:
    """What a dentry is the name of, as the first task sees it."""
    kernel = ctx.kernel
    yield Begin()
    dentry = kernel.part(Dentries).get(address)
    inode = kernel.part(Inodes).get(dentry.inode) if dentry.inode else None
    superblock = dentry.superblock if inode is None else inode.superblock
    path = _seen_path(ctx, address, superblock) if superblock else ""
    kind = None if inode is None else inode.type
    path = "" if kind == "SOCK" and path == "/" else path
    yield DentryRow(address, dentry.inode or None, superblock, kind, path)


def _seen_path(ctx: Context, dentry: int, superblock: int) -> str:
    """The path of a dentry through the last mount of its file system; empty where it has none."""
    kernel = ctx.kernel
    mounts, path = kernel.part(Mounts), kernel.part(Paths).path
    init = kernel.tasks.by_pid(1)
    if not init:
        raise CrashError("cannot determine mount list location!")
    found = [m.vfsmount for m in mounts.of_task(init[0].address) if m.superblock == superblock]
    found = found or [m.vfsmount for m in mounts.inner() if m.superblock == superblock]
    return path(dentry, found[-1]) if found else ""


def _cached(ctx: Context, address: int) -> Iterator[Row]:
    """The cached pages of an inode."""
    row = _cached_row(ctx, address)
    yield row
    total, size = 0, ctx.kernel.part(Folios).pages
    for page in _pages(ctx, row):
        if not total:
            yield PageHeading(physical_digits(ctx.kernel))
        total += size(page)
        yield page_row(ctx.kernel, page.physical)
    yield from _count_checked(ctx, row, total)


def _by_node(ctx: Context, address: int) -> Iterator[Row]:
    """How many of an inode's cached pages are on each node."""
    row = _cached_row(ctx, address)
    yield row
    nodes, size = ctx.kernel.part(Nodes), ctx.kernel.part(Folios).pages
    counts = {node.id: 0 for node in nodes.all}
    for page in _pages(ctx, row):
        node = nodes.of_page(page.physical // ctx.kernel.page_size)
        if node is None:
            raise CrashError(f"Invalid node(-1) for page(0x{page.address:x})")
        counts[node.id] += size(page)
    yield from _count_checked(ctx, row, sum(counts.values()))
    yield from (NodeRow(node, count) for node, count in counts.items())


def _cached_row(ctx: Context, address: int) -> CachedRow:
    inode = ctx.kernel.part(Inodes).get(address, "inode buffer")
    count = ctx.kernel.part(PageCache).count(inode.mapping)
    return CachedRow(address, inode.mapping, count)


def _pages(ctx: Context, row: CachedRow) -> Iterator[Page]:
    """The cached pages, each large folio once; what is no page there ends it with a message."""
    cache, pages = ctx.kernel.part(PageCache), ctx.kernel.part(Pages)
    for place, entry in enumerate(cache.entries(row.mapping) if row.pages else ()):
        physical = pages.physical(entry)
        if physical is None:
            tree = cache.tree_name.replace(" ", "_")
            failed = "callback operation failed"
            raise CrashError(f"do_{tree}: {failed}: entry: {place}  item: {entry:x}")
        yield pages.get(physical)


def _count_checked(ctx: Context, row: CachedRow, total: int) -> Iterator[Row]:
    """A word on it where the tree has more or fewer pages than the file counts."""
    if total != row.pages:
        tree = ctx.kernel.part(PageCache).tree_name
        yield Notice(f"{tree} page count: {total}  nrpages: {row.pages}")


#: What the options show that are about one dentry or inode.
_SINGLE: dict[str, Callable[[Context, int], Iterator[Row]]] = {
    "d": _dentry,
    "p": _cached,
    "n": _by_node,
}
